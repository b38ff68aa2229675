"""The plugin's one controller: what the actions do, and which jobs run.

It joins the state, the editor and the engine's client, and knows neither Krita nor Qt. The owner
calls `poll` from a timer (it never blocks) and `observe` a few times a second.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Protocol, Sequence

from deepsim_client import Frame, Reply

from .editor import Document, Editor, GoneError
from .jobs import ApplyJob, EdgesJob, EngineJob, Job, LayerJob, SegmentJob, TrainJob
from .observable import Observable, Property, Signal
from .state import (
    AUTO,
    DONE,
    EDGES_NAME,
    SEGMENTS_NAME,
    Choices,
    DocumentState,
    EngineInfo,
    LayerInfo,
    ModelInfo,
    Notice,
    Picture,
    Settings,
    model_name,
)

TRAINING = "training"
"""A model choice: the model that this document is training just now."""


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

    def poll(self) -> None:
        """Drives the connection and delivers replies; never blocks."""

    def close(self) -> None:
        """Leaves the engine to itself."""


class RefusalError(Exception):
    """What was asked for cannot be done as things are; one sentence that says what to do."""


class ModelList(Observable):
    """The models that the engine has, newest first."""

    items: Property[tuple[ModelInfo, ...]] = Property(())
    known = Property(False)


def _frame(name: str, picture: Picture) -> Frame:
    return Frame(name, (picture.height, picture.width, 4), "uint8", picture.rgba)


class Session:
    """Everything that the docker shows and the actions do, for all documents and windows."""

    def __init__(self, editor: Editor, client: Client, settings: Settings) -> None:
        self._editor = editor
        self._client = client
        self.settings = settings
        self.engine = EngineInfo()
        self.models = ModelList()
        self.documents: dict[str, DocumentState] = {}
        self.active: DocumentState | None = None
        self.notice: Notice | None = None
        self.jobs: list[Job] = []
        self.changed = Signal()
        self.notified = Signal()
        self._waiting: set = set()
        for part in (self.engine, self.models, settings):
            part.changed.connect(self._on_change)
        client.on_state = self._on_engine_state

    # ---- what the timer calls

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
        document = self._editor.active()
        state = None if document is None else self._state_of(document)
        if state is not None and document is not None:
            state.title = document.title
            state.size = document.size
            state.layers = tuple(document.layers())
            state.active = document.active_layer()
            if not state.remembered:
                document.remember(state.memory())
                state.remembered = True
        if state is not self.active:
            self.active = state
            self._on_change("active")

    def close(self) -> None:
        """Leaves; what the engine works on goes on there."""
        self._client.close()

    # ---- what the actions and buttons call

    def train(self) -> None:
        """Starts training on the image layer with the drawing layers, or refuses with a notice."""
        self._attempt(self._train)

    def apply(self) -> None:
        """Turns the drawing as it is now into a new layer, or refuses with a notice."""
        self._attempt(self._apply)

    def extract_edges(self) -> None:
        """Makes an edges layer from the image layer, or refuses with a notice."""
        self._attempt(lambda: self._draft(EdgesJob, EDGES_NAME, "Extracting edges", {}))

    def segment(self) -> None:
        """Makes a segments layer from the image layer, or refuses with a notice."""
        self._attempt(lambda: self._draft(SegmentJob, SEGMENTS_NAME, "Segmenting", {}))

    def cancel(self) -> None:
        """Stops the job that the docker shows."""
        job = self.shown_job
        if job is None:
            self._say(Notice("info", "Nothing is running."))
        else:
            self.stop(job)

    def stop(self, job: Job) -> None:
        """Asks the engine to end a job; its last reply says that it has."""
        job.stop()
        if job.training:
            self._ask("cancel", {"job": job.training}, lambda reply: None)
        else:
            self._client.cancel(job.rid)

    def connect(self) -> None:
        """Connects to the engine (starting it if need be) and asks for its models and jobs."""
        self._client.connect()
        if self.engine.state == "ready":
            self._look_around()

    def _look_around(self) -> None:
        self._ask("hello", {"wait": True}, self._on_hello)
        self.refresh_models()
        self._find_trainings()

    def _find_trainings(self) -> None:
        self._ask("status", {}, self._on_status)

    def refresh_models(self) -> None:
        """Asks the engine for its models."""
        self._ask("models", {"action": "list"}, self._on_models)

    def choose(self, choices: Choices) -> None:
        """Takes over which layers play which part; the document remembers it."""
        document, state = self._editor.active(), self.active
        if document is not None and state is not None and state.choices != choices:
            state.choices = choices
            document.remember(state.memory())

    def toggle_visible(self, layer: LayerInfo | None) -> None:
        """Opens or closes the eye of one of the active document's layers."""
        document = self._editor.active()
        if document is None or layer is None:
            return
        try:
            document.set_visible(layer.uid, not document.visible(layer.uid))
        except GoneError as e:
            self._say(Notice("error", str(e)))

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

    def running_training(self, state: DocumentState) -> TrainJob | None:
        """The training that runs for a document."""
        for job in self.jobs:
            if isinstance(job, TrainJob) and job.running and job.state is state:
                return job
        return None

    def auto_model(self, state: DocumentState) -> ModelInfo | None:
        """The model that Apply takes by itself: the document's own, else the newest of its size."""
        if state.model is not None:
            listed = {model.id: model for model in self.models.items}
            return listed.get(state.model.id, state.model)
        return next((m for m in self.models.items if m.size == state.size), None)

    # ---- jobs

    def _train(self) -> None:
        document, state = self._document()
        if self.running_training(state) is not None:
            raise RefusalError("This document is training already; cancel that first.")
        roles = state.roles
        image = self._image(state)
        if roles.edges is None and roles.segments is None:
            raise RefusalError(
                "There is no drawing yet: add a layer named “Edges” or “Segments”, "
                "or let Extract Edges or Segment Layer draft one."
            )
        drawing = self._read_drawing(document, {"segments": roles.segments, "edges": roles.edges})
        drawing = {name: picture for name, picture in drawing.items() if not picture.is_empty}
        if not drawing:
            raise RefusalError(
                "The drawing layers are empty; draw edges or paint segments on them."
            )
        picture = document.read(image.uid)
        if picture.is_empty:
            raise RefusalError(f"The layer “{image.name}” has no pixels on the canvas.")
        name = model_name(state.title, image.name)
        body: dict[str, Any] = {"name": name, "preset": self.settings.preset}
        if self.settings.seconds:
            body["seconds"] = self.settings.seconds
        if state.resumable:
            body["resume"] = True
        primitive = "both" if len(drawing) == 2 else next(iter(drawing))
        job = TrainJob(name, primitive, image.uid, state, self._editor)
        state.preview = None
        self._start(job, body, {"image": picture, **drawing})

    def _apply(self) -> None:
        document, state = self._document()
        roles = state.roles
        body, name, kind = self._model(state)
        needed = {"edges": ("edges",), "segments": ("segments",)}.get(kind, ("segments", "edges"))
        layers = {"segments": roles.segments, "edges": roles.edges}
        if kind in {"edges", "segments", "both"}:
            for part in needed:
                if layers[part] is None:
                    raise RefusalError(
                        f"“{name}” was trained with {part}, but no {part} layer is chosen."
                    )
        drawing = self._read_drawing(document, {part: layers[part] for part in needed})
        if not drawing:
            raise RefusalError("Choose the edges or segments layer that holds your drawing.")
        image = roles.image.uid if roles.image is not None else None
        above = state.trained if state.trained in {layer.uid for layer in state.layers} else image
        job = ApplyJob("Applying", name, above, state, self._editor)
        body["blend"] = self.settings.blend
        self._start(job, body, drawing)

    def _draft(self, make: Any, name: str, title: str, body: dict[str, Any]) -> None:
        document, state = self._document()
        image = self._image(state)
        picture = document.read(image.uid)
        if picture.is_empty:
            raise RefusalError(f"The layer “{image.name}” has no pixels on the canvas.")
        names = {layer.name.casefold() for layer in state.layers}
        counter, free = 1, name
        while free.casefold() in names:
            counter += 1
            free = f"{name} {counter}"
        # Edges lie over segments, as in a super-primitive.
        segments = state.roles.segments
        over_segments = make is EdgesJob and segments is not None
        above = segments.uid if over_segments and segments is not None else image.uid
        job: LayerJob = make(title, free, above, state, self._editor)
        state.trained = state.trained or image.uid
        self._start(job, body, {"image": picture})

    def _start(self, job: Job, body: dict[str, Any], pictures: Mapping[str, Picture]) -> None:
        frames = [_frame(name, picture) for name, picture in pictures.items()]
        self._send(job, job.kind, body, frames)

    def _send(self, job: Job, kind: str, body: dict[str, Any], frames: Sequence[Frame]) -> None:
        job.progress.changed.connect(self._on_change)
        job.finished.connect(self._on_finished)
        self.jobs.append(job)
        if job.state is not None:
            job.state.notice = None
        job.rid = self._client.request(kind, body, frames=frames, on_reply=job.on_reply)
        self._on_change("jobs")

    def _on_finished(self, job: Job, notice: Notice | None) -> None:
        self.jobs.remove(job)
        if job.kind == "train" and job.progress.state == DONE:
            self.refresh_models()
        if notice is not None:
            self.notice = notice
            self.notified.emit(notice)
        self._on_change("jobs")

    # ---- helpers

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (RefusalError, GoneError) as e:
            self._say(Notice("error", str(e)))

    def _say(self, notice: Notice) -> None:
        self.notice = notice
        if self.active is not None:
            self.active.notice = notice
        self.notified.emit(notice)
        self._on_change("notice")

    def _document(self) -> tuple[Document, DocumentState]:
        self.observe()
        document = self._editor.active()
        if document is None or self.active is None:
            raise RefusalError("Open a picture first.")
        return document, self.active

    def _state_of(self, document: Document) -> DocumentState:
        uid = document.uid
        state = self.documents.get(uid)
        if state is None:
            state = self._reopened(document)
        if state is None:
            state = DocumentState(uid)
            state.restore(document.recall())
            state.changed.connect(self._on_change)
            if state.training and self.engine.state == "ready":
                self._find_trainings()
        self.documents[uid] = state
        return state

    def _reopened(self, document: Document) -> DocumentState | None:
        """The state of a document that was closed and is open again: its layers keep their ids."""
        layers = {layer.uid for layer in document.layers()}
        for uid, state in list(self.documents.items()):
            same = not layers.isdisjoint(layer.uid for layer in state.layers)
            if same and self._editor.find(uid) is None:
                del self.documents[uid]
                state.uid = document.uid
                return state
        return None

    def _image(self, state: DocumentState) -> LayerInfo:
        image = state.roles.image
        if image is None:
            raise RefusalError(
                "Which layer is the picture? Make it the active layer, or choose it as Image."
            )
        return image

    def _read_drawing(
        self, document: Document, layers: Mapping[str, LayerInfo | None]
    ) -> dict[str, Picture]:
        return {
            part: document.read(layer.uid) for part, layer in layers.items() if layer is not None
        }

    def _model(self, state: DocumentState) -> tuple[dict[str, Any], str, str]:
        """The request's model, its name and the kind of primitive that it takes."""
        training = self.running_training(state)
        choice = state.model_choice
        if choice not in {AUTO, TRAINING}:
            chosen = next((m for m in self.models.items if m.id == choice), None)
            if chosen is not None:
                return {"model": chosen.id}, chosen.name, chosen.kind
        if training is not None and (choice == TRAINING or state.model is None):
            return {"job": training.training or training.rid}, training.name, training.primitive
        model = self.auto_model(state)
        if model is None:
            raise RefusalError("This picture has no model yet: Train first, or choose a model.")
        return {"model": model.id}, model.name, model.kind

    def _ask(self, kind: str, body: dict[str, Any], on_reply: Callable[[Reply], None]) -> None:
        """A question whose answer is one reply."""
        asked: list[str] = []

        def answer(reply: Reply) -> None:
            if reply.final:
                self._waiting.difference_update(asked)
            on_reply(reply)

        asked.append(self._client.request(kind, body, frames=(), on_reply=answer))
        self._waiting.update(asked)

    def _on_models(self, reply: Reply) -> None:
        if reply.kind == "result":
            found = [ModelInfo.from_body(body) for body in reply.body.get("models") or ()]
            found.sort(key=lambda model: model.created, reverse=True)
            self.models.items = tuple(found)
            self.models.known = True

    def _on_hello(self, reply: Reply) -> None:
        if reply.kind == "result":
            self.engine.device = str(reply.body.get("device") or "")
            self.engine.presets = tuple(str(p) for p in reply.body.get("presets") or ())

    def _on_status(self, reply: Reply) -> None:
        """Follows trainings again that an earlier session, or a lost connection, left behind."""
        if reply.kind != "result":
            return
        listed = {str(body.get("job", "")): body for body in reply.body.get("jobs") or ()}
        followed = {rid for job in self.jobs for rid in (job.rid, job.training)}
        for state in self.documents.values():
            body = listed.get(state.training, {})
            if not state.training or self.running_training(state) is not None:
                continue
            if body.get("state") in {"queued", "running", "done"}:
                name, image = str(body.get("name") or "model"), state.trained or ""
                self._follow(TrainJob(name, "", image, state, self._editor), state.training)
            followed.add(state.training)
        for rid, body in listed.items():
            if body.get("state") in {"queued", "running"} and rid not in followed:
                self._follow(EngineJob(f"Training “{body.get('name') or 'model'}”", None), rid)

    def _follow(self, job: Job, training: str) -> None:
        job.training = training
        self._send(job, "attach", {"job": training}, ())

    def _on_engine_state(self, state: str, message: str) -> None:
        was = self.engine.state
        self.engine.message = message
        self.engine.state = state
        if state == "ready" and was != "ready":
            self._look_around()
        if state == "failed" and was != "failed" and message:
            self._say(Notice("error", message))

    def _on_change(self, name: str) -> None:
        self.changed.emit(name)
