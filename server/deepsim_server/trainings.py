"""Trainings from request to model: made durable, queued, run one after another, resumed.

Requests and trainings are many to one: whoever asks for a training that is there already (the
same request again, a request to resume it, `attach`) follows it and gets its replies from then on.
"""

import logging
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from deepsim_client.wire import Buffer, Message, new_id

from deepsim_server import jobs
from deepsim_server.inputs import pair_digest, write_inputs
from deepsim_server.jobs import Job, JobStore
from deepsim_server.replies import accepted, error, result
from deepsim_server.requests import TrainSettings, flag
from deepsim_server.supervisor import Death, Supervisor

log = logging.getLogger(__name__)

MAX_UNFINISHED = 64
"""Trainings that may wait at a time."""
MAX_DEATHS = 3
"""Workers that may die of a training before it counts as failed."""

_STOPPED = (jobs.FAILED, jobs.CANCELLED, jobs.PAUSED)

Reply = Callable[[bytes, Message], None]


@dataclass
class _Write:
    """A request whose inputs are being written; `future` gives the digest of its pair."""

    peer: bytes
    message: Message
    settings: TrainSettings
    resume: bool
    future: Future[str]
    cancelled: bool = False


class Trainings:
    """All trainings of one engine, and who follows them."""

    def __init__(self, store: JobStore, supervisor: Supervisor, reply: Reply) -> None:
        self._store = store
        self._supervisor = supervisor
        self._reply = reply
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._writes: dict[str, _Write] = {}
        self._followers: dict[str, dict[str, bytes]] = {}
        self._queue: deque[str] = deque()
        self._progress: dict[str, dict[str, Any]] = {}
        self._cancelling: set[str] = set()
        self._stopping = False
        self.running = ""

    # -- requests

    def resume_unfinished(self) -> None:
        """Queue what an earlier engine did not finish."""
        for job in self._store.unfinished():
            self._store.update(job.id, state=jobs.QUEUED)
            self._queue.append(job.id)
            log.info("Training %s (%r) goes on from step %d or before.", job.id, job.name, job.step)

    def request(self, peer: bytes, message: Message, parts: Sequence[Buffer]) -> None:
        """Answer `train`. Raises InputError for a wrong body."""
        settings = TrainSettings.from_body(message.body)
        resume = flag(message.body, "resume", False)
        job = self._store.of_request(message.id)
        if job is not None and not (resume and job.state in _STOPPED):
            self._join(job, peer, message.id)
        elif message.id in self._writes:
            self._writes[message.id].peer = peer
        elif len(self._writes) + len(self._store.unfinished()) >= MAX_UNFINISHED:
            sentence = f"{MAX_UNFINISHED} trainings wait already: cancel some, or wait."
            self._reply(peer, error(message.id, "busy", sentence))
        else:
            path = self._store.folder(message.id) / jobs.INPUTS

            def write() -> str:
                write_inputs(path, parts)
                return pair_digest(message)

            future = self._disk.submit(write)
            self._writes[message.id] = _Write(peer, message, settings, resume, future)

    def attach(self, peer: bytes, message: Message) -> None:
        """Answer `attach`: from now on the replies of another request's training come here too."""
        job = self._store.of_request(str(message.body.get("job")))
        if job is None:
            self._reply(peer, error(message.id, "not-found", "There is no such training."))
        else:
            self._join(job, peer, message.id)

    def cancel(self, request: str) -> str:
        """Cancel the training that a request asked for; what becomes of it, in a word."""
        if request in self._writes:
            self._writes[request].cancelled = True
            return "cancelling"
        job = self._store.of_request(request)
        if job is None:
            return "unknown"
        if job.id == self.running:
            self._cancelling.add(job.id)
            self._supervisor.send(Message("cancel", new_id(), {"job": job.id}))
            return "cancelling"
        if not job.unfinished:
            return job.state
        if job.id in self._queue:
            self._queue.remove(job.id)
        self._end(job.id, jobs.CANCELLED, error(job.id, "cancelled", "Cancelled while it waited."))
        return "cancelled"

    def find(self, request: str) -> Job | None:
        """The training that a request asked for."""
        return self._store.of_request(request)

    # -- what happens

    def tick(self) -> None:
        """Go on with what is written, and with the queue."""
        for write in [write for write in self._writes.values() if write.future.done()]:
            del self._writes[write.message.id]
            self._written(write)
        if self._queue and not self.running and not self._stopping and self._supervisor.ready:
            self._start(self._queue.popleft())

    def on_worker(self, message: Message) -> None:
        """A reply of the worker about the running training."""
        job = message.id
        if message.kind == "result":
            step = self._step(job)
            self._end(job, jobs.DONE, message, step=step)
            self._store.drop_folder(job)
        elif message.kind == "error":
            stopped = message.body.get("code") == "cancelled"
            if stopped and self._stopping and job not in self._cancelling:
                self._end(job, jobs.PAUSED, _leaving(job), step=self._step(job))
            elif stopped:
                self._end(job, jobs.CANCELLED, message, step=self._step(job))
            else:
                log.warning("Training %s failed: %s", job, message.body.get("message"))
                self._end(job, jobs.FAILED, message, step=self._step(job))
        else:
            if message.kind == "progress":
                self._progress[job] = message.body
            self._tell(job, message)

    def on_death(self, death: Death) -> None:
        """The worker died: tell who follows its training; it can be resumed."""
        job = self.running
        if not job:
            return
        deaths = self._store.get(job).deaths + 1
        state = jobs.PAUSED if deaths < MAX_DEATHS else jobs.FAILED
        step = self._step(job)
        sentence = (
            f"The worker process {death.how} after step {step}; training can be resumed from its"
            " last checkpoint."
        )
        if job in self._cancelling:
            state = jobs.CANCELLED
        self._end(job, state, error(job, "worker-died", sentence), step=step, deaths=deaths)

    def stop(self) -> None:
        """Start nothing any more; tell those who wait. The running one ends with its worker."""
        self._stopping = True
        for job in list(self._followers):
            if job != self.running:
                self._tell(job, _leaving(job))

    def close(self) -> None:
        """Finish writing, and tell the followers of a training that did not stop in time."""
        self._disk.shutdown(wait=True)
        self.tick()
        for job in list(self._followers):
            self._tell(job, _leaving(job))

    # -- what there is

    @property
    def busy(self) -> bool:
        """Whether anything runs, waits or is being written."""
        return bool(self.running or self._queue or self._writes)

    @property
    def writing(self) -> bool:
        """Whether requests wait for the disk."""
        return bool(self._writes)

    @property
    def waiting(self) -> int:
        """Number of trainings in the queue."""
        return len(self._queue)

    def listing(self) -> list[dict[str, Any]]:
        """Newest trainings first, for `status`."""
        return [self._listed(job) for job in self._store.recent()]

    def _listed(self, job: Job) -> dict[str, Any]:
        progress = self._progress.get(job.id, {})
        return {
            "job": job.id,
            "kind": "train",
            "name": job.name,
            "preset": job.preset,
            "state": job.state,
            "step": progress.get("step", job.step),
            "steps": progress.get("steps"),
            "seconds": progress.get("seconds"),
            "seconds_left": progress.get("seconds_left"),
            "model": ((job.reply or {}).get("model") or {}).get("id"),
            "message": (job.reply or {}).get("message"),
        }

    # -- steps

    def _join(self, job: Job, peer: bytes, request: str) -> None:
        """Answer a request for a training that exists: its end, or its replies from now on."""
        if job.state == jobs.PAUSED:
            self._requeue(job, {})
        elif job.state == jobs.DONE:
            self._reply(peer, result(request, job.reply or {}))
            return
        elif not job.unfinished:
            self._reply(peer, Message("error", request, job.reply or {}))
            return
        self._follow(job.id, peer, request)

    def _follow(self, job: str, peer: bytes, request: str) -> None:
        self._followers.setdefault(job, {})[request] = peer
        self._reply(peer, accepted(request, job))

    def _written(self, write: _Write) -> None:
        """The inputs are on disk: make the row, then say so."""
        request, settings = write.message.id, write.settings
        try:
            pair = write.future.result()
            if write.cancelled:
                self._store.drop_folder(request)
                self._reply(write.peer, error(request, "cancelled", "Cancelled before it began."))
                return
            earlier = self._store.latest(settings.name, settings.preset, pair)
            if write.resume and earlier is not None:
                self._resume(earlier, write)
                return
            job = self._store.add(request, settings.name, settings.preset, pair, settings.to_json())
        except (OSError, sqlite3.Error) as problem:
            self._store.drop_folder(request)
            reason = getattr(problem, "strerror", None) or problem
            sentence = f"The training could not be stored in {self._store.folder('')}: {reason}."
            log.error("%s", sentence)
            self._reply(write.peer, error(request, "failed", sentence))
            return
        self._follow(job.id, write.peer, request)
        self._queue.append(job.id)
        log.info("Training %s (%r, %s) is accepted.", job.id, job.name, job.preset)

    def _resume(self, job: Job, write: _Write) -> None:
        """Let a request go on with an earlier training of the same name, preset and pair."""
        request = write.message.id
        if request != job.id:
            kept = self._store.folder(job.id)
            if job.state != jobs.DONE:
                kept.mkdir(mode=0o700, exist_ok=True)
                (self._store.folder(request) / jobs.INPUTS).replace(kept / jobs.INPUTS)
            shutil.rmtree(self._store.folder(request), ignore_errors=True)
            self._store.link(request, job.id)
        if job.state in _STOPPED:
            self._requeue(job, write.settings.to_json())
            job = replace(job, state=jobs.QUEUED)
        self._join(job, write.peer, request)

    def _requeue(self, job: Job, settings: dict[str, Any]) -> None:
        merged = {**job.settings, **settings}
        self._store.update(job.id, state=jobs.QUEUED, deaths=0, settings=merged, reply=None)
        self._queue.append(job.id)
        log.info("Training %s (%r) goes on.", job.id, job.name)

    def _start(self, id: str) -> None:
        job = self._store.update(id, state=jobs.RUNNING)
        self.running = id
        self._supervisor.send(Message("train", id, job.settings))

    def _end(self, job: str, state: str, reply: Message, **columns: Any) -> None:
        """Record how a training ended (or pauses), then tell its followers."""
        self._store.update(job, state=state, reply=reply.body, **columns)
        if job == self.running:
            self.running = ""
        self._cancelling.discard(job)
        self._progress.pop(job, None)
        log.info("Training %s is %s.", job, state)
        self._tell(job, reply)

    def _tell(self, job: str, message: Message) -> None:
        followers = self._followers.get(job, {})
        for request, peer in list(followers.items()):
            self._reply(peer, replace(message, id=request))
        if message.final:
            self._followers.pop(job, None)

    def _step(self, job: str) -> int:
        found = self._progress.get(job, {}).get("step")
        return found if isinstance(found, int) else self._store.get(job).step


def _leaving(job: str) -> Message:
    return error(
        job, "shutting-down", "The engine leaves; training goes on when it is started again."
    )
