"""A real engine process in a data folder of its own, and clients of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zmq
import zmq.auth
from deepsim_client import EngineClient, Frame, Location, Message, Reply
from deepsim_client.wire import decode, encode, new_id
from PIL import Image
from skimage import data

SIDE = 64
PATIENCE = 120.0
"""Seconds that anything may take on a busy machine before a test gives up."""


def frame(name: str, pixels: np.ndarray) -> Frame:
    """An array (h, w, 3 or 4) as a frame."""
    array = np.ascontiguousarray(pixels, dtype=np.uint8)
    return Frame(name, array.shape, "uint8", array.tobytes())


def pixels(of: Frame) -> np.ndarray:
    """A frame as an array."""
    return np.frombuffer(of.data, np.uint8).reshape(of.shape)


def image_frame(side: int = SIDE) -> Frame:
    """A real picture, small."""
    picture = Image.fromarray(data.astronaut()).resize((side, side), Image.Resampling.LANCZOS)
    return frame("image", np.asarray(picture.convert("RGBA")))


def segments_frame(side: int = SIDE, shift: int = 0) -> Frame:
    """A drawing of it: a dark head on a light ground, movable."""
    drawn = np.full((side, side, 4), (200, 180, 160, 255), np.uint8)
    drawn[side // 4 : side, side // 4 + shift : side * 3 // 4 + shift] = (220, 80, 30, 255)
    drawn[side // 4 : side // 2, side * 3 // 8 + shift : side * 5 // 8 + shift] = (90, 60, 50, 255)
    return frame("segments", drawn)


def pair(side: int = SIDE) -> list[Frame]:
    """What a training needs."""
    return [image_frame(side), segments_frame(side)]


@dataclass
class Engine:
    """An engine's folders; its process is started by its clients, as in an editor."""

    data: Path
    clients: list[EngineClient] = field(default_factory=list)
    options: tuple[str, ...] = ()
    """More options of `deepsim serve`."""
    patience: float = PATIENCE
    """Seconds that its worker may take to be ready."""

    @property
    def location(self) -> Location:
        """How clients start and find it."""
        command = (sys.executable, "-m", "deepsim_engine", "serve", *self.options)
        keys = self.data / "keys" / "clients" / "local.key_secret"
        log = self.data / "logs" / "engine.log"
        return Location(command, self.data, self.data / "run" / "engine.json", keys, log)

    @property
    def connection(self) -> dict[str, Any]:
        """The connection file's content."""
        return json.loads(self.location.connection.read_text())

    def client(self, **options: Any) -> EngineClient:
        """A new client; the first one starts the engine."""
        self.clients.append(EngineClient(self.location, **options))
        return self.clients[-1]

    def ready(self) -> EngineClient:
        """A new client, connected, and a worker that is there."""
        client = self.client()
        ask(client, "hello", {"wait": True}, patience=self.patience)
        return client

    def process(self) -> psutil.Process:
        """The running engine's process."""
        return psutil.Process(self.connection["pid"])

    def worker(self) -> psutil.Process:
        """The running engine's worker."""
        (worker,) = self.process().children()
        return worker

    def kill_all(self) -> None:
        """SIGKILL engine and worker together, as a power cut would."""
        engine = self.process()
        victims = [engine, *engine.children(recursive=True)]
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, timeout=PATIENCE)

    def log(self) -> str:
        """The log so far."""
        return self.location.log.read_text()

    def end(self) -> None:
        """Close the clients and end the process, whatever state it is in."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        try:
            engine = self.process()
        except (OSError, ValueError, psutil.NoSuchProcess):
            return
        family = [engine, *engine.children(recursive=True)]
        engine.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=20)
        for process in alive:
            process.kill()


def ask(
    client: EngineClient,
    kind: str,
    body: dict[str, Any] | None = None,
    frames: list[Frame] | None = None,
    *,
    patience: float = PATIENCE,
    **options: Any,
) -> Reply:
    """Send a request and wait for its final reply."""
    return client.wait(client.request(kind, body or {}, frames or [], **options), patience)


def until(condition: Callable[[], Any], *clients: EngineClient, patience: float = PATIENCE) -> Any:
    """Poll the clients until the condition is true, and return what it says."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "nothing happened"
        for client in clients:
            client.poll()
        time.sleep(0.005)
    return found


class RawClient:
    """A socket that can say anything, also what no client would."""

    def __init__(self, engine: Engine, key: tuple[bytes, bytes | None] | None = None) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        public, secret = key or zmq.auth.load_certificate(engine.location.client_key)
        self.socket.curve_publickey = public
        self.socket.curve_secretkey = secret or b""
        self.socket.curve_serverkey = engine.connection["public_key"].encode()
        self.socket.connect(engine.connection["endpoint"])

    def say(self, parts: list[bytes]) -> None:
        """Send parts as they are."""
        self.socket.send_multipart(parts)

    def hear(self, seconds: float = 30.0) -> Message | None:
        """The next message, or None when there is none for so long."""
        return decode(self.socket.recv_multipart()) if self.socket.poll(seconds * 1000) else None

    def ask(self, kind: str, body: dict[str, Any] | None = None) -> Message | None:
        """Send a well-formed request and hear the next message."""
        self.say([bytes(part) for part in encode(Message(kind, new_id(), body or {}))])
        return self.hear()

    def close(self) -> None:
        """Leave."""
        self.context.destroy(linger=0)


def new_engine(folder: Path, weights: Path) -> Engine:
    """An engine with a data folder of its own, not started yet."""
    folder.mkdir()
    (folder / "weights").symlink_to(weights)
    return Engine(folder)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny pictures gain nothing from more threads, and other tests may run beside these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def engine(tmp_path: Path, weights: Path) -> Iterator[Engine]:
    """An engine of the test's own, not started yet."""
    made = new_engine(tmp_path / "data", weights)
    yield made
    made.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Engine]:
    """A running engine for tests that leave it as it was."""
    made = new_engine(tmp_path_factory.mktemp("engine") / "data", weights)
    made.ready()
    yield made
    made.end()


@pytest.fixture
def client(shared: Engine) -> Iterator[EngineClient]:
    """A connected client of the shared engine."""
    client = shared.ready()
    yield client
    client.close()
    shared.clients.remove(client)


@pytest.fixture
def raw(shared: Engine) -> Iterator[RawClient]:
    """A socket to the shared engine."""
    client = RawClient(shared)
    yield client
    client.close()


def deepsim(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `deepsim` command on the engine's folders."""
    environment = {**os.environ, "DEEPSIM_DATA": str(engine.data)}
    return subprocess.run(
        [sys.executable, "-m", "deepsim_engine", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE,
        check=False,
    )
