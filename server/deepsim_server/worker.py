"""The worker process: the only one that computes. Started by the engine, ends with it.

While it trains it looks for messages between steps, so that small requests (apply, edges,
segment) are answered at once and a cancellation stops it within a step. One thread does it all.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import zmq
from deepsim_client.wire import (
    MAX_FRAME_BYTES,
    Frame,
    Message,
    WireError,
    decode,
    encode,
    new_id,
)

from deepsim_server.drawing import Drawing
from deepsim_server.failures import failure
from deepsim_server.folders import Folders
from deepsim_server.pulse import Pulse
from deepsim_server.replies import error
from deepsim_server.work import Work

log = logging.getLogger(__name__)

_PROGRESS_SECONDS = 0.1
_IDLE_MS = 1000
_SMALL_BETWEEN_STEPS = 64
"""So many small requests at most delay the next step, or a training might never get on."""

Answer = tuple[dict[str, Any], tuple[Frame, ...]]


class Worker:
    """Answers the engine's messages until it is told to stop."""

    def __init__(self, socket: "zmq.Socket[bytes]", work: Work, pulse: Pulse) -> None:
        self._socket = socket
        self._work = work
        self._pulse = pulse
        self._inbox: deque[Message] = deque()
        self._cancelled: set[str] = set()
        self._training = ""
        self._told = 0.0
        self._stopping = False
        self._handlers: dict[str, Callable[[Message], Answer]] = {
            "apply": work.apply,
            "keep": work.keep,
            "edges": work.edges,
            "segment": work.segment,
            "inspect": work.inspect,
            "snap": work.snap,
        }

    def run(self) -> None:
        """Work until the engine says stop."""
        self._send("ready", new_id(), self._work.describe())
        while not self._stopping:
            # Before each answer, for what waits may have been cancelled meanwhile.
            self._receive(0 if self._inbox else _IDLE_MS)
            if self._inbox and not self._stopping:
                self._answer(self._inbox.popleft())
            self._work.unload_idle()

    def _receive(self, wait_ms: int) -> None:
        """Take in what has come; cancellations count at once, whatever waits before them."""
        while self._socket.poll(wait_ms):
            wait_ms = 0
            try:
                parts = self._socket.recv_multipart(copy=False)
                message = decode([part.buffer for part in parts])
            except WireError as problem:
                log.error("The engine sent something wrong: %s", problem)
                continue
            if message.kind == "cancel":
                self._cancel(str(message.body.get("job")), keep=message.body.get("keep") is True)
            elif message.kind == "stop":
                self._stopping = True
            else:
                self._inbox.append(message)

    def _cancel(self, request: str, *, keep: bool) -> None:
        """`keep`: what it brought is wanted nonetheless."""
        if request == self._training:
            self._cancelled.add(request)
            return
        for place, message in enumerate(self._inbox):
            if message.id == request and keep:
                self._inbox[place] = replace(message, kind="keep")
                return
            if message.id == request:
                del self._inbox[place]
                self._tell(error(request, "cancelled", "Cancelled before it was begun."))
                return

    def _answer(self, message: Message) -> None:
        self._pulse.beat(message.id)
        try:
            if message.kind == "train":
                body, frames = self._train(message)
            elif message.kind in self._handlers:
                body, frames = self._handlers[message.kind](message)
            else:
                sentence = f"{message.kind!r} is no work."
                self._tell(error(message.id, "unknown-message", sentence))
                return
            self._send("result", message.id, body, frames)
        except Exception as problem:  # noqa: BLE001  (one request's must not end the others)
            self._tell(failure(message, problem))
        finally:
            self._pulse.beat(self._training)

    def _train(self, message: Message) -> Answer:
        self._training = message.id
        self._told = 0.0
        try:
            body = self._work.train(
                message, on_progress=self._on_progress, should_stop=self._should_stop
            )
            return body, ()
        finally:
            self._cancelled.discard(message.id)
            self._training = ""

    def _should_stop(self) -> bool:
        return self._stopping or self._training in self._cancelled

    def _on_progress(self, progress: Any) -> None:
        """After a step: tell about it, then do what cannot wait for the end of the training."""
        self._pulse.beat()
        now = time.monotonic()
        last = progress.steps is not None and progress.step >= progress.steps
        if now - self._told >= _PROGRESS_SECONDS or progress.preview is not None or last:
            self._told = now
            body = {
                "step": progress.step,
                "steps": progress.steps,
                "seconds": round(progress.seconds, 2),
                "seconds_left": progress.seconds_left,
                "losses": {k: v for k, v in progress.losses.items() if v - v == 0},
            }
            self._send("progress", self._training, body)
        if progress.preview is not None:
            frame = Drawing.frame("preview", progress.preview)
            self._send("preview", self._training, {"step": progress.step}, (frame,))
        for _ in range(_SMALL_BETWEEN_STEPS):
            self._receive(0)
            small = next((m for m in self._inbox if m.kind != "train"), None)
            if small is None or self._stopping:
                break
            self._inbox.remove(small)
            self._answer(small)
        self._work.unload_idle()

    def _send(
        self, kind: str, id: str, body: dict[str, Any], frames: tuple[Frame, ...] = ()
    ) -> None:
        self._tell(Message(kind, id, body, frames))

    def _tell(self, message: Message) -> None:
        self._socket.send_multipart(encode(message), copy=False)


def main() -> None:
    """Entry of the process: its configuration is one JSON line on standard input."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the engine, which then tells us
    config = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_leave_with_the_engine, daemon=True).start()
    folders = Folders(Path(config["data"]), Path(config["runtime"]))
    os.environ["DEEPSIM_DATA"] = config["data"]  # where the library looks for its weights
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    pulse = Pulse()
    beating = threading.Thread(target=_send_pulse, args=(context, config, pulse), daemon=True)
    beating.start()
    socket = _connect(context, config, "")
    work = Work(
        folders,
        device=config["device"],
        checkpoint_seconds=config["checkpoint_seconds"],
        model_idle_seconds=config["model_idle_seconds"],
    )
    Worker(socket, work, pulse).run()
    pulse.stop()
    beating.join()
    socket.close()
    context.term()


def _connect(
    context: "zmq.Context[zmq.Socket[bytes]]", config: dict[str, Any], suffix: str
) -> "zmq.Socket[bytes]":
    """A channel to the engine, known there by the worker's identity and `suffix`."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 2000
    socket.sndhwm = socket.rcvhwm = 0
    socket.maxmsgsize = MAX_FRAME_BYTES
    socket.setsockopt(zmq.IDENTITY, (config["identity"] + suffix).encode())
    socket.curve_serverkey = config["engine_key"].encode()
    socket.curve_publickey = config["public"].encode()
    socket.curve_secretkey = config["secret"].encode()
    socket.connect(config["endpoint"])
    return socket


def _send_pulse(
    context: "zmq.Context[zmq.Socket[bytes]]", config: dict[str, Any], pulse: Pulse
) -> None:
    """A channel of its own: sockets are not for several threads."""
    socket = _connect(context, config, "-pulse")
    socket.linger = 0

    def tell(body: dict[str, Any]) -> None:
        socket.send_multipart(encode(Message("pulse", new_id(), body)))

    pulse.run(tell)
    socket.close()


def _leave_with_the_engine() -> None:
    """The engine holds the other end of standard input; when it closes, the engine is gone."""
    while os.read(sys.stdin.fileno(), 1024):  # not its buffer, whose lock would hinder our own end
        pass
    os._exit(3)


if __name__ == "__main__":
    main()
