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
from deepsim_server.logs import open_bounded

log = logging.getLogger(__name__)

_LAST_WORDS = 0.2
"""Seconds in which messages of a dead worker may still arrive."""
_RESTART_PAUSE = (0.0, 1.0, 5.0, 30.0)
"""Seconds before a worker is replaced, by how many died before they were ready."""


@dataclass(frozen=True)
class Death:
    """A worker that ended by itself: how, in words; whether it ever became ready."""

    how: str
    was_ready: bool


class Supervisor:
    """Keeps one worker process alive. Messages to it wait until it is ready."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", keys: KnownKeys, folders: Folders
    ) -> None:
        self._keys = keys
        self._folders = folders
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
        self.info: dict[str, Any] = {}
        self.restarts = 0

    @property
    def ready(self) -> bool:
        """Whether the worker takes messages; `info` then says what it is and has."""
        return bool(self.info)

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return None if self._process is None else self._process.pid

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
        self._keys.admit_worker(public)
        self._identity = secrets.token_hex(8).encode()
        self.info = {}
        self._log_start = log_size(self._folders.worker_log)
        output = open_bounded(self._folders.worker_log)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deepsim_server.worker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=self._folders.data,
        )
        os.close(output)
        config = {
            "endpoint": self._endpoint,
            "engine_key": self._public.decode(),
            "public": public.decode(),
            "secret": secret.decode(),
            "identity": self._identity.decode(),
            "data": str(self._folders.data),
            "runtime": str(self._folders.runtime),
        }
        assert self._process.stdin is not None  # noqa: S101  (a pipe was asked for)
        try:
            # The pipe stays open: its end tells the worker that the engine is gone.
            self._process.stdin.write(json.dumps(config).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:  # it died already; `poll` will tell
            log.warning("The worker ended while it was being started.")

    def send(self, message: Message) -> None:
        """Send, or keep until the worker is ready."""
        parts = encode(message)
        if self.ready:
            self._send(parts)
        else:
            self._waiting.append(parts)

    def forget_waiting(self) -> None:
        """Drop what waits for a worker."""
        self._waiting.clear()

    def receive(self) -> Message | None:
        """The next message of the living worker, or None."""
        while True:
            try:
                identity, *frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return None
            if identity.bytes != self._identity:
                continue  # of a worker that was replaced
            try:
                message = decode([frame.buffer for frame in frames])
            except WireError as error:
                log.error("The worker sent something wrong: %s", error)
                continue
            if message.kind != "ready":
                return message
            self.info = {"pid": self.pid, **message.body}
            self._failed_starts = 0
            log.info("Worker %s is ready on %s.", self.pid, self.info.get("device"))
            for parts in self._waiting:
                self._send(parts)
            self._waiting.clear()
            return message

    def poll(self) -> Death | None:
        """Notice, once, that the worker has ended; start the next one when it is time."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self.start()
            return None
        status = self._process.poll()
        if status is None:
            return None
        if not self._died_at:
            self._died_at = now  # its last messages may be on their way
        if now < self._died_at + _LAST_WORDS:
            return None
        death = Death(_in_words(status), self.ready)
        log.warning("Worker %s %s.", self.pid, death.how)
        self._clear()
        self._failed_starts = 0 if death.was_ready else self._failed_starts + 1
        pause = _RESTART_PAUSE[min(self._failed_starts, len(_RESTART_PAUSE) - 1)]
        self._start_at = now + pause
        self.restarts += 1
        return death

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


def _in_words(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
