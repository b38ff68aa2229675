"""Drafting: what becomes of edges and segments that the engine drew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, Scene, flat, image_frame
else:
    from scenes import COLOURS, Scene, flat, image_frame


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
