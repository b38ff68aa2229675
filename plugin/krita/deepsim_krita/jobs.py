"""Jobs at the engine and what becomes of their replies."""

from __future__ import annotations

from typing import Any, Mapping

from deepsim_client import Reply

from .editor import Document, Editor
from .observable import Signal
from .state import (
    CANCELLED,
    DONE,
    FAILED,
    RUNNING,
    Choices,
    DocumentState,
    ModelInfo,
    Notice,
    Picture,
    Progress,
    clock,
)

RESUMABLE = {"cancelled", "worker-died", "engine-lost", "shutting-down"}
"""Error codes after which training can go on from its checkpoint."""

LEFT = {"engine-lost", "shutting-down"}
"""Error codes after which the engine itself goes on with a training when it is back."""


def picture_of(reply: Reply, name: str) -> Picture | None:
    """The named frame of a reply as RGBA; None when the reply has no such picture."""
    for frame in reply.frames:
        if frame.name == name and len(frame.shape) == 3:
            height, width, channels = frame.shape
            data = bytes(frame.data)
            if channels == 3:
                rgba = bytearray(b"\xff") * (width * height * 4)
                for channel in range(3):
                    rgba[channel::4] = data[channel::3]
                data = bytes(rgba)
            return Picture(width, height, data)
    return None


class Job:
    """One request: its progress while it runs, and `finished` (job, notice) at its end.

    `state` is the document that asked, or None for a job that somebody else started. `training`
    is the engine's id of a training, which differs from the request's where one was resumed.
    """

    kind = ""

    def __init__(self, title: str, state: DocumentState | None) -> None:
        self.rid = ""
        self.training = ""
        self.state = state
        self.stopping = ""
        self.progress = Progress(title)
        self.finished = Signal()

    @property
    def running(self) -> bool:
        """True until the final reply."""
        return self.progress.state == RUNNING

    def on_reply(self, reply: Reply) -> None:
        """Takes in one reply of the engine; a reply after the final one is ignored."""
        if not self.running:
            return
        if reply.kind == "accepted":
            self.accepted(str(reply.body.get("job", "")))
        elif reply.kind == "progress":
            self.progress.phase = self.stopping
            self.progress.update(reply.body)
        elif reply.kind == "preview":
            preview = picture_of(reply, "preview")
            if preview is not None and self.state is not None:
                self.state.preview = preview
        elif reply.kind == "error":
            code = str(reply.body.get("code", "failed"))
            text = str(reply.body.get("message") or "The engine reported an error.")
            self.end(CANCELLED if code == "cancelled" else FAILED, self.failure(code, text))
        elif reply.kind == "result":
            self.end(DONE, self.success(reply))

    def accepted(self, training: str) -> None:
        """The engine has the job on its disk, under this id where it is a training."""
        self.training = training

    def stop(self) -> None:
        """The artist wants the job to end: shows that until the engine has stopped it."""
        self.stopping = self.progress.phase = "Stopping…"

    def end(self, state: str, notice: Notice | None) -> None:
        """Marks the job as over and tells who listens."""
        self.progress.state = state
        if notice is not None and self.state is not None:
            self.state.notice = notice
        self.finished.emit(self, notice)

    def success(self, reply: Reply) -> Notice:
        """Does what the result is for and says so."""
        return Notice("good", "Done.")

    def failure(self, code: str, text: str) -> Notice:
        """Puts an error of the engine into words for the artist."""
        return Notice("warning", "Cancelled.") if code == "cancelled" else Notice("error", text)


def _warnings(body: Mapping[str, Any]) -> str:
    return "".join(f" {w}" for w in body.get("warnings") or [])


class TrainJob(Job):
    """Training on the layers of a document; the model is remembered by the document."""

    kind = "train"

    def __init__(
        self, name: str, primitive: str, image: str, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(f"Training “{name}”", state)
        self.name = name
        self.primitive = primitive
        self._image = image
        self._document = state
        self._editor = editor
        self.progress.phase = "Preparing…"

    def accepted(self, training: str) -> None:
        """Has the document remember its training, so that it finds it again."""
        super().accepted(training)
        self._document.training = training
        self._document.remembered = False

    def success(self, reply: Reply) -> Notice:
        """Makes the new model the document's own, also when the document is closed by now."""
        state, body = self._document, reply.body
        model = ModelInfo.from_body(body.get("model") or {})
        state.adopt(model, self._image)
        state.resumable = False
        document = self._editor.find(state.uid)
        if document is not None:
            document.remember(state.memory())
            state.remembered = True
        text = f"Model “{model.name}” is trained. Edit the drawing, then Apply.{_warnings(body)}"
        return Notice("good", text)

    def failure(self, code: str, text: str) -> Notice:
        """Adds how to go on to what happened."""
        if code not in LEFT:
            self._document.training = ""
            self._document.remembered = False
        if code not in RESUMABLE:
            return Notice("error", text)
        self._document.resumable = True
        if code == "cancelled":
            where = f" after {clock(self.progress.elapsed)}" if self.progress.elapsed else ""
            return Notice("warning", f"Training stopped{where}. Resume goes on from there.")
        return Notice("error", f"{text} Resume goes on from the last checkpoint.")


class LayerJob(Job):
    """A job whose picture becomes a new layer."""

    frame = "image"

    def __init__(
        self, title: str, name: str, above: str | None, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(title, state)
        self.name = name
        self._above = above
        self._document = state
        self._editor = editor

    def success(self, reply: Reply) -> Notice:
        """Adds the layer; a document that was closed meanwhile is left alone."""
        picture = picture_of(reply, self.frame)
        if picture is None:
            return Notice("error", "The engine's answer held no picture; nothing was added.")
        document = self._editor.find(self._document.uid)
        if document is None:
            title = self._document.title
            return Notice(
                "warning", f"“{title}” was closed before the result came; nothing was added to it."
            )
        name = self.layer_name(reply.body)
        uid = document.insert(picture, name, self._above)
        self.added(uid, picture)
        return Notice("good", self.praise(name, document) + _warnings(reply.body))

    def layer_name(self, body: dict[str, Any]) -> str:
        """The new layer's name."""
        return self.name

    def added(self, uid: str, picture: Picture) -> None:
        """Called with the id of the new layer."""

    def praise(self, name: str, document: Document) -> str:
        """The sentence for a layer that was added."""
        return f"New layer “{name}”."


class ApplyJob(LayerJob):
    """The drawing as it is now, turned into a picture by a model."""

    kind = "apply"

    def layer_name(self, body: dict[str, Any]) -> str:
        """The model's name, as the engine knows it where it says so."""
        model = body.get("model")
        return str(model.get("name") or self.name) if isinstance(model, dict) else self.name

    def added(self, uid: str, picture: Picture) -> None:
        """Shows the result in the docker too, where no drawing layer can hide it."""
        self._document.results = self._document.results | {uid}
        self._document.preview = picture

    def praise(self, name: str, document: Document) -> str:
        """Says too when the drawing hides the result."""
        roles, layers = self._document.roles, document.layers()
        order = [layer.uid for layer in layers]
        place = order.index(self._above) if self._above in order else 0
        hiding = any(
            layer is not None and layer.uid in order[:place] and document.visible(layer.uid)
            for layer in (roles.edges, roles.segments)
        )
        hint = " The drawing lies over it: hide that with the eye buttons." if hiding else ""
        return super().praise(name, document) + hint

    def failure(self, code: str, text: str) -> Notice:
        """Forgets a model that is not there any more."""
        if code == "not-found":
            self._document.model = None
            return Notice("error", f"{text} Train on the layer again, or choose another model.")
        return super().failure(code, text)


class EdgesJob(LayerJob):
    """Outlines of the image as a new layer, which becomes the edges layer."""

    kind = "edges"
    frame = "edges"

    def added(self, uid: str, picture: Picture) -> None:
        """Chooses the new layer."""
        old = self._document.choices
        self._document.choices = Choices(old.image, uid, old.segments)

    def praise(self, name: str, document: Document) -> str:
        """Says what to do with it."""
        return f"New layer “{name}”: erase what does not matter, draw what is missing."


class SegmentJob(LayerJob):
    """Flat colour regions of the image as a new layer, which becomes the segments layer."""

    kind = "segment"
    frame = "segments"

    def added(self, uid: str, picture: Picture) -> None:
        """Chooses the new layer."""
        old = self._document.choices
        self._document.choices = Choices(old.image, old.edges, uid)

    def praise(self, name: str, document: Document) -> str:
        """Says what to do with it."""
        return f"New layer “{name}”: repaint it with its own colours, one colour for each thing."


class EngineJob(Job):
    """A training that an earlier Krita (or a script) started and the engine still works on."""

    kind = "train"

    def success(self, reply: Reply) -> Notice:
        """Says where the model is."""
        return Notice("good", f"{self.progress.title} is done: choose it as Model.")
