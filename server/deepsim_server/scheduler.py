"""Which training runs when and on which worker, and what becomes of it there."""

import logging
from typing import Any

from deepsim_client.wire import Message, new_id

from deepsim_server import jobs
from deepsim_server.fair import FairQueue
from deepsim_server.followers import Followers
from deepsim_server.jobs import Job, JobStore
from deepsim_server.replies import error
from deepsim_server.supervisor import Death, Supervisor
from deepsim_server.workers import Workers

log = logging.getLogger(__name__)

MAX_DEATHS = 3
"""Workers that may die of a training before it counts as failed."""
MAX_HANGS = 2
"""Workers that may be ended because they hung in a training before it counts as failed."""


class Scheduler:
    """The queue of trainings, and those that run."""

    def __init__(self, store: JobStore, workers: Workers, followers: Followers) -> None:
        self._store = store
        self._workers = workers
        self._followers = followers
        self._queue: FairQueue[str] = FairQueue()
        self._running: dict[str, Supervisor] = {}
        self._progress: dict[str, dict[str, Any]] = {}
        self._cancelling: set[str] = set()
        self._pausing: set[str] = set()
        self._resuming: set[str] = set()
        self._stopping = False

    # -- what is wanted

    def resume_unfinished(self) -> None:
        """Queue what an earlier engine did not finish."""
        for job in self._store.unfinished():
            self._store.update(job.id, state=jobs.QUEUED, reply=None)
            self._queue.add(job.client, job.id, first=job.state == jobs.RUNNING)
            log.info("Training %s (%r) goes on from step %d or before.", job.id, job.name, job.step)

    def add(self, job: Job) -> None:
        """Queue a new training."""
        self._queue.add(job.client, job.id)

    def add_again(self, job: Job, settings: dict[str, Any], peer: bytes) -> Job:
        """Queue one that was stopped, with other settings where these say so, for a client."""
        job = self._store.update(
            job.id,
            state=jobs.QUEUED,
            deaths=0,
            hangs=0,
            settings={**job.settings, **settings},
            reply=None,
            client=peer.hex(),
        )
        self._queue.add(job.client, job.id)
        log.info("Training %s (%r) goes on.", job.id, job.name)
        return job

    def pause(self, job: Job) -> str:
        """Let it stop after its step; its state in a word."""
        if job.id in self._running:
            self._pausing.add(job.id)
            self._stop_running(job.id)
            return "pausing"
        if job.unfinished and job.state != jobs.PAUSED:
            self._queue.remove(job.id)
            self._end(job.id, jobs.PAUSED, _paused(job.id, job.step))
            return jobs.PAUSED
        return job.state

    def take_back_pause(self, job: str) -> None:
        """Resumed before it had stopped: the worker still stops it, but then it goes on."""
        if job in self._pausing:
            self._pausing.discard(job)
            self._resuming.add(job)

    def cancel(self, job: Job) -> str:
        """End it; what becomes of it, in a word."""
        if job.id in self._running:
            self._cancelling.add(job.id)
            self._stop_running(job.id)
            return "cancelling"
        if not job.unfinished:
            return job.state
        self._queue.remove(job.id)
        self._end(job.id, jobs.CANCELLED, error(job.id, "cancelled", "Cancelled while it waited."))
        return "cancelled"

    def stop(self) -> None:
        """Start nothing any more; tell those who wait. The running one ends with its worker."""
        self._stopping = True
        for job in self._followers:
            if job not in self._running:
                self._followers.tell(job, _leaving(job))

    def close(self) -> None:
        """Tell the followers of a training that did not stop in time."""
        for job in self._followers:
            self._followers.tell(job, _leaving(job))

    # -- what there is

    @property
    def running(self) -> str:
        """A training that runs, or ""."""
        return next(iter(self._running), "")

    @property
    def waiting(self) -> int:
        """Number of trainings in the queue."""
        return len(self._queue)

    def worker_of(self, job: str) -> Supervisor | None:
        """Who trains it now."""
        return self._running.get(job)

    def progress(self, job: str) -> dict[str, Any]:
        """What its worker told last; empty when it does not run."""
        return self._progress.get(job, {})

    # -- what happens

    def tick(self) -> None:
        """Give trainings to workers that have none, each to one for its device."""
        if not self._queue or self._stopping:
            return
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
            self._followers.tell(job, message)

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
                self._followers.tell(id, Message("progress", id, {**self.progress(id), **told}))

    # -- steps

    def _start(self, job: Job, worker: Supervisor) -> None:
        self._store.update(job.id, state=jobs.RUNNING)
        self._running[job.id] = worker
        worker.send(Message("train", job.id, {**job.settings, "pair": job.pair}))

    def _stop_running(self, job: str) -> None:
        self._running[job].send(Message("cancel", new_id(), {"job": job}))

    def _go_on(self, job: str, **columns: Any) -> None:
        """Queue a running training that its worker left, before all others."""
        del self._running[job]
        self._resuming.discard(job)
        found = self._store.update(job, state=jobs.QUEUED, **columns)
        self._queue.add(found.client, job, first=True)

    def _end(self, job: str, state: str, reply: Message, **columns: Any) -> None:
        """Record how a training ended (or pauses), then tell its followers."""
        self._store.update(job, state=state, reply=reply.body, **columns)
        self._running.pop(job, None)
        self._cancelling.discard(job)
        self._pausing.discard(job)
        self._resuming.discard(job)
        self._progress.pop(job, None)
        log.info("Training %s is %s.", job, state)
        self._followers.tell(job, reply)

    def _step(self, job: str) -> int:
        found = self.progress(job).get("step")
        return found if isinstance(found, int) else self._store.get(job).step

    def _headway(self, job: str) -> str:
        """Stands for the checkpoint: another string means that the training got further."""
        try:
            stat = self._store.checkpoint(job).stat()
        except OSError:
            return ""
        return f"{stat.st_ino}-{stat.st_mtime_ns}"


def _paused(job: str, step: int) -> Message:
    return error(job, "paused", f"Training is paused after step {step} until it is resumed.")


def _leaving(job: str) -> Message:
    return error(
        job, "shutting-down", "The engine leaves; training goes on when it is started again."
    )
