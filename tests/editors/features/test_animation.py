"""Apply to Animation: a frame for each keyframe, one layer, one undo step, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deepsim_client import Frame

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, LINES, PHOTO, Scene, flat, image_frame
else:
    from scenes import COLOURS, LINES, PHOTO, Scene, flat, image_frame

BLUE = flat(0, 0, 200, 255)


def animate(scene: Scene) -> None:
    """The segments change at frames 0, 4 and 10; the edges never do."""
    scene.trained()
    scene.document.frames["d/Segments"] = {0: COLOURS, 4: BLUE, 10: COLOURS}


def answer(scene: Scene, *colours: int) -> None:
    scene.engine.reply("apply", "result", {}, image_frame(flat(*colours, 255)))


def test_each_keyframe_of_the_drawing_becomes_a_frame_of_one_layer(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    sent = []
    for shade in (1, 2, 3):
        sent.append(bytes(scene.engine.last("apply")[1]["segments"].data))
        answer(scene, shade, shade, shade)
    assert sent == [COLOURS.rgba, BLUE.rgba, COLOURS.rgba]
    assert scene.document.strips == {
        "Photo animation": {0: flat(1, 1, 1, 255), 4: flat(2, 2, 2, 255), 10: flat(3, 3, 3, 255)}
    }
    assert scene.document.names == ["Edges", "Segments", "Photo animation", "Photo"]
    assert scene.said == "New layer “Photo animation” with 3 frames."
    assert not scene.session.jobs


def test_parts_that_do_not_move_are_sent_with_every_frame(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    answer(scene, 1, 1, 1)
    assert bytes(scene.engine.last("apply")[1]["edges"].data) == LINES.rgba


def test_progress_counts_frames(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    answer(scene, 1, 1, 1)
    progress = scene.session.jobs[0].progress
    assert (progress.step, progress.steps) == (1, 3)


def test_chosen_twice_it_runs_once(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.do("animate")
    assert len(scene.session.jobs) == 1
    assert "already" in scene.said
    assert scene.mend == "cancel"
    assert scene.document.open_reels == 1


def test_when_krita_closes_the_copy_of_the_document_is_given_back(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.session.close()
    assert scene.document.open_reels == 0


def test_a_drawing_without_keyframes_is_refused(scene: Scene) -> None:
    scene.trained()
    scene.do("animate")
    assert "no keyframes" in scene.said
    assert not scene.session.jobs


def test_cancelled_in_the_middle_nothing_is_added(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    answer(scene, 1, 1, 1)
    scene.do("cancel")
    scene.engine.reply("apply", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.document.names == ["Edges", "Segments", "Photo"]
    assert scene.said == "Cancelled. No layer was added."
    assert not scene.session.jobs
    assert scene.document.open_reels == 0


def test_cancelled_while_the_answer_was_on_its_way_nothing_more_is_sent(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.do("cancel")
    sent = len(scene.engine.sent)
    answer(scene, 1, 1, 1)
    assert len(scene.engine.sent) == sent
    assert scene.said == "Cancelled. No layer was added."


def test_an_error_names_the_frame(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    answer(scene, 1, 1, 1)
    scene.engine.reply("apply", "error", {"code": "failed", "message": "No memory."})
    assert scene.said == "Frame 2 of 3 failed: No memory. No layer was added."
    assert scene.mend == "open_log"
    assert scene.document.open_reels == 0


def test_a_full_disk_is_said(scene: Scene) -> None:
    animate(scene)
    scene.document.disk_error = OSError("There is no space left.")
    scene.do("animate")
    answer(scene, 1, 1, 1)
    assert scene.said == "Frame 1 of 3 failed: There is no space left. No layer was added."


def test_where_no_frame_can_be_kept_it_does_not_begin(scene: Scene) -> None:
    animate(scene)
    scene.document.disk_error = OSError(28, "No space left on device")
    scene.document.no_strips = True
    scene.do("animate")
    assert "cannot be kept on disk (No space left on device)" in scene.said
    assert not scene.session.jobs
    assert scene.document.open_reels == 0


def test_a_fault_of_the_plugin_ends_it_too(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.document.frames["d/Segments"] = {99: BLUE}  # no frame 4 to be read: ValueError
    with pytest.raises(ValueError, match="empty"):
        answer(scene, 1, 1, 1)
    assert scene.said.startswith("Frame 2 of 3 failed: ValueError: ")
    assert not scene.session.jobs
    assert scene.document.open_reels == 0


def test_an_answer_without_a_picture_ends_it(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.engine.reply("apply", "result", {}, Frame("other", (1, 1, 4), "uint8", b"1234"))
    assert scene.said == "The engine's answer held no picture. No layer was added."


def test_a_document_closed_meanwhile_is_left_alone(scene: Scene) -> None:
    animate(scene)
    scene.do("animate")
    scene.editor.open.clear()
    for _ in range(3):
        answer(scene, 1, 1, 1)
    assert scene.session.notice is not None
    assert "was closed before the result came" in scene.session.notice.text
    assert scene.document.names == ["Edges", "Segments", "Photo"]
    assert PHOTO in [picture for _, _, picture in scene.document.stack]
