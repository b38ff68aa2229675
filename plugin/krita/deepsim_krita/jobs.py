"""Jobs at the engine: one request, its progress, and what becomes of its replies."""

from __future__ import annotations

from typing import Any, Mapping

from deepsim_client import Frame, Reply

from .document_state import DocumentState
from .editor import Document, Editor, GoneError
from .engine_errors import NO_WAYS, mend_of, sentence_of
from .observable import Signal
from .pixels.landmarks import Landmarks
from .pixels.pace import Bands
from .progress import CANCELLED, DONE, FAILED, RUNNING, Progress
from .state import Box, Notice, Picture
from .steps import Steps, Work, WorkFor, at_once
from .text import _


def frame_of(name: str, picture: Picture) -> Frame:
    """A picture as a frame of a request."""
    return Frame(name, (picture.height, picture.width, 4), "uint8", picture.rgba)


def picture_of(reply: Reply, name: str) -> WorkFor[Picture | None]:
    """The named frame of a reply as RGBA, in steps; None when the reply has no such picture."""
    frame = reply.frame(name)
    if frame is None or len(frame.shape) != 3:
        return None
    height, width, channels = frame.shape
    data, rgba = memoryview(frame.data), bytearray()
    bands = Bands(width, height)
    for top, rows in bands:
        part = bytes(data[channels * width * top : channels * width * (top + rows)])
        if channels == 3:
            opaque = bytearray(b"\xff") * (4 * width * rows)
            for channel in range(3):
                opaque[channel::4] = part[channel::3]
            rgba += opaque
        else:
            rgba += part
        yield from bands.pause()
    return Picture(width, height, rgba)


def with_warnings(text: str, body: Mapping[str, Any]) -> str:
    """A sentence, and after it what the engine warns of."""
    return " ".join([text, *(str(warning) for warning in body.get("warnings") or ())])


class Job:
    """One request: its progress while it runs, and `finished` (job, notice) at its end.

    `state` is the document that asked, or None for a job that somebody else started. `training`
    is the engine's id of a training, which differs from the request's where one was resumed.
    """

    kind = ""
    ways = NO_WAYS
    """What the artist can do when it fails."""

    def __init__(self, title: str, state: DocumentState | None) -> None:
        self.rid = ""
        self.training = ""
        self.state = state
        self.stopping = ""
        self.steps: Steps | None = None
        """Works through what is long, from the moment when the job is started."""
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
            told = reply.body.get("message")
            if told and self.state is not None:  # such as: the worker died, the training goes on
                self.state.notice = Notice("warning", str(told))
        elif reply.kind == "preview":
            preview = at_once(picture_of(reply, "preview"))
            if preview is not None and self.state is not None:
                self.state.preview = preview
        elif reply.kind == "error":
            code = str(reply.body.get("code", "failed"))
            text = sentence_of(code, str(reply.body.get("message") or ""))
            self.end(CANCELLED if code == "cancelled" else FAILED, self.failure(code, text))
        elif reply.kind == "result":
            self.finish(reply)

    def accepted(self, training: str) -> None:
        """The engine has the job on its disk, under this id where it is a training."""
        self.training = training

    def stop(self, phase: str) -> None:
        """The artist wants the job to end: shows this until the engine has stopped it."""
        self.stopping = self.progress.phase = phase

    def end(self, state: str, notice: Notice | None) -> None:
        """Marks the job as over and tells who listens."""
        self.progress.state = state
        if notice is not None and self.state is not None:
            self.state.notice = notice
        self.finished.emit(self, notice)

    def abandon(self) -> None:
        """The plugin ends before the job does: takes away what would stay behind."""

    def finish(self, reply: Reply) -> None:
        """The engine is done: what is left is to make use of the result."""
        self.end(DONE, self.success(reply))

    def success(self, reply: Reply) -> Notice | None:
        """Does what the result is for and says so."""
        return Notice("good", _("Done."))

    def failure(self, code: str, text: str) -> Notice | None:
        """Puts an error of the engine into words for the artist, with what mends it."""
        if code == "cancelled":
            return Notice("warning", _("Cancelled."))
        return Notice("error", text, mend_of(code, self.ways))


class NoPictureError(Exception):
    """A result lacks the picture that it is about."""


class DocumentJob(Job):
    """A job whose result changes the document that asked."""

    def __init__(self, title: str, state: DocumentState, editor: Editor) -> None:
        super().__init__(title, state)
        self.document = state
        self.editor = editor
        self.landmarks: Landmarks | None = None
        """How the canvas lay when the pixels were read that the result is made from."""

    def finish(self, reply: Reply) -> None:
        """Changes the document, in steps, and ends when that is done."""
        steps = self.steps or Steps(slice_seconds=float("inf"))
        steps.begin(f"add {self.rid}", self._add(reply))

    def _add(self, reply: Reply) -> Work:
        self.progress.phase = _("Changing the document…")
        state, notice = FAILED, None
        try:
            notice = yield from self.adding(reply)
            state = DONE
        except GoneError as e:
            there = self.editor.find(self.document.uid) is not None
            notice = Notice("warning", str(e)) if there else closed_notice(self.document)
        except NoPictureError:
            text = _("The engine's answer held no picture; nothing was changed.")
            notice = Notice("error", text, "open_log")
        finally:
            self.end(state, notice)

    def adding(self, reply: Reply) -> WorkFor[Notice]:
        """Makes use of the result and says so. A GoneError means that the document was closed."""
        raise NotImplementedError

    def opened(self) -> Document:
        """The document. Raises GoneError when it was closed meanwhile."""
        document = self.editor.find(self.document.uid)
        if document is None:
            raise GoneError(_("The document was closed."))
        return document

    def advice(self) -> str:
        """What to do with what was added if the canvas was turned or changed; else empty."""
        document = self.editor.find(self.document.uid)
        if self.landmarks is None or document is None:
            return ""
        return self.landmarks.advice(document.landmarks(self.landmarks.uid))

    def picture(self, reply: Reply, frame: str) -> WorkFor[Picture]:
        """The picture that the result must have."""
        picture = yield from picture_of(reply, frame)
        if picture is None:
            raise NoPictureError
        return picture


class LayerJob(DocumentJob):
    """A job whose picture becomes a new layer of the document that asked."""

    frame = "image"

    def __init__(
        self, title: str, name: str, above: str | None, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(title, state, editor)
        self.name = name
        self.above = above
        self.box: Box | None = None
        """The part of the canvas that the new layer is for; None: all of it."""
        self.original: str | None = None
        """The layer whose values are kept wherever the new one looks the same."""

    def adding(self, reply: Reply) -> WorkFor[Notice]:
        """Adds the layer; a document that was closed meanwhile is left alone."""
        picture = yield from self.picture(reply, self.frame)
        document = self.opened()
        name = self.layer_name(reply.body)
        picture = yield from self.shaped(picture)
        place = (self.box[0], self.box[1]) if self.box is not None else (0, 0)
        inserted = yield from document.inserting(picture, name, self.above, self.original, place)
        self.added(inserted.uid, picture, reply)
        praise = with_warnings(self.praise(name, document), reply.body)
        said = (praise, inserted.lost, self.advice())
        return Notice("good", " ".join(part for part in said if part))

    def shaped(self, picture: Picture) -> WorkFor[Picture]:
        """What of the picture comes onto the new layer."""
        yield from ()
        return picture

    def layer_name(self, body: Mapping[str, Any]) -> str:
        """The new layer's name."""
        return self.name

    def added(self, uid: str, picture: Picture, reply: Reply) -> None:
        """Called with the id of the new layer."""

    def praise(self, name: str, document: Document) -> str:
        """The sentence for a layer that was added."""
        return _("New layer “{name}”.").format(name=name)


def closed_notice(state: DocumentState) -> Notice:
    """What is said when a result comes for a document that is not open any more."""
    text = _("“{title}” was closed before the result came; nothing was added to it.")
    return Notice("warning", text.format(title=state.title))
