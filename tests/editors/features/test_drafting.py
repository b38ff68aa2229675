"""Drafting: what becomes of edges and segments that the engine drew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, LINES, PHOTO, Scene, flat, image_frame
else:
    from scenes import COLOURS, LINES, PHOTO, Scene, flat, image_frame


def test_drafts_become_layers_that_are_chosen(scene: Scene) -> None:
    scene.do("edges")
    lines = flat(0, 0, 0, 9)
    scene.engine.reply("edges", "result", {}, image_frame(lines, "edges"))
    assert scene.document.names == ["Edges", "Edges 2", "Segments", "Photo"]
    assert scene.state.choices.edges == "d/Edges 2"
    scene.document.current = "d/Photo"
    scene.do("segment")
    scene.engine.reply("segment", "result", {}, image_frame(COLOURS, "segments"))
    assert scene.document.names == ["Edges", "Edges 2", "Segments", "Segments 2", "Photo"]
    assert scene.state.choices.segments == "d/Segments 2"


def drafted(scene: Scene) -> None:
    """A new primitive for a document that has only the photo."""
    scene.show({"Photo": PHOTO})
    scene.do("primitive")
    scene.engine.reply("edges", "result", {}, image_frame(LINES, "edges"))
    palette = {"palette": [[200, 0, 0], [0, 90, 0]]}
    scene.engine.reply("segment", "result", palette, image_frame(COLOURS, "segments"))


def test_a_new_primitive_is_a_group_over_the_picture_ready_to_paint_on(scene: Scene) -> None:
    drafted(scene)
    scene.session.observe()
    assert scene.document.names == ["DeepSIM", "Edges", "Segments", "Photo"]
    assert [picture for _, _, picture in scene.document.stack[1:3]] == [LINES, COLOURS]
    roles = scene.state.roles
    assert [layer.name for layer in (roles.edges, roles.segments, roles.image) if layer] == [
        "Edges",
        "Segments",
        "Photo",
    ]
    assert scene.document.current == "d2/DeepSIM/Segments"
    assert scene.state.palette == ((200, 0, 0), (0, 90, 0))
    assert scene.document.annotation["choices"]["edges"] == "d2/DeepSIM/Edges"


def test_a_primitive_that_is_cancelled_halfway_adds_nothing(scene: Scene) -> None:
    scene.show({"Photo": PHOTO})
    scene.do("primitive")
    scene.do("cancel")
    scene.engine.reply("edges", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.document.names == ["Photo"]
    assert (scene.said, scene.session.jobs) == ("Cancelled.", [])


def test_a_document_closed_while_its_primitive_is_drafted_gets_nothing(scene: Scene) -> None:
    scene.show({"Photo": PHOTO})
    scene.do("primitive")
    scene.engine.reply("edges", "result", {}, image_frame(LINES, "edges"))
    scene.editor.open = []
    scene.session.observe()
    scene.engine.reply("segment", "result", {}, image_frame(COLOURS, "segments"))
    assert "was closed before the result came" in scene.said


def test_a_second_primitive_gets_a_name_of_its_own(scene: Scene) -> None:
    drafted(scene)
    scene.session.observe()
    scene.document.current = "d2/Photo"
    scene.do("primitive")
    scene.engine.reply("edges", "result", {}, image_frame(LINES, "edges"))
    scene.engine.reply("segment", "result", {}, image_frame(COLOURS, "segments"))
    assert scene.document.names[3:5] == ["DeepSIM 2", "Edges"]
    assert scene.state.choices.edges == "d2/DeepSIM 2/Edges"
