"""The core that all abilities share: documents, jobs, the engine's state, notices, the client.

It knows neither Krita nor Qt, nor what is done with jobs: that is in `features`. The owner calls
`poll` from a timer (it never blocks) and `observe` a few times a second.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Mapping, Protocol, Sequence

from deepsim_client import Frame, Reply

from .document_state import DocumentState
from .editor import Document, Editor, GoneError
from .jobs import Job, frame_of
from .observable import Signal
from .settings import Settings
from .state import Box, EngineInfo, LayerInfo, Notice, Picture
from .steps import Steps, Work, WorkFor
from .text import _


class Client(Protocol):
    """What the session needs of deepsim_client.EngineClient."""

    on_state: Callable[[str, str], None] | None

    def connect(self) -> None:
        """Begins to find or start the engine."""

    def request(
        self,
        kind: str,
        body: dict[str, Any],
        frames: Sequence[Frame],
        on_reply: Callable[[Reply], None],
    ) -> str:
        """Queues a request and returns its id."""

    def cancel(self, rid: str) -> None:
        """Asks the engine to stop a request."""

    def restart(self) -> None:
        """Ends the engine, if it can be ended from here, and connects anew."""

    def poll(self) -> None:
        """Drives the connection and delivers replies; never blocks."""

    def close(self) -> None:
        """Leaves the engine to itself."""


OTHER_ENGINE = "other-engine"
"""Error code, of our own: what was asked of an engine that is not talked to any more."""


class RefusalError(Exception):
    """What was asked for cannot be done as things are; one sentence that says what to do.

    `mend` is the id of the action that does it.
    """

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.mend = mend


class Session:
    """What all documents and windows share. Signals, with their arguments:

    changed (name): anything that the docker shows; notified (notice): a sentence for the artist;
    ready (): the engine can be asked; asked (): a request waits to be sent to it;
    switched (): it is another engine from now on;
    missed (): the engine was asked for something that it has no more;
    opened (state): a document is seen for the first time, or again after it was closed;
    ended (job): a job is over;
    wanted (part): the artist is asked to choose a layer for a part.
    """

    def __init__(
        self, editor: Editor, client: Client, settings: Settings, steps: Steps | None = None
    ) -> None:
        self.editor = editor
        self.settings = settings
        self.steps = steps or Steps()
        self.engine = EngineInfo()
        self.documents: dict[str, DocumentState] = {}
        self.active: DocumentState | None = None
        self.notice: Notice | None = None
        self.jobs: list[Job] = []
        self.changed = Signal()
        self.notified = Signal()
        self.ready = Signal()
        self.asked = Signal()
        self.switched = Signal()
        self.missed = Signal()
        self.opened = Signal()
        self.ended = Signal()
        self.wanted = Signal()
        self._client = client
        self._waiting: dict[str, Callable[[Reply], None]] = {}
        for part in (self.engine, settings):
            part.changed.connect(self.tell)
        client.on_state = self._on_engine_state

    # ---- what the timers call

    @property
    def busy(self) -> bool:
        """True while answers are awaited: the client wants to be polled often."""
        waiting = bool(self._waiting) or any(job.running for job in self.jobs)
        return waiting or self.engine.state in {"starting", "connecting"}

    def poll(self) -> None:
        """Lets the client work; never blocks."""
        self._client.poll()

    def observe(self) -> None:
        """Looks at the active document: its layers, names, size; cheap."""
        document = self.editor.active()
        known = None if document is None else self.documents.get(document.uid)
        state = None if document is None else self._state_of(document)
        if state is not None and document is not None:
            state.title = document.title
            state.size = document.size
            state.selected = document.selected_box
            state.layers = tuple(document.layers())
            if state.focus:
                uid, state.focus = state.focus, ""
                with suppress(GoneError):
                    document.activate(uid)
            state.activated(document.active_layer())
            if not state.remembered:
                document.remember(state.memory())
                state.remembered = True
        if state is not self.active:
            self.active = state
            self.tell("active")
        if state is not None and state is not known:
            self.opened.emit(state)
        for each in self.documents.values():
            if each.holds_pictures and self.editor.find(each.uid) is None:
                each.let_go()

    def use_client(self, client: Client) -> None:
        """Talks to another engine from now on; trainings of the earlier one go on there.

        Everything else that was asked of that one is answered with an error, OTHER_ENGINE.
        """
        self._client.on_state = None
        self._client.close()
        self._client = client
        client.on_state = self._on_engine_state
        self.engine.state, self.engine.device = "idle", ""
        self.engine.devices = self.engine.presets = ()
        self.switched.emit()
        text = _("Another engine is used from now on; this was not finished.")
        for answer in list(self._waiting.values()):
            answer(Reply("error", {"code": OTHER_ENGINE, "message": text}))

    def close(self) -> None:
        """Leaves; what the engine works on goes on there."""
        self._client.close()
        self.steps.close()
        for job in list(self.jobs):
            job.abandon()

    # ---- documents

    def document(self) -> tuple[Document, DocumentState]:
        """The document in front and its state as it is now; refuses where there is none."""
        self.observe()
        document = self.editor.active()
        if document is None or self.active is None:
            raise RefusalError(_("Open a picture first."), "open_picture")
        return document, self.active

    def reopen(self, state: DocumentState) -> Document:
        """The document of a state, some turns of the event loop later; GoneError when closed."""
        document = self.editor.find(state.uid)
        if document is None:
            raise GoneError(_("“{title}” was closed; nothing was done.").format(title=state.title))
        return document

    def image(self, state: DocumentState) -> LayerInfo:
        """The layer that is the picture; refuses where it is not clear which."""
        image = state.roles.image
        if image is None:
            raise RefusalError(
                _("Which layer is the picture? Make it the active layer, or choose it as Image."),
                "choose_image",
            )
        return image

    def reading_image(
        self, document: Document, image: LayerInfo, box: Box | None = None
    ) -> WorkFor[Picture]:
        """Reads the picture's pixels, or those in a box; refuses when there are none."""
        picture = yield from document.reading(image.uid, box)
        if picture.is_empty:
            text = _("The layer “{name}” has no pixels on the canvas.").format(name=image.name)
            raise RefusalError(text, "choose_image")
        return picture

    # ---- doing

    def attempt(self, action: Callable[[], None]) -> None:
        """Does something; what is refused, or gone, is said."""
        try:
            action()
        except (RefusalError, GoneError) as e:
            self.say(Notice("error", str(e), getattr(e, "mend", "")))

    def attempt_in_steps(self, key: str, work: Work) -> None:
        """The same for long work on the UI thread, in slices; `key` names it."""

        def told() -> Work:
            try:
                yield from work
            except (RefusalError, GoneError) as e:
                self.say(Notice("error", str(e), getattr(e, "mend", "")))

        self.steps.begin(key, told())

    def say(self, notice: Notice) -> None:
        """Shows a sentence in the docker and over the canvas."""
        self.notice = notice
        if self.active is not None:
            self.active.notice = notice
        self.notified.emit(notice)
        self.tell("notice")

    def tell(self, name: str) -> None:
        """Something that the docker shows has changed."""
        self.changed.emit(name)

    # ---- the engine

    def connect(self) -> None:
        """Connects to the engine, starting it if need be; or asks it afresh what there is."""
        self._client.connect()
        if self.engine.state == "ready":
            self._greet()

    def restart(self) -> None:
        """Ends the engine and starts it anew; what it works on goes on then."""
        self._client.restart()

    def ask(
        self,
        kind: str,
        body: dict[str, Any],
        on_reply: Callable[[Reply], None],
        pictures: Mapping[str, Picture] | None = None,
    ) -> str:
        """A question whose answer is one reply; returns the request's id."""
        frames = [frame_of(name, picture) for name, picture in (pictures or {}).items()]
        return self._send(kind, body, frames, on_reply)

    def start(
        self,
        job: Job,
        body: dict[str, Any],
        pictures: Mapping[str, Picture] | None = None,
        kind: str = "",
    ) -> None:
        """Sends a job's request (of the job's kind, unless told) and follows its replies."""
        self.follow(job)
        self.request(job, body, pictures, kind)

    def follow(self, job: Job) -> None:
        """Shows a job from now on, until it is finished."""
        job.progress.changed.connect(self.tell)
        job.finished.connect(self._on_finished)
        job.steps = self.steps
        self.jobs.append(job)
        if job.state is not None:
            job.state.notice = None
        self.tell("jobs")

    def request(
        self,
        job: Job,
        body: dict[str, Any],
        pictures: Mapping[str, Picture] | None = None,
        kind: str = "",
        frames: Sequence[Frame] = (),
    ) -> None:
        """Sends a request (of the job's kind, unless told) whose replies are the job's."""
        frames = [*frames, *(frame_of(name, each) for name, each in (pictures or {}).items())]
        job.rid = self._send(kind or job.kind, body, frames, job.on_reply)

    def cancel(self) -> None:
        """Stops the job that the docker shows."""
        job = self.shown_job
        if job is None:
            self.say(Notice("info", _("Nothing is running.")))
        else:
            self.stop(job)

    def stop(self, job: Job) -> None:
        """Asks the engine to end a job; its last reply says that it has."""
        job.stop(_("Stopping…"))
        if job.training:
            self.ask("cancel", {"job": job.training}, lambda reply: None)
        else:
            self._client.cancel(job.rid)

    # ---- what the docker asks

    @property
    def shown_job(self) -> Job | None:
        """The active document's newest running job, else any that runs."""
        running = [job for job in reversed(self.jobs) if job.running]
        own = [job for job in running if job.state is not None and job.state is self.active]
        return next(iter(own + running), None)

    @property
    def shown_notice(self) -> Notice | None:
        """The active document's last message, else the last one of all."""
        return self.active.notice if self.active is not None else self.notice

    # ---- helpers

    def _send(
        self,
        kind: str,
        body: dict[str, Any],
        frames: Sequence[Frame],
        on_reply: Callable[[Reply], None],
    ) -> str:
        """Sends a request; it counts as waiting until its final reply."""
        sent: list[str] = []

        def answer(reply: Reply) -> None:
            if reply.final:
                for rid in sent:
                    self._waiting.pop(rid, None)
            on_reply(reply)
            if reply.kind == "error" and reply.body.get("code") == "not-found":
                self.missed.emit()

        sent.append(self._client.request(kind, body, frames=frames, on_reply=answer))
        self._waiting[sent[0]] = answer
        self.asked.emit()
        return sent[0]

    def _state_of(self, document: Document) -> DocumentState:
        uid = document.uid
        state = self.documents.get(uid)
        if state is None:
            state = self._reopened(document)
        if state is None:
            state = DocumentState(uid)
            state.restore(document.recall())
            state.changed.connect(self.tell)
        self.documents[uid] = state
        return state

    def _reopened(self, document: Document) -> DocumentState | None:
        """The state of a document that was closed and is open again: its layers keep their ids."""
        layers = {layer.uid for layer in document.layers()}
        for uid, state in list(self.documents.items()):
            same = not layers.isdisjoint(layer.uid for layer in state.layers)
            if same and self.editor.find(uid) is None:
                del self.documents[uid]
                state.uid = document.uid
                return state
        return None

    def _on_finished(self, job: Job, notice: Notice | None) -> None:
        self.jobs.remove(job)
        self.ended.emit(job)
        if notice is not None:
            self.notice = notice
            if job.state is None and self.active is not None:
                self.active.notice = notice  # of no document's own: shown where the artist is
            self.notified.emit(notice)
        self.tell("jobs")

    def _greet(self) -> None:
        self.ask("hello", {"wait": True}, self._on_hello)
        self.ready.emit()

    def _on_hello(self, reply: Reply) -> None:
        if reply.kind == "result":
            self.engine.device = str(reply.body.get("device") or "")
            self.engine.devices = tuple(str(d) for d in reply.body.get("devices") or ())
            self.engine.presets = tuple(str(p) for p in reply.body.get("presets") or ())

    def _on_engine_state(self, state: str, message: str) -> None:
        was = self.engine.state
        self.engine.message = message
        self.engine.state = state
        if state == "ready" and was != "ready":
            self._greet()
        if state == "failed" and was != "failed" and message:
            self.say(Notice("error", message, "restart_engine"))
