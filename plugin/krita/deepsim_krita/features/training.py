"""Training: a document's picture and drawing become a model, here or in an earlier Krita."""

from __future__ import annotations

from typing import Any

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Editor
from ..jobs import Job, mend_of, with_warnings
from ..progress import clock
from ..roles import model_name
from ..session import RefusalError, Session
from ..state import Box, LayerInfo, ModelInfo, Notice, Picture
from ..steps import Work
from ..text import _
from .selecting import selected_part

RESUMABLE = {"cancelled", "worker-died", "engine-lost", "shutting-down"}
"""Error codes after which training can go on from its checkpoint."""

LEFT = {"engine-lost", "shutting-down"}
"""Error codes after which the engine itself goes on with a training when it is back."""


class TrainJob(Job):
    """Training on the layers of a document; the model is remembered by the document."""

    kind = "train"

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
        state.resumable = False
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
        if code not in LEFT:
            self._document.training = ""
            self._document.remembered = False
        if code not in RESUMABLE:
            return Notice("error", text, mend_of(code))
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


class Training:
    """Starts trainings, and finds those again that an earlier session left behind."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.ready.connect(self._find)
        session.opened.connect(self._on_opened)

    def train(self) -> None:
        """Starts training on the image layer with the drawing layers, or refuses with a notice."""
        self._session.attempt(self._begin)

    def running(self, state: DocumentState) -> TrainJob | None:
        """The training that runs for a document."""
        for job in self._session.jobs:
            if isinstance(job, TrainJob) and job.running and job.state is state:
                return job
        return None

    # ---- starting

    def _begin(self) -> None:
        _document, state = self._session.document()
        key = f"train {state.uid}"
        if self.running(state) is not None or self._session.steps.doing(key):
            raise RefusalError(_("This document is training already; cancel that first."))
        image = self._session.image(state)
        roles = state.roles
        if roles.edges is None and roles.segments is None:
            text = _(
                "There is no drawing yet: add a layer named “Edges” or “Segments”, "
                "or let Extract Edges or Segment Layer draft one."
            )
            raise RefusalError(text, "segment")
        self._session.attempt_in_steps(key, self._start(state, image))

    def _start(self, state: DocumentState, image: LayerInfo) -> Work:
        session, roles = self._session, state.roles
        pictures: dict[str, Picture] = {}
        selected = yield from selected_part(session.reopen(state))
        box = None if selected is None or selected.box == (0, 0, *state.size) else selected.box
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
        name = model_name(state.title, image.name)
        body: dict[str, Any] = {"name": name, "preset": session.settings.preset}
        if session.settings.seconds:
            body["seconds"] = session.settings.seconds
        if state.resumable:
            body["resume"] = True
        state.preview = None
        job = TrainJob(name, primitive, image.uid, state, session.editor)
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
            if body.get("state") in {"queued", "running", "done"}:
                name, image = str(body.get("name") or _("model")), state.trained or ""
                self._follow(TrainJob(name, "", image, state, session.editor), state.training)
            followed.add(state.training)
        for rid, body in listed.items():
            if body.get("state") in {"queued", "running"} and rid not in followed:
                name = str(body.get("name") or _("model"))
                self._follow(EngineJob(_("Training “{name}”").format(name=name), None), rid)

    def _follow(self, job: Job, training: str) -> None:
        job.training = training
        self._session.start(job, {"job": training}, kind="attach")
