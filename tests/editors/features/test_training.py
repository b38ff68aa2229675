"""Training: what is sent, what is refused, and how a training is found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deepsim_client import Frame
from deepsim_krita.state import ModelInfo, Picture

if TYPE_CHECKING:
    from tests.editors.scenes import (
        COLOURS,
        LINES,
        NOTHING,
        PHOTO,
        MemoryDocument,
        MemoryEditor,
        Scene,
        WrittenEngine,
        image_frame,
        studio_with,
    )
else:
    from scenes import (
        COLOURS,
        LINES,
        NOTHING,
        PHOTO,
        MemoryDocument,
        MemoryEditor,
        Scene,
        WrittenEngine,
        image_frame,
        studio_with,
    )


def test_train_sends_the_picture_and_both_drawings(scene: Scene) -> None:
    scene.session.settings.seconds = 90
    scene.do("train")
    body, frames = scene.engine.last("train")
    assert body == {"name": "Photo", "preset": "instant", "seconds": 90}
    assert {name: frame.data for name, frame in frames.items()} == {
        "image": PHOTO.rgba,
        "edges": LINES.rgba,
        "segments": COLOURS.rgba,
    }
    assert frames["image"].shape == (3, 4, 4)


def test_an_empty_drawing_layer_is_left_out(scene: Scene) -> None:
    scene.document.stack[0] = ("d/Edges", "Edges", NOTHING)
    scene.do("train")
    assert set(scene.engine.last("train")[1]) == {"image", "segments"}


@pytest.mark.parametrize(
    ("stack", "sentence"),
    [
        ({"Photo": PHOTO}, "There is no drawing yet"),
        ({"Edges": NOTHING, "Photo": PHOTO}, "The drawing layers are empty"),
        ({"Edges": LINES, "Photo": NOTHING}, "The layer “Photo” has no pixels on the canvas."),
        ({"A": PHOTO, "B": PHOTO, "Edges": LINES}, "Which layer is the picture?"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    scene: Scene, stack: dict[str, Picture], sentence: str
) -> None:
    scene.editor.open = [MemoryDocument("x", "x", stack)]
    scene.do("train")
    assert scene.said.startswith(sentence)
    assert not scene.engine.sent


def test_progress_and_preview_arrive_where_the_docker_looks(scene: Scene) -> None:
    scene.do("train")
    job = scene.session.shown_job
    assert job is not None
    scene.engine.reply("train", "accepted", {"job": "request-1"})
    scene.engine.reply(
        "train", "progress", {"step": 5, "steps": 10, "seconds": 1.0, "seconds_left": 1.0}
    )
    rgb = Frame("preview", (1, 2, 3), "uint8", bytes((1, 2, 3, 4, 5, 6)))
    scene.engine.reply("train", "preview", {}, rgb)
    assert job.progress.fraction == 0.5
    assert scene.state.preview == Picture(2, 1, bytes((1, 2, 3, 255, 4, 5, 6, 255)))
    scene.engine.reply("train", "preview", {}, image_frame(PHOTO, "preview"))
    assert scene.state.preview == PHOTO


def test_the_document_remembers_its_model(scene: Scene) -> None:
    scene.trained()
    assert scene.document.annotation["model"]["id"] == "m1"
    assert "Edit the drawing, then Apply" in scene.said
    again = studio_with(MemoryEditor(scene.document), WrittenEngine()).session
    again.observe()
    assert again.active is not None
    assert again.active.model == ModelInfo("m1", "Photo", "both")


def test_a_second_training_of_the_same_document_waits(scene: Scene) -> None:
    scene.do("train")
    scene.do("train")
    assert len(scene.engine.sent) == 1
    assert "training already" in scene.said


def test_a_document_closed_while_training_gets_its_model_when_it_is_opened_again(
    scene: Scene,
) -> None:
    scene.do("train")
    scene.editor.open = []
    scene.session.observe()
    scene.engine.reply("train", "result", {"model": {"id": "m9", "name": "Photo"}})
    assert scene.document.annotation == {}
    scene.document.uid = "another id, as Krita gives"
    scene.editor.open = [scene.document]
    scene.session.observe()
    assert scene.document.annotation["model"]["id"] == "m9"


def test_a_cancelled_training_can_be_resumed(scene: Scene) -> None:
    scene.do("train")
    scene.do("cancel")
    assert scene.engine.cancelled == ["request-1"]
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.said == "Training stopped. Resume goes on from there."
    scene.do("train")
    assert scene.engine.last("train")[0]["resume"] is True


def test_a_worker_that_died_is_said_and_training_can_be_resumed(scene: Scene) -> None:
    scene.do("train")
    scene.engine.reply("train", "error", {"code": "worker-died", "message": "The worker died."})
    assert scene.said == "The worker died. Resume goes on from the last checkpoint."
    assert scene.state.resumable
    assert scene.session.shown_job is None


def test_a_training_of_an_earlier_session_is_followed_and_can_be_cancelled(scene: Scene) -> None:
    scene.engine.state("ready")
    jobs = [{"job": "f" * 32, "name": "old", "state": "running"}]
    scene.engine.reply("status", "result", {"jobs": [*jobs, {"job": "e", "state": "paused"}]})
    assert scene.engine.last("attach")[0] == {"job": "f" * 32}
    scene.engine.reply("attach", "progress", {"step": 1, "steps": 4})
    shown = scene.session.shown_job
    assert shown is not None
    assert shown.progress.text == "Training “old” · 25%"
    scene.do("cancel")
    assert scene.engine.last("cancel")[0] == {"job": "f" * 32}
    scene.engine.reply("attach", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.session.shown_job is None


def test_a_document_follows_its_training_again_after_the_engine_was_lost(scene: Scene) -> None:
    scene.do("train")
    scene.engine.reply("train", "accepted", {"job": "t1"})
    scene.engine.reply("train", "error", {"code": "engine-lost", "message": "The engine ended."})
    assert scene.said == "The engine ended. Resume goes on from the last checkpoint."
    scene.engine.state("failed")
    scene.engine.state("ready")
    scene.engine.reply("status", "result", {"jobs": [{"job": "t1", "state": "running"}]})
    assert scene.studio.training.running(scene.state) is not None
    scene.engine.reply("attach", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert scene.document.annotation["model"]["id"] == "m1"


def test_a_document_finds_its_training_again_in_a_new_krita(scene: Scene) -> None:
    scene.do("train")
    scene.engine.reply("train", "accepted", {"job": "t1"})
    scene.session.observe()
    engine = WrittenEngine()
    again = studio_with(MemoryEditor(scene.document), engine).session
    again.observe()
    engine.state("ready")
    engine.reply("status", "result", {"jobs": [{"job": "t1", "state": "done"}]})
    engine.reply("attach", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert scene.document.annotation["model"]["id"] == "m1"
    assert scene.document.annotation["training"] == ""


def paused(scene: Scene) -> None:
    scene.do("train")
    scene.engine.reply("train", "accepted", {"job": "t1"})
    scene.do("pause")
    scene.engine.reply("pause", "result", {"state": "pausing"})
    scene.engine.reply("train", "error", {"code": "paused", "message": "Paused after step 7."})


def test_a_training_is_paused_and_goes_on_without_its_pictures_being_sent_again(
    scene: Scene,
) -> None:
    paused(scene)
    assert scene.engine.last("pause")[0] == {"job": "t1"}
    assert scene.said == "Training is paused. Resume goes on from there."
    assert scene.state.paused
    scene.do("train")
    assert scene.engine.last("resume") == ({"job": "t1"}, {})
    assert not scene.state.paused
    assert scene.studio.training.running(scene.state) is not None
    scene.engine.reply("resume", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert scene.document.annotation["model"]["id"] == "m1"


def test_a_paused_training_that_is_gone_is_begun_anew(scene: Scene) -> None:
    paused(scene)
    scene.do("train")
    scene.engine.reply("resume", "error", {"code": "not-found", "message": "It is gone."})
    assert (scene.said, scene.mend) == ("It is gone.", "train")
    scene.do(scene.mend)
    assert set(scene.engine.last("train")[1]) == {"image", "edges", "segments"}


def test_a_training_that_cannot_be_paused_trains_on(scene: Scene) -> None:
    scene.do("train")
    scene.do("pause")
    scene.engine.reply("pause", "error", {"code": "failed", "message": "The disk is full."})
    assert scene.said == "The disk is full."
    assert scene.studio.training.running(scene.state) is not None


def test_an_older_engine_that_knows_no_pause_stops_it_resumably(scene: Scene) -> None:
    scene.do("train")
    scene.do("pause")
    scene.engine.reply("pause", "error", {"code": "unknown-message", "message": "What?"})
    assert scene.engine.cancelled == ["request-1"]
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.state.resumable


def test_nothing_to_pause_is_said(scene: Scene) -> None:
    scene.do("pause")
    assert scene.said == "This document is not training."


def test_a_paused_training_waits_for_the_document_in_a_new_krita(scene: Scene) -> None:
    paused(scene)
    scene.session.observe()
    engine = WrittenEngine()
    again = studio_with(MemoryEditor(scene.document), engine)
    again.session.observe()
    engine.state("ready")
    engine.reply("status", "result", {"jobs": [{"job": "t1", "state": "paused"}]})
    assert again.session.active is not None
    assert again.session.active.paused
    assert not again.session.jobs
    again.actions["train"].run()
    assert engine.last("resume")[0] == {"job": "t1"}


def test_what_the_engine_says_in_between_is_shown(scene: Scene) -> None:
    scene.do("train")
    said = "The worker process was killed after step 3; it goes on from its last checkpoint."
    scene.engine.reply("train", "progress", {"step": 3, "message": said})
    assert scene.said == said
    assert scene.session.jobs
