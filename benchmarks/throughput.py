"""A large picture to the engine and back over the loopback address, beside bare sockets.

    python benchmarks/throughput.py --side 4096 --rounds 10

Three echoes in processes of their own take turns: a bare ZeroMQ socket, one with CURVE encryption,
and the engine, through the client that editors use (`ping` sends frames back). Prints one JSON
line: MB a second there and back (best and median round), and the engine's share of the others.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import zmq

from deepsim_engine.folders import weights_dir
from tests.server.conftest import Engine, ask, frame, pixels

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

PATIENCE = 300.0


def echo(ready: Connection, curve: bool) -> None:
    """A process that sends back what comes; tells its port and its public key."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    public = b""
    if curve:
        public, secret = zmq.curve_keypair()
        socket.curve_server, socket.curve_secretkey = True, secret
    ready.send((socket.bind_to_random_port("tcp://127.0.0.1"), public))
    while True:
        socket.send_multipart(socket.recv_multipart(copy=False), copy=False)


class Bare:
    """A socket to an `echo` in a process of its own."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], curve: bool) -> None:
        here, there = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=echo, args=(there, curve), daemon=True)
        self.process.start()
        port, public = here.recv()
        self.socket = context.socket(zmq.DEALER)
        if curve:
            self.socket.curve_serverkey = public
            self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def there_and_back(self, picture: NDArray[np.uint8]) -> None:
        """Send the picture and read it."""
        self.socket.send(picture.data, copy=False)
        assert self.socket.poll(PATIENCE * 1000)
        assert len(self.socket.recv(copy=False).buffer) == picture.nbytes

    def close(self) -> None:
        """End both."""
        self.socket.close(0)
        self.process.terminate()
        self.process.join()


def measure(ways: dict[str, Callable[[], None]], rounds: int, size: int) -> dict[str, Any]:
    """All ways in turn, `rounds` times after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - begun)
    speed = {
        name: {"best": 2e-6 * size / min(each), "median": 2e-6 * size / median(each)}
        for name, each in seconds.items()
    }
    told: dict[str, Any] = {name: {k: round(v) for k, v in s.items()} for name, s in speed.items()}
    for other in ("bare", "curve"):
        share = {kind: speed["engine"][kind] / speed[other][kind] for kind in ("best", "median")}
        told[f"share of {other}"] = {kind: round(value, 2) for kind, value in share.items()}
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    shape = (options.side, options.side, 4)
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    bare, curve = Bare(context, curve=False), Bare(context, curve=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        (data / "weights").symlink_to(weights_dir())
        engine = Engine(data, patience=PATIENCE)

        def through_engine() -> None:
            reply = ask(client, "ping", {}, [frame("image", picture)], patience=PATIENCE)
            assert len(reply.frames[0].data) == picture.nbytes

        try:
            client = engine.ready()
            back = ask(client, "ping", {}, [frame("image", picture)], patience=PATIENCE)
            assert np.array_equal(pixels(back.frames[0]), picture)
            ways = {
                "bare": lambda: bare.there_and_back(picture),
                "curve": lambda: curve.there_and_back(picture),
                "engine": through_engine,
            }
            told = measure(ways, options.rounds, picture.nbytes)
            print(json.dumps({"side": options.side, "megabytes": picture.nbytes / 1e6, **told}))
        finally:
            engine.end()
            bare.close()
            curve.close()
            context.destroy(0)


if __name__ == "__main__":
    main()
