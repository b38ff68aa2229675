"""The worker process as the engine sees it: started, spoken to, watched, replaced."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zmq
from deepsim_client.starter import log_size, log_tail
from deepsim_client.wire import (
    MAX_FRAME_BYTES,
    Buffer,
    Message,
    WireError,
    decode,
    encode,
    new_id,
)

from deepsim_server.folders import Folders
from deepsim_server.keys import KnownKeys
from deepsim_server.limits import Limits
from deepsim_server.logs import open_bounded

log = logging.getLogger(__name__)

_LAST_WORDS = 0.2
"""Seconds in which messages of a dead worker may still arrive."""
_RESTART_PAUSE = (0.0, 1.0, 5.0, 30.0)
"""Seconds before a worker is replaced, by how many died before they were ready."""
_CALM_SECONDS = 5.0
"""A worker is replaced for its age when nothing was asked of it for so long."""
_ASLEEP_SECONDS = 5.0
"""If the engine itself did not look for so long, the machine slept: that is nobody's fault."""
_START_SECONDS = 300.0
"""A worker may take so long to become ready: a slow disk, a busy machine."""
_NO_WORK = ("cancel", "stop")


@dataclass(frozen=True)
class Death:
    """A worker that ended without being told to.

    Attributes:
        how: in words.
        was_ready: whether it ever became ready.
        hung: whether it was ended because it did not get on.
        work: id of what it worked on when it last told.
    """

    how: str
    was_ready: bool
    hung: bool = False
    work: str = ""


class Supervisor:
    """Keeps one worker process alive. Messages to it wait until it is ready.

    `device` is what its work is done on where a request names none ("auto": the best there is).
    `generation` is another number as soon as a worker is on its way out: what it kept is gone.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        keys: KnownKeys,
        folders: Folders,
        limits: Limits,
        device: str = "auto",
    ) -> None:
        self.device = device
        self._keys = keys
        self._folders = folders
        self._limits = limits
        self._public, secret = zmq.curve_keypair()
        self.socket = context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0  # the engine itself limits what it accepts
        self.socket.maxmsgsize = MAX_FRAME_BYTES
        self.socket.curve_server = True
        self.socket.curve_secretkey = secret
        self.socket.zap_domain = KnownKeys.WORKERS.encode()
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self._endpoint = f"tcp://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = b""
        self._waiting: list[list[Buffer]] = []
        self._died_at = 0.0
        self._failed_starts = 0
        self._start_at = 0.0
        self._log_start = 0
        self._pulse: dict[str, Any] = {}
        self._pulse_at = self._polled_at = self._answered_at = time.monotonic()
        self._new_memory: int | None = None
        self._answers = 0
        self._after_training = self._hung = self._recycling = False
        self._in_hand: dict[str, str] = {}
        self.info: dict[str, Any] = {}
        self.restarts = 0
        self.recycled = 0
        self.generation = 0

    @property
    def ready(self) -> bool:
        """Whether the worker takes messages; `info` then says what it is and has."""
        return bool(self.info)

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return None if self._process is None else self._process.pid

    @property
    def memory(self) -> int | None:
        """Bytes of main memory that the worker holds, as far as it told."""
        return self._pulse.get("memory")

    @property
    def load(self) -> int:
        """Number of requests that the worker has, or will have when it is ready."""
        return len(self._in_hand)

    @property
    def broken(self) -> str:
        """Why no worker can be started, or "" when that is not known."""
        if self._failed_starts < len(_RESTART_PAUSE) - 1:
            return ""
        tail = log_tail(self._folders.worker_log, self._log_start, 1)
        return f"The worker process does not start; its last words: {tail or 'none'}"

    def start(self) -> None:
        """Start the worker. Its keys go through its standard input, where nobody can look."""
        public, secret = zmq.curve_keypair()
        self._keys.admit_worker(public, self._endpoint)
        self._identity = secrets.token_hex(8).encode()
        self.info, self._pulse, self._new_memory = {}, {}, None
        self._answers, self._hung, self._recycling = 0, False, False
        self._pulse_at = self._polled_at = time.monotonic()
        self._log_start = log_size(self._folders.worker_log)
        try:
            self._process = self._spawn()
        except OSError as error:  # the data folder is gone, or the machine has no room
            self._failed_starts += 1
            self._start_at = time.monotonic() + self._pause()
            log.error("No worker can be started: %s.", error)
            return
        config = {
            "endpoint": self._endpoint,
            "engine_key": self._public.decode(),
            "public": public.decode(),
            "secret": secret.decode(),
            "identity": self._identity.decode(),
            "data": str(self._folders.data),
            "runtime": str(self._folders.runtime),
            "device": self.device,
            "checkpoint_seconds": self._limits.checkpoint_seconds,
            "model_idle_seconds": self._limits.model_idle_seconds,
        }
        assert self._process.stdin is not None  # noqa: S101  (a pipe was asked for)
        try:
            # The pipe stays open: its end tells the worker that the engine is gone.
            self._process.stdin.write(json.dumps(config).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:  # it died already; `poll` will tell
            log.warning("The worker ended while it was being started.")

    def _spawn(self) -> subprocess.Popen[bytes]:
        output = open_bounded(self._folders.worker_log)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "deepsim_server.worker"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._folders.data,
            )
        finally:
            os.close(output)

    def send(self, message: Message) -> None:
        """Send, or keep until the worker is ready."""
        if message.kind not in _NO_WORK:
            self._in_hand[message.id] = message.kind
        parts = encode(message)
        if self.ready:
            self._send(parts)
        else:
            self._waiting.append(parts)

    def forget_waiting(self) -> None:
        """Drop what waits for a worker."""
        self._waiting.clear()
        self._in_hand.clear()

    def receive(self) -> Message | None:
        """The next message of the living worker, or None."""
        while True:
            try:
                identity, *frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return None
            if not identity.bytes.startswith(self._identity):
                continue  # of a worker that was replaced
            try:
                message = decode([frame.buffer for frame in frames])
            except WireError as error:
                log.error("The worker sent something wrong: %s", error)
                continue
            if message.kind == "pulse":
                self._feel(message.body)
                continue
            if message.kind != "ready":
                if message.final:
                    self._answered(message.id)
                return message
            self.info = {"pid": self.pid, **message.body}
            self._failed_starts = 0
            log.info("Worker %s is ready on %s.", self.pid, self.info.get("device"))
            for parts in self._waiting:
                self._send(parts)
            self._waiting.clear()
            return message

    def poll(self) -> Death | None:
        """Notice, once, that the worker has ended; start the next one when it is time.

        A start that fails is a death too: what waits for the worker must not wait for ever.
        """
        now = time.monotonic()
        if now - self._polled_at > _ASLEEP_SECONDS:
            self._pulse_at += now - self._polled_at
        self._polled_at = now
        if self._process is None:
            if now < self._start_at:
                return None
            self.start()
            return None if self._process is not None else Death("could not be started", False)
        status = self._process.poll()
        if status is None:
            self._end_if_hung(now)
            return None
        if self._recycling:
            self._clear()
            self.start()
            return None
        if not self._died_at:
            self._died_at = now  # its last messages may be on their way
        if now < self._died_at + _LAST_WORDS:
            return None
        how = _in_words(status)
        if self._hung:
            how = f"did not get on for {self._limits.hang_seconds:.0f} s and was ended"
        death = Death(how, self.ready, self._hung, str(self._pulse.get("work", "")))
        log.warning("Worker %s %s.", self.pid, death.how)
        self._clear()
        self._failed_starts = 0 if death.was_ready else self._failed_starts + 1
        self._start_at = now + self._pause()
        self.restarts += 1
        return death

    def recycle_if_worn(self) -> None:
        """Replace a worker that has done much or holds much, while it has nothing to do."""
        if not self.ready or self._in_hand or self._recycling or not self._worn():
            return
        calm = time.monotonic() - self._answered_at > _CALM_SECONDS
        if calm or self._after_training:
            log.info("Worker %s is replaced after %d answers.", self.pid, self._answers)
            self.ask_to_stop()
            self._recycling, self.info = True, {}
            self.recycled += 1
            self.generation += 1

    def _worn(self) -> bool:
        grown = (self.memory or 0) - (self._new_memory or self.memory or 0)
        return self._answers >= self._limits.worker_jobs or grown > self._limits.worker_growth

    def _answered(self, request: str) -> None:
        self._after_training = self._in_hand.pop(request, "") == "train"
        self._answers += 1
        self._answered_at = time.monotonic()

    def _feel(self, pulse: dict[str, Any]) -> None:
        self._pulse = pulse
        self._pulse_at = time.monotonic()
        if self._new_memory is None:
            self._new_memory = pulse.get("memory")

    def _end_if_hung(self, now: float) -> None:
        """No pulse at all counts like one that says that nothing moves."""
        age = float(self._pulse.get("age", 0.0)) + now - self._pulse_at
        limit = self._limits.hang_seconds
        if not self.ready:
            limit = max(limit, _START_SECONDS)
        if age > limit and not self._hung and self._process is not None:
            log.warning("Worker %s did not get on for %.0f s: it is ended.", self.pid, age)
            self._hung = True
            self._process.kill()

    def _pause(self) -> float:
        return _RESTART_PAUSE[min(self._failed_starts, len(_RESTART_PAUSE) - 1)]

    def ended(self) -> bool:
        """Whether the worker is gone (for stopping; does not start another)."""
        return self._process is None or self._process.poll() is not None

    def ask_to_stop(self) -> None:
        """Let the worker save its checkpoint and leave."""
        if self.ready:
            self._send(encode(Message("stop", new_id())))
        elif self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the worker, gently or not, and the channel to it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._clear()
        self.socket.close(0)

    def _send(self, parts: Sequence[Buffer]) -> None:
        try:
            self.socket.send_multipart([self._identity, *parts], zmq.NOBLOCK, copy=False)
        except zmq.ZMQError as error:  # it just died: `poll` will tell, and end what it had
            log.warning("The worker cannot be reached: %s", error)

    def _clear(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                log.debug("The pipe to the dead worker was broken.")
        self._process = None
        self._died_at = 0.0
        self.info = {}
        self.generation += 1


def _in_words(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
