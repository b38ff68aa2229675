"""Trainings as clients ask for them: made durable, begun, followed, paused, resumed, cancelled.

Requests and trainings are many to one: whoever asks for a training that is there already (the
same request again, a request to resume it, `attach`) follows it and gets its replies from then on.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from deepsim_client.wire import Buffer, Message

from deepsim_server import jobs, memory
from deepsim_server.followers import Followers, Reply
from deepsim_server.jobs import Job, JobStore
from deepsim_server.replies import error, result
from deepsim_server.requests import TrainSettings, flag
from deepsim_server.scheduler import Scheduler
from deepsim_server.spool import Spool, Write
from deepsim_server.supervisor import Death, Supervisor
from deepsim_server.workers import Workers

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0

_STOPPED = (jobs.FAILED, jobs.CANCELLED, jobs.PAUSED)


class Trainings:
    """All trainings of one engine."""

    def __init__(self, store: JobStore, workers: Workers, reply: Reply) -> None:
        self._store = store
        self._workers = workers
        self._reply = reply
        self._spool = Spool(store)
        self._followers = Followers(reply)
        self._scheduler = Scheduler(store, workers, self._followers)
        self._retried = 0.0

    # -- requests

    def request(self, peer: bytes, message: Message, parts: Sequence[Buffer]) -> None:
        """Answer `train`. Raises InputError for a wrong body."""
        settings = TrainSettings.from_body(message.body)
        resume = flag(message.body, "resume", False)
        job = self._store.of_request(message.id)
        if job is not None and not (resume and job.state in _STOPPED):
            self._join(job, peer, message.id)
        elif write := self._spool.get(message.id):
            write.peer = peer
        elif sentence := self._spool.too_much(message):
            self._reply(peer, error(message.id, "busy", sentence))
        else:
            self._check_memory(message, settings)
            self._spool.add(peer, message, parts, settings, resume)

    def _check_memory(self, message: Message, settings: TrainSettings) -> None:
        told = self._workers.first.info.get("needs", {}).get(settings.preset)
        image = message.frame("image")
        if told is not None and image is not None:
            height, width = image.shape[:2]
            memory.check(told, settings.size, width, height)

    def attach(self, peer: bytes, message: Message) -> None:
        """Answer `attach`: from now on the replies of another request's training come here too."""
        job = self._asked_about(peer, message)
        if job is not None:
            self._join(job, peer, message.id)

    def resume(self, peer: bytes, message: Message) -> None:
        """Answer `resume`: like `attach`, and a training that was stopped goes on."""
        job = self._asked_about(peer, message)
        if job is None:
            return
        if job.state in _STOPPED:
            if not (self._store.folder(job.id) / jobs.INPUTS).is_file():
                sentence = "What this training needs was removed meanwhile: begin it anew."
                self._reply(peer, error(message.id, "not-found", sentence))
                return
            job = self._scheduler.add_again(job, {}, peer)
        self._scheduler.take_back_pause(job.id)
        self._join(job, peer, message.id)

    def pause(self, peer: bytes, message: Message) -> None:
        """Answer `pause`: the training stops after its step, and only `resume` goes on with it."""
        job = self._asked_about(peer, message)
        if job is not None:
            self._reply(peer, result(message.id, {"state": self._scheduler.pause(job)}))

    def _asked_about(self, peer: bytes, message: Message) -> Job | None:
        """The training that another request is about; where there is none, the client is told."""
        job = self._store.of_request(str(message.body.get("job")))
        if job is None:
            self._reply(peer, error(message.id, "not-found", "There is no such training."))
        return job

    def cancel(self, request: str) -> str:
        """Cancel the training that a request asked for; what becomes of it, in a word."""
        if write := self._spool.get(request):
            write.cancelled = True
            return "cancelling"
        job = self._store.of_request(request)
        return "unknown" if job is None else self._scheduler.cancel(job)

    def find(self, request: str) -> Job | None:
        """The training that a request asked for."""
        return self._store.of_request(request)

    # -- what happens

    def resume_unfinished(self) -> None:
        """Go on with what an earlier engine did not finish."""
        self._scheduler.resume_unfinished()

    def tick(self) -> None:
        """Go on with what is written, and with the queue."""
        for write in self._spool.written():
            self._written(write)
        now = time.monotonic()
        if self._store.behind and now - self._retried > _RETRY_SECONDS:
            self._retried = now
            self._store.retry()
        self._scheduler.tick()

    def on_worker(self, message: Message) -> None:
        """A reply of a worker about the training that it runs."""
        self._scheduler.on_worker(message)

    def on_death(self, worker: Supervisor, death: Death) -> None:
        """A worker died."""
        self._scheduler.on_death(worker, death)

    def stop(self) -> None:
        """Start nothing any more; tell those who wait. What runs ends with its worker."""
        self._scheduler.stop()

    def close(self) -> None:
        """Finish writing, and tell the followers of a training that did not stop in time."""
        self._spool.close()
        self.tick()
        self._scheduler.close()

    # -- what there is

    def needing(self, model: str) -> list[str]:
        """Names of the trainings that are to begin with a stored model, or began with it: until
        their end it is needed, for they may have to begin anew."""
        return self._spool.beginning_with(model) + self._store.beginning_with(model)

    @property
    def busy(self) -> bool:
        """Whether anything runs, waits or is being written."""
        return bool(self.running or self.waiting or self.writing)

    @property
    def running(self) -> str:
        """A training that runs, or ""."""
        return self._scheduler.running

    def worker_of(self, job: str) -> Supervisor | None:
        """Who trains it now."""
        return self._scheduler.worker_of(job)

    @property
    def writing(self) -> bool:
        """Whether requests wait for the disk."""
        return bool(self._spool)

    @property
    def waiting(self) -> int:
        """Number of trainings in the queue."""
        return self._scheduler.waiting

    def followed_by(self, peer: bytes, but: str) -> int:
        """How many requests of that client wait for trainings, the request `but` not counted."""
        return self._spool.count(peer, but) + self._followers.count(peer, but)

    def listing(self) -> list[dict[str, Any]]:
        """Newest trainings first, for `status`."""
        return [self._listed(job) for job in self._store.recent()]

    def _listed(self, job: Job) -> dict[str, Any]:
        progress = self._scheduler.progress(job.id)
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
            self._followers.add(job.id, peer, request)

    def _written(self, write: Write) -> None:
        """The inputs are on disk: make the row, then say so."""
        request, settings = write.message.id, write.settings
        try:
            pair = write.pair.result()
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
        self._followers.add(job.id, write.peer, request)
        self._scheduler.add(job)
        log.info("Training %s (%r, %s) is accepted.", job.id, job.name, job.preset)

    def _drop_unaccepted(self, request: str) -> None:
        """Remove what was written for a request; not what a training of the same id has kept."""
        if self._store.of_request(request) is None:
            self._store.drop_folder(request)

    def _resume(self, job: Job, write: Write) -> None:
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
            job = self._scheduler.add_again(job, write.settings.to_json(), write.peer)
        self._scheduler.take_back_pause(job.id)
        self._join(job, write.peer, request)
