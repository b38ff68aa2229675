"""Trainings from request to model: made durable, queued, run one after another, resumed.

Requests and trainings are many to one: whoever asks for a training that is there already (the
same request again, a request to resume it, `attach`) follows it and gets its replies from then on.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from deepsim_client.wire import Buffer, Message, new_id

from deepsim_server import jobs, memory
from deepsim_server.fair import FairQueue
from deepsim_server.inputs import pair_digest, write_inputs
from deepsim_server.jobs import Job, JobStore
from deepsim_server.replies import accepted, error, result
from deepsim_server.requests import TrainSettings, flag
from deepsim_server.supervisor import Death, Supervisor
from deepsim_server.workers import Workers

log = logging.getLogger(__name__)

MAX_UNFINISHED = 64
"""Trainings that may wait at a time."""
MAX_BYTES_WRITING = 1 << 30
"""Bytes of trainings that may wait for the disk."""
MAX_BYTES_QUEUED = 16 << 30
"""Bytes on the disk that the inputs of trainings that are not done may take."""
MAX_DEATHS = 3
"""Workers that may die of a training before it counts as failed."""
MAX_HANGS = 2
"""Workers that may be ended because they hung in a training before it counts as failed."""
_RETRY_SECONDS = 1.0

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

    def __init__(self, store: JobStore, workers: Workers, reply: Reply) -> None:
        self._store = store
        self._workers = workers
        self._reply = reply
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._writes: dict[str, _Write] = {}
        self._followers: dict[str, dict[str, bytes]] = {}
        self._queue: FairQueue[str] = FairQueue()
        self._running: dict[str, Supervisor] = {}
        self._progress: dict[str, dict[str, Any]] = {}
        self._cancelling: set[str] = set()
        self._pausing: set[str] = set()
        self._resuming: set[str] = set()
        self._stopping = False
        self._retried = 0.0

    # -- requests

    def resume_unfinished(self) -> None:
        """Queue what an earlier engine did not finish."""
        for job in self._store.unfinished():
            self._store.update(job.id, state=jobs.QUEUED, reply=None)
            self._queue.add(job.client, job.id, first=job.state == jobs.RUNNING)
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
        elif sentence := self._too_much(_size(message)):
            self._reply(peer, error(message.id, "busy", sentence))
        else:
            self._check_memory(message, settings)
            path = self._store.folder(message.id) / jobs.INPUTS

            def write() -> str:
                write_inputs(path, parts)
                return pair_digest(message)

            future = self._disk.submit(write)
            self._writes[message.id] = _Write(peer, message, settings, resume, future)

    def _too_much(self, size: int) -> str:
        """Why no training of `size` bytes can be taken now, or ""."""
        unfinished = self._store.unfinished()
        if len(self._writes) + len(unfinished) >= MAX_UNFINISHED:
            return f"{MAX_UNFINISHED} trainings wait already: cancel some, or wait."
        writing = sum(_size(write.message) for write in self._writes.values())
        if writing and writing + size > MAX_BYTES_WRITING:
            return "The disk is slower than the requests come: try again in a moment."
        queued = sum(self._store.bytes_of_inputs(job.id) for job in self._store.kept())
        if queued and queued + writing + size > MAX_BYTES_QUEUED:
            limit = f"{MAX_BYTES_QUEUED / 2**30:g} GiB"
            return f"The pictures of what waits for training fill {limit}: cancel some, or wait."
        return ""

    def _check_memory(self, message: Message, settings: TrainSettings) -> None:
        told = self._workers.first.info.get("needs", {}).get(settings.preset)
        image = message.frame("image")
        if told is not None and image is not None:
            height, width = image.shape[:2]
            memory.check(told, settings.size, width, height)

    def attach(self, peer: bytes, message: Message) -> None:
        """Answer `attach`: from now on the replies of another request's training come here too."""
        job = self._store.of_request(str(message.body.get("job")))
        if job is None:
            self._reply(peer, error(message.id, "not-found", _NONE))
        else:
            self._join(job, peer, message.id)

    def resume(self, peer: bytes, message: Message) -> None:
        """Answer `resume`: like `attach`, and a training that was stopped goes on."""
        job = self._store.of_request(str(message.body.get("job")))
        if job is None:
            self._reply(peer, error(message.id, "not-found", _NONE))
            return
        if job.state in _STOPPED:
            if not (self._store.folder(job.id) / jobs.INPUTS).is_file():
                sentence = "What this training needs was removed meanwhile: begin it anew."
                self._reply(peer, error(message.id, "not-found", sentence))
                return
            job = self._requeue(job, {}, peer)
        self._take_back_pause(job.id)
        self._join(job, peer, message.id)

    def pause(self, peer: bytes, message: Message) -> None:
        """Answer `pause`: the training stops after its step, and only `resume` goes on with it."""
        job = self._store.of_request(str(message.body.get("job")))
        if job is None:
            self._reply(peer, error(message.id, "not-found", _NONE))
            return
        state = job.state
        if job.id in self._running:
            self._pausing.add(job.id)
            self._stop_running(job.id)
            state = "pausing"
        elif job.unfinished and state != jobs.PAUSED:
            self._queue.remove(job.id)
            state = jobs.PAUSED
            self._end(job.id, state, _paused(job.id, job.step))
        self._reply(peer, result(message.id, {"state": state}))

    def cancel(self, request: str) -> str:
        """Cancel the training that a request asked for; what becomes of it, in a word."""
        if request in self._writes:
            self._writes[request].cancelled = True
            return "cancelling"
        job = self._store.of_request(request)
        if job is None:
            return "unknown"
        if job.id in self._running:
            self._cancelling.add(job.id)
            self._stop_running(job.id)
            return "cancelling"
        if not job.unfinished:
            return job.state
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
        now = time.monotonic()
        if self._store.behind and now - self._retried > _RETRY_SECONDS:
            self._retried = now
            self._store.retry()
        if self._queue and not self._stopping:
            self._begin_next()

    def _begin_next(self) -> None:
        """Give trainings to workers that have none, each to one for its device."""
        busy = list(self._running.values())
        free = [worker for worker in self._workers if worker.ready and worker not in busy]
        later = []
        while free and self._queue:
            job = self._store.get(self._queue.pop())
            wanted = self._workers.on(str(job.settings.get("device", "auto")))
            able = [worker for worker in free if worker in wanted]
            if able:
                free.remove(able[0])
                self._start(job, able[0])
            else:
                later.append(job)
        for job in reversed(later):
            self._queue.add(job.client, job.id, first=True)

    def on_worker(self, message: Message) -> None:
        """A reply of the worker about the running training."""
        job = message.id
        if message.kind == "result":
            step = self._step(job)
            self._end(job, jobs.DONE, message, step=step)
            self._store.drop_folder(job)
        elif message.kind == "error":
            stopped = message.body.get("code") == "cancelled"
            step = self._step(job)
            if stopped and job in self._cancelling:
                self._end(job, jobs.CANCELLED, message, step=step)
            elif stopped and job in self._pausing:
                self._end(job, jobs.PAUSED, _paused(job, step), step=step)
            elif stopped and self._stopping:
                self._end(job, jobs.QUEUED, _leaving(job), step=step)
            elif stopped and job in self._resuming:
                self._go_on(job, step=step)
            elif stopped:
                self._end(job, jobs.CANCELLED, message, step=step)
            else:
                log.warning("Training %s failed: %s", job, message.body.get("message"))
                self._end(job, jobs.FAILED, message, step=step)
        else:
            if message.kind == "progress":
                self._progress[job] = message.body
            self._tell(job, message)

    def on_death(self, worker: Supervisor, death: Death) -> None:
        """A worker died: its training goes on from the checkpoint, but not without end."""
        for id in [id for id, by in self._running.items() if by is worker]:
            job, step = self._store.get(id), self._step(id)
            headway = self._headway(id)
            deaths = job.deaths + 1 if headway == job.headway else 1
            hangs = job.hangs + (death.hung and death.work in ("", id))
            counts = {"step": step, "deaths": deaths, "headway": headway, "hangs": hangs}
            what = f"The worker process {death.how} after step {step}"
            sentence = f"{what}; training can be resumed from its last checkpoint."
            reply = error(id, "worker-died", sentence)
            if id in self._cancelling:
                self._end(id, jobs.CANCELLED, reply, **counts)
            elif id in self._pausing:
                self._end(id, jobs.PAUSED, _paused(id, step), **counts)
            elif deaths >= MAX_DEATHS or hangs >= MAX_HANGS:
                self._end(id, jobs.FAILED, reply, **counts)
            else:
                log.warning("%s; training %s goes on from its last checkpoint.", what, id)
                self._go_on(id, **counts)
                told = {"message": f"{what}; it goes on from its last checkpoint."}
                self._tell(id, Message("progress", id, {**self._progress.get(id, {}), **told}))

    def _headway(self, job: str) -> str:
        """Stands for the checkpoint: another string means that the training got further."""
        try:
            stat = self._store.checkpoint(job).stat()
        except OSError:
            return ""
        return f"{stat.st_ino}-{stat.st_mtime_ns}"

    def stop(self) -> None:
        """Start nothing any more; tell those who wait. The running one ends with its worker."""
        self._stopping = True
        for job in list(self._followers):
            if job not in self._running:
                self._tell(job, _leaving(job))

    def close(self) -> None:
        """Finish writing, and tell the followers of a training that did not stop in time."""
        self._disk.shutdown(wait=True)
        self.tick()
        for job in list(self._followers):
            self._tell(job, _leaving(job))

    # -- what there is

    def needing(self, model: str) -> list[str]:
        """Names of the trainings that are to begin with a stored model, or began with it: until
        their end it is needed, for they may have to begin anew."""
        writes = [w.settings.name for w in self._writes.values() if w.settings.origin == model]
        return writes + self._store.beginning_with(model)

    @property
    def busy(self) -> bool:
        """Whether anything runs, waits or is being written."""
        return bool(self._running or self._queue or self._writes)

    @property
    def running(self) -> str:
        """A training that runs, or ""."""
        return next(iter(self._running), "")

    def worker_of(self, job: str) -> Supervisor | None:
        """Who trains it now."""
        return self._running.get(job)

    @property
    def writing(self) -> bool:
        """Whether requests wait for the disk."""
        return bool(self._writes)

    def followed_by(self, peer: bytes, but: str) -> int:
        """How many requests of that client wait for trainings, the request `but` not counted."""
        waiting = [(request, write.peer) for request, write in self._writes.items()]
        waiting += [pair for peers in self._followers.values() for pair in peers.items()]
        return sum(each == peer and request != but for request, each in waiting)

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
        if job.state == jobs.DONE:
            self._reply(peer, result(request, job.reply or {}))
        elif job.state in _STOPPED:
            self._reply(peer, Message("error", request, job.reply or {}))
        else:
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
                self._drop_unaccepted(request)
                self._reply(write.peer, error(request, "cancelled", "Cancelled before it began."))
                return
            earlier = self._store.latest(settings.name, settings.preset, pair)
            if write.resume and earlier is not None:
                self._resume(earlier, write)
                return
            job = self._store.add(
                request,
                settings.name,
                settings.preset,
                pair,
                settings.to_json(),
                client=write.peer.hex(),
            )
        except (OSError, sqlite3.Error) as problem:
            self._drop_unaccepted(request)
            reason = getattr(problem, "strerror", None) or problem
            sentence = f"The training could not be stored in {self._store.folder('')}: {reason}."
            log.error("%s", sentence)
            self._reply(write.peer, error(request, "failed", sentence))
            return
        self._follow(job.id, write.peer, request)
        self._queue.add(job.client, job.id)
        log.info("Training %s (%r, %s) is accepted.", job.id, job.name, job.preset)

    def _drop_unaccepted(self, request: str) -> None:
        """Remove what was written for a request; not what a training of the same id has kept."""
        if self._store.of_request(request) is None:
            self._store.drop_folder(request)

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
            job = self._requeue(job, write.settings.to_json(), write.peer)
        self._take_back_pause(job.id)
        self._join(job, write.peer, request)

    def _requeue(self, job: Job, settings: dict[str, Any], peer: bytes) -> Job:
        merged = {**job.settings, **settings}
        job = self._store.update(
            job.id,
            state=jobs.QUEUED,
            deaths=0,
            hangs=0,
            settings=merged,
            reply=None,
            client=peer.hex(),
        )
        self._queue.add(job.client, job.id)
        log.info("Training %s (%r) goes on.", job.id, job.name)
        return job

    def _start(self, job: Job, worker: Supervisor) -> None:
        self._store.update(job.id, state=jobs.RUNNING)
        self._running[job.id] = worker
        worker.send(Message("train", job.id, {**job.settings, "pair": job.pair}))

    def _take_back_pause(self, job: str) -> None:
        """Resumed before it had stopped: the worker still stops it, but then it goes on."""
        if job in self._pausing:
            self._pausing.discard(job)
            self._resuming.add(job)

    def _go_on(self, job: str, **columns: Any) -> None:
        """Queue a running training that its worker left, before all others."""
        del self._running[job]
        self._resuming.discard(job)
        found = self._store.update(job, state=jobs.QUEUED, **columns)
        self._queue.add(found.client, job, first=True)

    def _stop_running(self, job: str) -> None:
        self._running[job].send(Message("cancel", new_id(), {"job": job}))

    def _end(self, job: str, state: str, reply: Message, **columns: Any) -> None:
        """Record how a training ended (or pauses), then tell its followers."""
        self._store.update(job, state=state, reply=reply.body, **columns)
        self._running.pop(job, None)
        self._cancelling.discard(job)
        self._pausing.discard(job)
        self._resuming.discard(job)
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


def _size(message: Message) -> int:
    """Bytes of its pixels."""
    return sum(memoryview(frame.data).nbytes for frame in message.frames)


_NONE = "There is no such training."


def _paused(job: str, step: int) -> Message:
    return error(job, "paused", f"Training is paused after step {step} until it is resumed.")


def _leaving(job: str) -> Message:
    return error(
        job, "shutting-down", "The engine leaves; training goes on when it is started again."
    )
