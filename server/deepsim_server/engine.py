"""The engine's loop: takes requests, hands work on, passes replies back. It never computes."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata

import zmq
from deepsim_client.location import process_alive
from deepsim_client.wire import PROTOCOL, Buffer, Message, WireError, decode

from deepsim_engine.imaging import available_memory
from deepsim_server import jobs
from deepsim_server.failures import failure
from deepsim_server.limits import Limits
from deepsim_server.metrics import Metrics
from deepsim_server.model_messages import ModelMessages
from deepsim_server.models import ModelNotFoundError, ModelStore
from deepsim_server.outbox import Outbox
from deepsim_server.peers import Peers
from deepsim_server.recent import RecentReplies
from deepsim_server.replies import error, result
from deepsim_server.requests import text
from deepsim_server.small import SmallRequests
from deepsim_server.supervisor import Death, Supervisor
from deepsim_server.trainings import Trainings
from deepsim_server.verifier import Verifier
from deepsim_server.workers import Workers

log = logging.getLogger(__name__)

MAX_TRAININGS_EACH = 32
"""Trainings that one client may have waiting or running."""
MAX_GREETINGS = 1024
"""Clients that may wait for the worker's start at a time."""
STOP_SECONDS = 15.0
"""How long the worker may take to save its checkpoint when the engine leaves."""
_QUICK_MS, _CALM_MS = 20, 200
_AT_ONCE = 64
_ANSWERED_LAST = ("hello", "ping", "status", "shutdown")
"""What an engine that is leaving still answers."""


class Engine:
    """One engine: its sockets are made by `serve`, which also ends them."""

    def __init__(
        self,
        router: "zmq.Socket[bytes]",
        workers: Workers,
        store: jobs.JobStore,
        models: ModelStore,
        peers: Peers,
        *,
        idle_seconds: float | None,
        parent: int | None = None,
        orphan_seconds: float = Limits.orphan_seconds,
    ) -> None:
        """`parent` is the process that started the engine for itself, if one did."""
        self._orphan_seconds = orphan_seconds
        self._router = router
        self._peers = peers
        self._parent = parent
        self._store = store
        self._metrics = Metrics()
        self._workers = workers
        self._models = models
        self._verifier = Verifier(models)
        self._outbox = Outbox(router)
        self._recent = RecentReplies()
        self.trainings = Trainings(store, workers, self._reply)
        self._small = SmallRequests(self._worker_for, self._named, self._reply)
        self._model_messages = ModelMessages(
            models,
            self._answered,
            on_change=self._verifier.wake,
            trainings=self.trainings.needing,
        )
        self._greetings: list[tuple[bytes, str]] = []
        self._idle_seconds = idle_seconds
        self._last_request = time.monotonic()
        self._stop_by: float | None = None
        self._handlers: dict[str, Callable[[bytes, Message, Sequence[Buffer]], None]] = {
            "hello": self._hello,
            "ping": self._ping,
            "status": self._status,
            "models": self._answer_models,
            "cancel": self._cancel,
            "shutdown": self._shutdown,
            "train": self._train,
            "attach": self._attach,
            "pause": lambda peer, message, _parts: self.trainings.pause(peer, message),
            "resume": self._resume,
            "apply": self._apply,
            "edges": self._hand_on,
            "segment": self._hand_on,
            "inspect": self._hand_on,
            "snap": self._hand_on,
        }

    def run(self) -> None:
        """Serve until told to stop, or idle for long enough."""
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        for worker in self._workers:
            poller.register(worker.socket, zmq.POLLIN)
        while not self._finished():
            poller.poll(_QUICK_MS if self._in_a_hurry() else _CALM_MS)
            self._from_clients()
            for worker in self._workers:
                self._from_worker(worker)
                self._watch_worker(worker)
            self._small.tick()
            self.trainings.tick()
            self._model_messages.tick()
            self._verifier.tick()
            self._outbox.flush()
            if self._idle():
                log.info("Nothing to do, and nobody asks: leaving.")
                self.stop()

    def _in_a_hurry(self) -> bool:
        """Whether something goes on that no socket tells of."""
        threads = self.trainings.writing or len(self._model_messages)
        return bool(threads) or not self._outbox.empty or self._stop_by is not None

    def stop(self) -> None:
        """Leave soon: the worker saves its checkpoint first."""
        if self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_SECONDS
            self.trainings.stop()
            for worker in self._workers:
                worker.ask_to_stop()

    def close(self) -> None:
        """Tell everybody who still waits."""
        self.trainings.close()
        self._small.close(error(None, "shutting-down", "The engine leaves."))
        self._verifier.close()
        self._model_messages.close()
        self._models.close()
        self._outbox.flush()

    def _finished(self) -> bool:
        if self._stop_by is None:
            return False
        if time.monotonic() > self._stop_by:
            log.warning("The worker did not stop in time.")
            return True
        if not all(worker.ended() for worker in self._workers):
            return False
        for worker in self._workers:
            self._from_worker(worker)  # its last words
        return True

    def _idle(self) -> bool:
        if self._idle_seconds is None or self._stop_by is not None:
            return False
        now = time.monotonic()
        busy = self.trainings.busy or len(self._small) or len(self._model_messages)
        if busy or not self._outbox.empty:
            self._last_request = now
        if now - self._last_request > self._idle_seconds:
            return True
        return now - self._last_request > self._orphan_seconds and self._orphan()

    def _orphan(self) -> bool:
        """Whether the editor that started the engine is gone, and no other is connected."""
        if self._parent is None or self._peers.heard_within(self._orphan_seconds):
            return False
        return not process_alive(self._parent)

    def _reply(self, peer: bytes, message: Message) -> None:
        """Send a reply, unless the client's key was revoked meanwhile."""
        if message.final or message.kind == "accepted":
            self._metrics.answered(message.id)
        if not self._peers.allowed(peer):
            return
        try:
            self._outbox.send(peer, message)
        except WireError as problem:  # an answer too long for a message
            log.error("The answer to a request cannot be sent: %s", problem)
            self._outbox.send(peer, error(message.id, "failed", f"No answer fits: {problem}"))

    def _answered(self, peer: bytes, message: Message) -> None:
        """Send a final reply, and keep it for a request that is repeated."""
        self._recent.add(message)
        self._reply(peer, message)

    # -- clients

    def _from_clients(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                peer, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            parts = [frame.buffer for frame in frames]
            self._metrics.bytes_received += sum(part.nbytes for part in parts)
            if self._peers.admit(peer.bytes, str(frames[0].get("User-Id")).encode()):
                self._take(peer.bytes, parts)
            else:
                self._metrics.refused += 1

    def _take(self, peer: bytes, parts: list[memoryview]) -> None:
        try:
            message = decode(parts)
        except WireError as problem:
            self._metrics.refused += 1
            self._reply(peer, error(problem.id, "protocol", str(problem)))
            return
        if message.kind != "ping":
            self._last_request = time.monotonic()
        handler = self._handlers.get(message.kind)
        known = self._recent.get(message.id)
        if handler is None:
            sentence = f"This engine does not know the message {message.kind!r}."
            self._reply(peer, error(message.id, "unknown-message", sentence))
        elif self._stop_by is not None and message.kind not in _ANSWERED_LAST:
            self._reply(peer, error(message.id, "shutting-down", "The engine leaves."))
        elif known is not None:
            self._reply(peer, known)
        elif message.id in self._small:
            self._small.follow(message.id, peer)
        else:
            self._metrics.received(message.id, message.kind)
            self._handle(handler, peer, message, parts)

    def _handle(
        self,
        handler: Callable[[bytes, Message, Sequence[Buffer]], None],
        peer: bytes,
        message: Message,
        parts: Sequence[Buffer],
    ) -> None:
        try:
            handler(peer, message, parts)
        except Exception as problem:  # noqa: BLE001  (one request's must not end the engine)
            self._reply(peer, failure(message, problem))

    def _hello(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        """At once, or with {"wait": true} when the worker can tell what it computes on."""
        if message.body.get("wait") is True and not self._workers.first.ready:
            if len(self._greetings) < MAX_GREETINGS:
                self._greetings.append((peer, message.id))
            else:
                self._reply(peer, error(message.id, "busy", "Too many wait for the worker."))
        else:
            self._greet(peer, message.id)

    def _greet(self, peer: bytes, request: str) -> None:
        info = self._workers.first.info
        body = {
            "version": metadata.version("deepsim"),
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "starting": not self._workers.first.ready,
            "device": info.get("device", ""),
            "devices": info.get("devices", []),
            "memory_free": info.get("memory_free"),
            "presets": info.get("presets", []),
            "message": self._workers.first.broken,
        }
        self._reply(peer, result(request, body))

    def _ping(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        """The clients' heartbeat; what came with it goes back, so that a line can be measured."""
        self._reply(peer, replace(result(message.id, {}), frames=message.frames))

    def _status(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        info = self._workers.first.info
        body = {
            "pid": os.getpid(),
            "worker_pid": self._workers.first.pid,
            "device": info.get("device", ""),
            "memory": {"free": available_memory()},
            "queue": self.trainings.waiting,
            "training": self.trainings.running,
            "small": len(self._small),
            "jobs": self.trainings.listing(),
            "restarts": self._workers.restarts,
            "versions": info.get("versions", {"deepsim": metadata.version("deepsim")}),
            "message": self._workers.first.broken,
            "metrics": {
                **self._metrics.snapshot(),
                "jobs": self._store.counts(),
                "bytes_sent": self._outbox.bytes_sent,
                "bytes_waiting": self._outbox.waiting_bytes,
                "worker_restarts": self._workers.restarts,
            },
        }
        self._reply(peer, result(message.id, body))

    def _answer_models(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        self._model_messages.take(peer, message)

    def _cancel(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        wanted = text(message.body, "job", "")
        if wanted in self._small:
            self._small.cancel(wanted)
            state = "cancelled"
        else:
            state = self.trainings.cancel(wanted)
        self._reply(peer, result(message.id, {"state": state}))

    def _shutdown(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        log.info("Told to leave.")
        self._reply(peer, result(message.id, {}))
        self.stop()

    def _train(self, peer: bytes, message: Message, parts: Sequence[Buffer]) -> None:
        """With {"from": id} the weights of that model are where training begins."""
        if origin := text(message.body, "from", ""):
            self._models.path(origin)
        if self._may_follow(peer, message):
            self.trainings.request(peer, message, parts)

    def _attach(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        if self._may_follow(peer, message):
            self.trainings.attach(peer, message)

    def _resume(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        if self._may_follow(peer, message):
            self.trainings.resume(peer, message)

    def _may_follow(self, peer: bytes, message: Message) -> bool:
        """Whether the client may wait for one training more; else it is told so."""
        # The request itself may be repeated.
        if self.trainings.followed_by(peer, message.id) < MAX_TRAININGS_EACH:
            return True
        sentence = f"This client has {MAX_TRAININGS_EACH} trainings already: cancel some."
        self._reply(peer, error(message.id, "busy", sentence))
        return False

    def _apply(self, peer: bytes, message: Message, parts: Sequence[Buffer]) -> None:
        """With a model, or with a training: the model it led to, or its weights so far."""
        if not text(message.body, "job", "") and "model" in message.body:
            self._models.path(text(message.body, "model", ""))
        # Whose drawings it may leave and build upon; whatever the client itself says of that.
        message = replace(message, body={**message.body, "client": self._peers.key(peer)})
        self._hand_on(peer, self._named(message), parts)

    def _named(self, message: Message) -> Message:
        """The request with the training that it names where that runs, else with its model.

        Raises ModelNotFoundError when there is neither.
        """
        request = message.body.get("job")
        if message.kind != "apply" or not request:
            return message
        job = self.trainings.find(str(request))
        model = None if job is None or job.reply is None else job.reply.get("model")
        if model:
            return replace(message, body={**message.body, "job": "", "model": model["id"]})
        if job is not None and self.trainings.worker_of(job.id):
            return replace(message, body={**message.body, "job": job.id})
        raise ModelNotFoundError(
            "There is no such training, or it has nothing to show yet: wait for its first step."
        )

    def _hand_on(self, peer: bytes, message: Message, _parts: Sequence[Buffer]) -> None:
        """With a document in an apply, it replaces earlier ones for the same document."""
        document = text(message.body, "document", "") if message.kind == "apply" else ""
        self._small.take(peer, message, document)

    def _worker_for(self, message: Message) -> Supervisor:
        """The one that trains the job which a request is about, else the least busy."""
        job = message.body.get("job")
        trains = self.trainings.worker_of(job) if isinstance(job, str) else None
        return trains or self._workers.least_loaded()

    # -- the worker

    def _from_worker(self, worker: Supervisor) -> None:
        while (message := worker.receive()) is not None:
            if message.kind == "ready":
                self._answer_greetings()
            elif self.trainings.worker_of(message.id) is worker:
                step = message.body.get("step")
                if message.kind == "progress" and isinstance(step, int):
                    self._metrics.stepped(message.id, step)
                self.trainings.on_worker(message)
                if message.kind == "result":
                    self._verifier.wake()
            elif message.id in self._small:
                wanted = self._small.on_worker(message)
                if wanted and message.final:
                    self._recent.add(message)

    def _watch_worker(self, worker: Supervisor) -> None:
        if self._stop_by is not None:
            return
        death = worker.poll()
        if death is None:
            worker.recycle_if_worn()
        else:
            self._on_death(worker, death)

    def _on_death(self, worker: Supervisor, death: Death) -> None:
        self._from_worker(worker)
        worker.forget_waiting()
        self._small.on_death(worker, death)
        self.trainings.on_death(worker, death)
        if worker.broken:
            self._answer_greetings()
        if all(other.broken for other in self._workers):
            self._small.close(error(None, "worker-died", worker.broken))

    def _answer_greetings(self) -> None:
        for peer, request in self._greetings:
            self._greet(peer, request)
        self._greetings.clear()
