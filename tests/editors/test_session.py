"""What the plugin does with documents and replies, in orders that a real engine gives rarely.

The editor here keeps its documents in memory and the engine's side is written out reply by reply;
test_krita_training.py does the same with a real Krita and a real engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from deepsim_client import Frame, Reply
from deepsim_krita.editor import GoneError
from deepsim_krita.session import TRAINING, Session
from deepsim_krita.state import Choices, LayerInfo, ModelInfo, Picture, Settings

SIZE = (4, 3)


def flat(*rgba: int) -> Picture:
    return Picture(*SIZE, bytes(rgba) * (SIZE[0] * SIZE[1]))


PHOTO, LINES, COLOURS, NOTHING = (
    flat(10, 20, 30, 255),
    flat(0, 0, 0, 255),
    flat(200, 0, 0, 255),
    flat(0, 0, 0, 0),
)


class MemoryDocument:
    """A document whose layers are pictures; `stack` goes from top to bottom."""

    def __init__(self, uid: str, title: str, layers: Mapping[str, Picture]) -> None:
        self.uid, self.title, self.size = uid, title, SIZE
        self.stack = [(f"{uid}/{name}", name, picture) for name, picture in layers.items()]
        self.current: str | None = self.stack[-1][0] if self.stack else None
        self.hidden: set[str] = set()
        self.annotation: dict[str, Any] = {}

    def layers(self) -> list[LayerInfo]:
        return [LayerInfo(uid, name) for uid, name, _ in self.stack]

    def active_layer(self) -> str | None:
        return self.current

    def read(self, uid: str) -> Picture:
        for known, _, picture in self.stack:
            if known == uid:
                return picture
        raise GoneError("The layer is not in the document any more.")

    def insert(self, picture: Picture, name: str, above: str | None) -> str:
        order = [uid for uid, _, _ in self.stack]
        place = order.index(above) if above in order else 0
        self.stack.insert(place, (f"{self.uid}/{name}", name, picture))
        self.current = f"{self.uid}/{name}"
        return self.current

    def visible(self, uid: str) -> bool:
        return uid not in self.hidden

    def set_visible(self, uid: str, visible: bool) -> None:
        self.hidden = self.hidden - {uid} if visible else self.hidden | {uid}

    def recall(self) -> dict[str, Any]:
        return self.annotation

    def remember(self, values: Mapping[str, Any]) -> None:
        self.annotation = dict(values)

    @property
    def names(self) -> list[str]:
        return [name for _, name, _ in self.stack]


class MemoryEditor:
    def __init__(self, *documents: MemoryDocument) -> None:
        self.open = list(documents)

    def active(self) -> MemoryDocument | None:
        return self.open[0] if self.open else None

    def find(self, uid: str) -> MemoryDocument | None:
        return next((document for document in self.open if document.uid == uid), None)


class WrittenEngine:
    """Keeps the requests; the test writes the replies."""

    def __init__(self) -> None:
        self.on_state: Callable[[str, str], None] | None = None
        self.sent: list[tuple[str, dict[str, Any], dict[str, Frame], Callable[[Reply], None]]] = []
        self.cancelled: list[str] = []

    def connect(self) -> None:
        pass

    def request(
        self,
        kind: str,
        body: dict[str, Any],
        frames: Sequence[Frame],
        on_reply: Callable[[Reply], None],
    ) -> str:
        self.sent.append((kind, dict(body), {frame.name: frame for frame in frames}, on_reply))
        return f"request-{len(self.sent)}"

    def cancel(self, rid: str) -> None:
        self.cancelled.append(rid)

    def poll(self) -> None:
        pass

    def close(self) -> None:
        pass

    def last(self, kind: str) -> tuple[dict[str, Any], dict[str, Frame]]:
        body, frames = next(s[1:3] for s in reversed(self.sent) if s[0] == kind)
        return body, frames

    def reply(self, request: str, kind: str, body: dict[str, Any], *frames: Frame) -> None:
        callback = next(s[3] for s in reversed(self.sent) if s[0] == request)
        callback(Reply(kind, body, frames))

    def state(self, state: str) -> None:
        assert self.on_state is not None
        self.on_state(state, "")


class Scene:
    """A session with one document: a photo with edges and segments over it."""

    def __init__(self) -> None:
        layers = {"Edges": LINES, "Segments": COLOURS, "Photo": PHOTO}
        self.document = MemoryDocument("d", "car", layers)
        self.editor = MemoryEditor(self.document)
        self.engine = WrittenEngine()
        self.session = Session(self.editor, self.engine, Settings())
        self.session.observe()

    @property
    def said(self) -> str:
        notice = self.session.shown_notice
        return notice.text if notice is not None else ""

    def trained(self, **model: Any) -> None:
        described = {"id": "m1", "name": "Photo", "kind": "both", "size": list(SIZE), **model}
        self.session.train()
        self.engine.reply("train", "result", {"model": described, "warnings": []})


@pytest.fixture
def scene() -> Scene:
    return Scene()


def image_frame(picture: Picture, name: str = "image") -> Frame:
    return Frame(name, (SIZE[1], SIZE[0], 4), "uint8", picture.rgba)


def test_train_sends_the_picture_and_both_drawings(scene: Scene) -> None:
    scene.session.settings.seconds = 90
    scene.session.train()
    body, frames = scene.engine.last("train")
    assert body == {"name": "Photo", "preset": "draft", "seconds": 90}
    assert {name: frame.data for name, frame in frames.items()} == {
        "image": PHOTO.rgba,
        "edges": LINES.rgba,
        "segments": COLOURS.rgba,
    }
    assert frames["image"].shape == (3, 4, 4)


def test_an_empty_drawing_layer_is_left_out(scene: Scene) -> None:
    scene.document.stack[0] = ("d/Edges", "Edges", NOTHING)
    scene.session.train()
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
    scene.session.train()
    assert scene.said.startswith(sentence)
    assert not scene.engine.sent


def test_without_a_document_everything_is_refused(scene: Scene) -> None:
    scene.editor.open = []
    for action in (scene.session.train, scene.session.apply, scene.session.segment):
        scene.session.notice = None
        action()
        assert scene.said == "Open a picture first."


def test_progress_and_preview_arrive_where_the_docker_looks(scene: Scene) -> None:
    scene.session.train()
    job = scene.session.shown_job
    assert job is not None
    scene.engine.reply("train", "accepted", {"job": "request-1"})
    scene.engine.reply(
        "train", "progress", {"step": 5, "steps": 10, "seconds": 1.0, "seconds_left": 1.0}
    )
    rgb = Frame("preview", (1, 2, 3), "uint8", bytes((1, 2, 3, 4, 5, 6)))
    scene.engine.reply("train", "preview", {}, rgb)
    assert job.progress.fraction == 0.5
    assert scene.session.active is not None
    assert scene.session.active.preview == Picture(2, 1, bytes((1, 2, 3, 255, 4, 5, 6, 255)))
    scene.engine.reply("train", "preview", {}, image_frame(PHOTO, "preview"))
    assert scene.session.active.preview == PHOTO


def test_the_document_remembers_its_model(scene: Scene) -> None:
    scene.trained()
    assert scene.document.annotation["model"]["id"] == "m1"
    assert "Edit the drawing, then Apply" in scene.said
    again = Session(MemoryEditor(scene.document), WrittenEngine(), Settings())
    again.observe()
    assert again.active is not None
    assert again.active.model == ModelInfo("m1", "Photo", "both")


def test_a_second_training_of_the_same_document_waits(scene: Scene) -> None:
    scene.session.train()
    scene.session.train()
    assert len(scene.engine.sent) == 1
    assert "training already" in scene.said


def test_the_result_goes_above_the_picture_and_becomes_active(scene: Scene) -> None:
    scene.trained()
    scene.document.current = "d/Segments"
    scene.session.apply()
    body, frames = scene.engine.last("apply")
    assert body == {"model": "m1", "blend": True}
    assert set(frames) == {"segments", "edges"}
    scene.engine.reply("apply", "result", {"model": "m1"}, image_frame(PHOTO))
    assert scene.document.names == ["Edges", "Segments", "Photo", "Photo"]
    assert scene.document.stack[2][2] == PHOTO
    assert scene.document.current == "d/Photo"
    assert "The drawing lies over it" in scene.said


def test_a_model_of_segments_is_sent_only_segments(scene: Scene) -> None:
    scene.trained(kind="segments")
    scene.session.apply()
    assert set(scene.engine.last("apply")[1]) == {"segments"}


def test_a_missing_part_of_the_drawing_is_named(scene: Scene) -> None:
    scene.trained()
    assert scene.session.active is not None
    scene.session.choose(Choices(edges="none"))
    scene.session.apply()
    assert scene.said == "“Photo” was trained with edges, but no edges layer is chosen."


def test_without_a_model_apply_says_what_to_do(scene: Scene) -> None:
    scene.session.apply()
    assert scene.said == "This picture has no model yet: Train first, or choose a model."


def test_while_the_first_training_runs_apply_uses_it(scene: Scene) -> None:
    scene.session.train()
    scene.session.apply()
    assert scene.engine.last("apply")[0]["job"] == "request-1"


def test_while_a_later_training_runs_apply_uses_the_finished_model_unless_told(
    scene: Scene,
) -> None:
    scene.trained()
    scene.session.train()
    rid = f"request-{len(scene.engine.sent)}"
    scene.session.apply()
    assert scene.engine.last("apply")[0]["model"] == "m1"
    assert scene.session.active is not None
    scene.session.active.model_choice = TRAINING
    scene.session.apply()
    assert scene.engine.last("apply")[0]["job"] == rid


def test_a_model_chosen_from_the_list_is_used(scene: Scene) -> None:
    scene.trained()
    listed = [{"id": "m2", "name": "other", "kind": "edges", "size": [9, 9], "created": "2"}]
    scene.session.refresh_models()
    scene.engine.reply("models", "result", {"models": listed})
    assert scene.session.active is not None
    scene.session.active.model_choice = "m2"
    scene.session.apply()
    body, frames = scene.engine.last("apply")
    assert (body["model"], set(frames)) == ("m2", {"edges"})


def test_a_document_without_memory_takes_the_newest_model_of_its_size(scene: Scene) -> None:
    sizes = {"old": [4, 3], "new": [4, 3], "newest": [9, 9]}
    models = [
        {"id": name, "name": name, "kind": "both", "size": size, "created": str(i)}
        for i, (name, size) in enumerate(sizes.items())
    ]
    scene.session.refresh_models()
    scene.engine.reply("models", "result", {"models": models})
    scene.session.apply()
    assert scene.engine.last("apply")[0]["model"] == "new"


def test_a_model_that_is_gone_is_forgotten(scene: Scene) -> None:
    scene.trained()
    scene.session.apply()
    scene.engine.reply("apply", "error", {"code": "not-found", "message": "No such model."})
    assert scene.said == "No such model. Train on the layer again, or choose another model."
    assert scene.session.active is not None
    assert scene.session.active.model is None


def test_a_document_closed_while_training_gets_its_model_when_it_is_opened_again(
    scene: Scene,
) -> None:
    scene.session.train()
    scene.editor.open = []
    scene.session.observe()
    scene.engine.reply("train", "result", {"model": {"id": "m9", "name": "Photo"}})
    assert scene.document.annotation == {}
    scene.document.uid = "another id, as Krita gives"
    scene.editor.open = [scene.document]
    scene.session.observe()
    assert scene.document.annotation["model"]["id"] == "m9"


def test_a_document_closed_while_applying_gets_nothing_and_that_is_said(scene: Scene) -> None:
    scene.trained()
    scene.session.apply()
    scene.editor.open = []
    scene.session.observe()
    scene.engine.reply("apply", "result", {}, image_frame(PHOTO))
    assert scene.said == "“car” was closed before the result came; nothing was added to it."
    assert scene.document.names == ["Edges", "Segments", "Photo"]


def test_the_picture_deleted_while_applying_leaves_the_result_on_top(scene: Scene) -> None:
    scene.trained()
    scene.session.apply()
    del scene.document.stack[2]
    scene.engine.reply("apply", "result", {"model": {"name": "Photo"}}, image_frame(PHOTO))
    assert scene.document.names == ["Photo", "Edges", "Segments"]


def test_a_cancelled_training_can_be_resumed(scene: Scene) -> None:
    scene.session.train()
    scene.session.cancel()
    assert scene.engine.cancelled == ["request-1"]
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.said == "Training stopped. Resume goes on from there."
    scene.session.train()
    assert scene.engine.last("train")[0]["resume"] is True


def test_a_worker_that_died_is_said_and_training_can_be_resumed(scene: Scene) -> None:
    scene.session.train()
    scene.engine.reply("train", "error", {"code": "worker-died", "message": "The worker died."})
    assert scene.said == "The worker died. Resume goes on from the last checkpoint."
    assert scene.session.active is not None
    assert scene.session.active.resumable
    assert scene.session.shown_job is None


def test_a_reply_after_the_last_one_changes_nothing(scene: Scene) -> None:
    scene.session.train()
    scene.engine.reply("train", "error", {"code": "failed", "message": "No memory."})
    scene.engine.reply("train", "progress", {"step": 1})
    assert (scene.said, scene.session.jobs) == ("No memory.", [])


def test_drafts_become_layers_that_are_chosen(scene: Scene) -> None:
    scene.session.extract_edges()
    lines = flat(0, 0, 0, 9)
    scene.engine.reply("edges", "result", {}, image_frame(lines, "edges"))
    assert scene.document.names == ["Edges", "Edges 2", "Segments", "Photo"]
    assert scene.session.active is not None
    assert scene.session.active.choices.edges == "d/Edges 2"
    scene.document.current = "d/Photo"
    scene.session.segment()
    scene.engine.reply("segment", "result", {}, image_frame(COLOURS, "segments"))
    assert scene.document.names == ["Edges", "Edges 2", "Segments", "Segments 2", "Photo"]
    assert scene.session.active.choices.segments == "d/Segments 2"


def test_a_training_of_an_earlier_session_is_followed_and_can_be_cancelled(scene: Scene) -> None:
    scene.engine.state("ready")
    jobs = [{"job": "f" * 32, "name": "old", "state": "running"}]
    scene.engine.reply("status", "result", {"jobs": [*jobs, {"job": "e", "state": "paused"}]})
    assert scene.engine.last("attach")[0] == {"job": "f" * 32}
    scene.engine.reply("attach", "progress", {"step": 1, "steps": 4})
    shown = scene.session.shown_job
    assert shown is not None
    assert shown.progress.text == "Training “old” · 25%"
    scene.session.cancel()
    assert scene.engine.last("cancel")[0] == {"job": "f" * 32}
    scene.engine.reply("attach", "error", {"code": "cancelled", "message": "Cancelled."})
    assert scene.session.shown_job is None


def test_a_document_follows_its_training_again_after_the_engine_was_lost(scene: Scene) -> None:
    scene.session.train()
    scene.engine.reply("train", "accepted", {"job": "t1"})
    scene.engine.reply("train", "error", {"code": "engine-lost", "message": "The engine ended."})
    assert scene.said == "The engine ended. Resume goes on from the last checkpoint."
    scene.engine.state("failed")
    scene.engine.state("ready")
    scene.engine.reply("status", "result", {"jobs": [{"job": "t1", "state": "running"}]})
    assert scene.session.active is not None
    assert scene.session.running_training(scene.session.active) is not None
    scene.engine.reply("attach", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert scene.document.annotation["model"]["id"] == "m1"


def test_a_document_finds_its_training_again_in_a_new_krita(scene: Scene) -> None:
    scene.session.train()
    scene.engine.reply("train", "accepted", {"job": "t1"})
    scene.session.observe()
    engine = WrittenEngine()
    again = Session(MemoryEditor(scene.document), engine, Settings())
    again.observe()
    engine.state("ready")
    engine.reply("status", "result", {"jobs": [{"job": "t1", "state": "done"}]})
    engine.reply("attach", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert scene.document.annotation["model"]["id"] == "m1"
    assert scene.document.annotation["training"] == ""


def test_a_training_of_another_document_is_shown_where_nothing_else_runs(scene: Scene) -> None:
    scene.session.train()
    other = MemoryDocument("o", "other", {"Edges": LINES, "Photo": PHOTO})
    scene.editor.open.insert(0, other)
    scene.session.observe()
    assert scene.session.shown_job is scene.session.jobs[0]
    scene.session.segment()
    assert scene.session.shown_job is scene.session.jobs[1]
