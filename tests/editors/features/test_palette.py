"""The segments' colours: which are shown, picked, and what becomes of stray ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deepsim_client import Frame
from deepsim_krita.roles import Choices
from deepsim_krita.state import Mask

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, NOTHING, PHOTO, Scene, flat, image_frame
else:
    from scenes import COLOURS, NOTHING, PHOTO, Scene, flat, image_frame

RED, GREEN = (200, 0, 0), (0, 200, 0)
MASK = bytes([255] * 7 + [0] * 5)


def looked_at(scene: Scene, stray: int) -> None:
    scene.do("check_palette")
    body = {"palette": [list(RED)], "stray": stray}
    segments, mask = image_frame(COLOURS, "segments"), Frame("stray", (3, 4, 1), "uint8", MASK)
    scene.engine.reply("snap", "result", body, segments, mask)


def test_a_picked_colour_is_painted_with_on_the_segments(scene: Scene) -> None:
    scene.studio.palette.pick(GREEN)
    assert scene.editor.brush == GREEN
    assert scene.document.current == "d/Segments"


def test_the_palette_is_the_models_and_before_that_what_the_segments_hold(scene: Scene) -> None:
    looked_at(scene, 0)
    assert scene.studio.palette.colours(scene.state) == (RED,)
    scene.trained(palette=[list(GREEN)])
    assert scene.studio.palette.colours(scene.state) == (GREEN,)


def test_stray_colours_are_pointed_out_with_what_mends_them(scene: Scene) -> None:
    looked_at(scene, 7)
    assert scene.said == "7 pixels of “Segments” have colours of no class; they are selected."
    assert scene.document.selection == Mask((0, 0, 4, 3), MASK)
    assert (scene.mend, scene.state.stray) == ("snap", 7)
    looked_at(scene, 1)
    assert scene.said == "1 pixel of “Segments” has a colour of no class; it is selected."
    looked_at(scene, 0)
    assert scene.said == "All colours of “Segments” belong to the palette."


def test_snapping_repaints_the_layer_which_stays_the_segments(scene: Scene) -> None:
    looked_at(scene, 7)
    scene.studio.choosing.choose(Choices(segments="d/Segments"))
    scene.do("snap")
    clean = flat(*RED, 255)
    body = {"palette": [list(RED)], "stray": 7}
    scene.engine.reply("snap", "result", body, image_frame(clean, "segments"))
    assert scene.document.stack[1][2] == clean
    scene.session.observe()
    assert scene.state.roles.segments is not None
    assert scene.state.roles.segments.name == "Segments"
    assert scene.state.stray == 0


def test_pixels_that_were_pointed_out_are_no_part_to_work_in(scene: Scene) -> None:
    looked_at(scene, 7)
    scene.do("train")
    assert scene.engine.last("train")[1]["image"].shape == (3, 4, 4)
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    scene.do("snap")
    scene.engine.reply("snap", "result", {"stray": 7}, image_frame(COLOURS, "segments"))
    assert scene.document.selection is None


def test_before_training_new_colours_are_classes_and_after_it_the_models_count(
    scene: Scene,
) -> None:
    scene.do("check_palette")
    assert scene.engine.last("snap")[0] == {}
    scene.engine.reply("snap", "error", {"code": "cancelled", "message": "Cancelled."})
    scene.trained(palette=[list(GREEN)])
    scene.do("check_palette")
    assert scene.engine.last("snap")[0] == {"palette": [list(GREEN)]}


def test_without_segments_there_is_nothing_to_look_at(scene: Scene) -> None:
    scene.show({"Photo": PHOTO})
    scene.do("check_palette")
    assert (scene.said, scene.mend) == (
        "There is no segments layer to look at.",
        "choose_segments",
    )
    scene.show({"Segments": NOTHING, "Photo": PHOTO})
    scene.do("snap")
    assert (scene.said, scene.mend) == (
        "The segments layer is empty: paint flat colours on it.",
        "segment",
    )


def test_colours_keep_their_places_when_others_are_found(scene: Scene) -> None:
    blue = (0, 0, 200)
    scene.state.palette = (GREEN, blue, RED)
    scene.do("check_palette")
    scene.engine.reply("snap", "result", {"palette": [[9, 9, 9], list(RED), list(GREEN)]})
    assert scene.state.palette == (GREEN, RED, (9, 9, 9))


def looks(scene: Scene) -> int:
    return sum(kind == "snap" for kind, *_ in scene.engine.sent)


def test_segments_are_looked_at_without_being_asked_when_they_were_painted_on(
    scene: Scene,
) -> None:
    scene.studio.observe()
    assert looks(scene) == 0
    scene.engine.state("ready")
    scene.studio.observe()
    scene.studio.observe()
    assert looks(scene) == 1
    scene.engine.reply("snap", "result", {"palette": [list(RED)], "stray": 2})
    assert (scene.state.palette, scene.state.stray, scene.said) == ((RED,), 2, "")
    scene.document.current = "d/Segments"
    scene.studio.observe()
    assert looks(scene) == 1
    scene.document.current = "d/Photo"
    scene.studio.observe()
    assert looks(scene) == 2


def test_snapping_is_one_step_back_and_one_forth(scene: Scene) -> None:
    looked_at(scene, 7)
    scene.studio.choosing.choose(Choices(segments="d/Segments"))
    scene.do("snap")
    scene.engine.reply("snap", "result", {"stray": 7}, image_frame(COLOURS, "segments"))

    scene.document.can_redo = True

    def stack(*segments: str) -> list[str]:
        """Those are there now, as after a step of Krita's; what the plugin does about it."""
        kept = [layer for layer in scene.document.stack if layer[1] != "Segments"]
        scene.document.stack = [*((uid, "Segments", COLOURS) for uid in segments), *kept]
        for _ in range(2):  # it does it once
            scene.session.observe()
            scene.studio.palette.observe()
        done, scene.editor.steps = scene.editor.steps, []
        return done

    old, new = "d/Segments", "d/Segments'"
    assert stack(new) == []
    assert stack(new, old) == ["undo"]
    assert stack(old) == []
    assert scene.state.roles.segments is not None
    assert scene.state.roles.segments.uid == old
    assert stack(new, old) == ["redo"]
    assert stack(new) == []
    assert scene.state.choices.segments == new
    assert stack(new, old) == ["undo"]


@pytest.mark.parametrize("why", ["a stroke is being painted", "something came since", "it works"])
def test_the_other_half_of_snapping_waits_while_a_step_would_do_harm(
    scene: Scene, why: str
) -> None:
    looked_at(scene, 7)
    scene.do("snap")
    scene.engine.reply("snap", "result", {"stray": 7}, image_frame(COLOURS, "segments"))
    scene.document.can_redo = why != "something came since"
    scene.document.idle = why != "it works"
    scene.editor.hand_down = why == "a stroke is being painted"
    scene.document.stack.append(("d/Segments", "Segments", COLOURS))
    scene.session.observe()
    scene.studio.palette.observe()
    assert scene.editor.steps == []
    scene.document.can_redo = scene.document.idle = True
    scene.editor.hand_down = False
    scene.studio.palette.observe()
    assert scene.editor.steps == ["undo"]
