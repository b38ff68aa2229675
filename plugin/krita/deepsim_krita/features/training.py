"""Training: a document's picture and drawing become a model, here or in an earlier Krita."""

from __future__ import annotations

from typing import Any

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Editor
from ..engine_errors import Ways, mend_of, sentence_of
from ..jobs import Job, with_warnings
from ..progress import clock
from ..roles import model_name
from ..session import OTHER_ENGINE, RefusalError, Session
from ..settings import Settings
from ..state import Box, LayerInfo, ModelInfo, Notice, Picture
from ..steps import Work
from ..text import _
from .selecting import fits, selected_part

RESUMABLE = {"cancelled", "worker-died", "engine-lost", "shutting-down"}
"""Error codes after which training can go on from its checkpoint."""

LEFT = {"engine-lost", "shutting-down"}
"""Error codes after which the engine itself goes on with a training when it is back."""


class TrainJob(Job):
    """Training on the layers of a document; the model is remembered by the document."""

    kind = "train"
    ways = Ways(again="train", layers="segment")

    def __init__(
        self, name: str, primitive: str, image: str, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(_("Training “{name}”").format(name=name), state)
        self.name = name
        self.primitive = primitive
        self.lost = ""
        """A sentence about what of the picture the model does not see; empty when nothing."""
        self.box: Box | None = None
        """The part of the canvas that is learned; None: all of it."""
        self._image = image
        self._document = state
        self._editor = editor
        self.progress.phase = _("Preparing…")

    def accepted(self, training: str) -> None:
        """Has the document remember its training, so that it finds it again."""
        super().accepted(training)
        self._document.training = training
        self._document.remembered = False

    def success(self, reply: Reply) -> Notice:
        """Makes the new model the document's own, also when the document is closed by now."""
        state, body = self._document, reply.body
        model = ModelInfo.from_body(body.get("model") or {})
        state.adopt(model, self._image, self.box)
        document = self._editor.find(state.uid)
        if document is not None:
            document.remember(state.memory())
            state.remembered = True
        text = _("Model “{name}” is trained. Edit the drawing, then Apply.")
        said = [with_warnings(text.format(name=model.name), body)]
        if self.box is not None:
            said.append(_("It learned the rectangle around the selection."))
        return Notice("good", " ".join([*said, *([self.lost] if self.lost else [])]))

    def failure(self, code: str, text: str) -> Notice:
        """Adds how to go on to what happened."""
        self._document.paused = code == "paused"
        if code == "paused":
            return Notice("info", _("Training is paused. Resume goes on from there."))
        if code == OTHER_ENGINE and self._document.training:
            # The document keeps its id: it is found again when that engine is used again.
            return elsewhere()
        if code not in LEFT:
            self._document.training = ""
            self._document.remembered = False
        if code == "not-found" and self._document.start_from is not None:
            self._document.start_from = None
            text = _("{error} The next training begins anew.").format(error=text)
        if code not in RESUMABLE:
            return Notice("error", text, mend_of(code, self.ways))
        self._document.resumable = True
        if code != "cancelled":
            text = _("{error} Resume goes on from the last checkpoint.").format(error=text)
            return Notice("error", text, "restart_engine" if code == "engine-lost" else "train")
        text = _("Training stopped. Resume goes on from there.")
        if self.progress.elapsed:
            after = clock(self.progress.elapsed)
            text = _("Training stopped after {time}. Resume goes on from there.").format(time=after)
        return Notice("warning", text)


class EngineJob(Job):
    """A training that an earlier Krita (or a script) started and the engine still works on."""

    kind = "train"

    def success(self, reply: Reply) -> Notice:
        """Says where the model is."""
        text = _("{title} is done: choose it as Model.").format(title=self.progress.title)
        return Notice("good", text)

    def failure(self, code: str, text: str) -> Notice | None:
        """Another engine is used now: that is no failure."""
        return elsewhere() if code == OTHER_ENGINE else super().failure(code, text)


def elsewhere() -> Notice:
    """What is said of a training whose engine is not talked to any more."""
    return Notice("info", _("The training goes on with the engine that was used so far."))


def request_body(state: DocumentState, settings: Settings) -> dict[str, Any]:
    """What the engine is told of a training on a document, besides its pictures."""
    image = state.roles.image
    name = model_name(state.title, image.name if image is not None else "")
    body: dict[str, Any] = {"name": name, "preset": settings.preset}
    if settings.seconds:
        body["seconds"] = settings.seconds
    if settings.device != "auto":
        body["device"] = settings.device
    if state.start_from is not None:
        body["from"] = state.start_from.id
    return body


class Training:
    """Starts trainings, and finds those again that an earlier session left behind."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.ready.connect(self._find)
        session.opened.connect(self._on_opened)

    def train(self, as_before: bool = False) -> None:
        """Starts training on the image layer with the drawing layers, or refuses with a notice.

        `as_before`: on the layer, and in the part of the canvas, of the document's model.
        """
        self._session.attempt(lambda: self._begin(as_before))

    def pause(self) -> None:
        """Lets the document's training rest until it is resumed; the engine keeps it."""
        self._session.attempt(self._pause)

    def running(self, state: DocumentState) -> TrainJob | None:
        """The training that runs for a document."""
        for job in self._session.jobs:
            if isinstance(job, TrainJob) and job.running and job.state is state:
                return job
        return None

    # ---- pausing, resuming

    def _pause(self) -> None:
        _document, state = self._session.document()
        job = self.running(state)
        if job is None:
            raise RefusalError(_("This document is not training."), "train")
        job.stop(_("Pausing…"))

        def answer(reply: Reply) -> None:
            if reply.kind != "error":
                return
            code = str(reply.body.get("code"))
            if code == "unknown-message":
                # An older engine: a cancelled training keeps what it learned, too.
                self._session.stop(job)
            else:
                job.stop("")
                text = sentence_of(code, str(reply.body.get("message") or ""))
                self._session.say(Notice("error", text, mend_of(code)))

        self._session.ask("pause", {"job": job.training or job.rid}, answer)

    def _resume(self, state: DocumentState) -> None:
        """Goes on with a training that waits at the engine, which has its pictures."""
        state.paused = False
        image = state.roles.image
        name = model_name(state.title, image.name if image is not None else "")
        trained = state.trained or (image.uid if image is not None else "")
        job = TrainJob(name, "", trained, state, self._session.editor)
        self._follow(job, state.training, "resume")

    # ---- starting

    def _begin(self, as_before: bool) -> None:
        _document, state = self._session.document()
        key = f"train {state.uid}"
        if self.running(state) is not None or self._session.steps.doing(key):
            text = _("This document is training already; cancel that first.")
            raise RefusalError(text, "cancel")
        if state.paused and state.training:
            self._resume(state)
            return
        before = next((layer for layer in state.layers if layer.uid == state.trained), None)
        image = before if as_before and before is not None else self._session.image(state)
        roles = state.roles
        if roles.edges is None and roles.segments is None:
            text = _(
                "There is no drawing yet: add a layer named “Edges” or “Segments”, "
                "or let Extract Edges or Segment Layer draft one."
            )
            raise RefusalError(text, "segment")
        self._session.attempt_in_steps(key, self._start(state, image, as_before))

    def _start(self, state: DocumentState, image: LayerInfo, as_before: bool) -> Work:
        session, roles = self._session, state.roles
        pictures: dict[str, Picture] = {}
        if as_before and state.model is not None and fits(state.box, state.size):
            box = state.box
        else:
            selected = yield from selected_part(session.reopen(state), state)
            whole = selected is None or selected.box == (0, 0, *state.size)
            box = None if selected is None or whole else selected.box
        for part, layer in (("segments", roles.segments), ("edges", roles.edges)):
            if layer is not None:
                drawn = yield from session.reopen(state).reading(layer.uid, box)
                if not drawn.is_empty:
                    pictures[part] = drawn
        if not pictures:
            text = _("The drawing layers are empty; draw edges or paint segments on them.")
            raise RefusalError(text, "segment")
        primitive = "both" if len(pictures) == 2 else next(iter(pictures))
        picture = yield from session.reading_image(session.reopen(state), image, box)
        pictures["image"] = picture
        body = request_body(state, session.settings)
        if state.resumable:
            body["resume"] = True
        state.preview = None
        state.trained_with = {k: body[k] for k in ("preset", "seconds") if k in body}
        job = TrainJob(body["name"], primitive, image.uid, state, session.editor)
        job.lost, job.box = picture.lost, box
        session.start(job, body, pictures)

    # ---- finding again

    def _on_opened(self, state: DocumentState) -> None:
        if state.training and self._session.engine.state == "ready":
            self._find()

    def _find(self) -> None:
        self._session.ask("status", {}, self._on_status)

    def _on_status(self, reply: Reply) -> None:
        """Follows trainings again that an earlier session, or a lost connection, left behind."""
        if reply.kind != "result":
            return
        session = self._session
        listed = {str(body.get("job", "")): body for body in reply.body.get("jobs") or ()}
        followed = {rid for job in session.jobs for rid in (job.rid, job.training)}
        for state in session.documents.values():
            body = listed.get(state.training, {})
            if not state.training or self.running(state) is not None:
                continue
            state.paused = body.get("state") == "paused"
            if body.get("state") in {"queued", "running", "done"}:
                name, image = str(body.get("name") or _("model")), state.trained or ""
                self._follow(TrainJob(name, "", image, state, session.editor), state.training)
            followed.add(state.training)
        for rid, body in listed.items():
            if body.get("state") in {"queued", "running"} and rid not in followed:
                name = str(body.get("name") or _("model"))
                self._follow(EngineJob(_("Training “{name}”").format(name=name), None), rid)

    def _follow(self, job: Job, training: str, how: str = "attach") -> None:
        job.training = training
        self._session.start(job, {"job": training}, kind=how)
