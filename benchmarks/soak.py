"""The engine under stress: wrong messages, many clients, hours of work, a full disk.

    python benchmarks/soak.py fuzz --messages 1000000
    python benchmarks/soak.py clients --clients 200
    python benchmarks/soak.py soak --minutes 60
    python benchmarks/soak.py disk --rounds 100     (root mounts a small disk for it)

Each starts an engine of its own and prints one JSON line of figures at the end; it ends with an
error if the engine crashed, left something unanswered, or grew.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deepsim_server.model_files import verify_model

from deepsim_engine.folders import weights_dir
from tests.server.conftest import Engine, RawClient, ask, image_frame, pair, segments_frame, until
from tests.server.disks import MIB, fill, mounted, release, unmount
from tests.server.fuzzing import alive, mutated

if TYPE_CHECKING:
    import psutil
    from deepsim_client import EngineClient, Reply

ENDLESS = {"name": "Soak", "preset": "draft", "steps": 1_000_000}
BATCH = 500
MAX_GROWTH = 64 << 20
"""Bytes by which memory may differ between the second quarter of a run and its end."""


def fuzz(engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Damaged messages; each batch is followed by a ping, which must be answered."""
    engine.ready()
    process, raw, rng = engine.process(), RawClient(engine), random.Random(options.seed)  # noqa: S311
    memory, begun = [], time.monotonic()
    for sent in range(0, options.messages, BATCH):
        for _ in range(min(BATCH, options.messages - sent)):
            raw.say(mutated(rng))
        alive(raw)
        memory.append(process.memory_info().rss)
    raw.close()
    assert engine.process() == process, "the engine crashed"
    assert "Traceback" not in engine.log(), "the engine's log holds a traceback"
    growth = _growth(memory)
    assert growth < MAX_GROWTH, f"the engine grew by {growth} bytes"
    return {
        "messages": options.messages,
        "per_second": round(options.messages / (time.monotonic() - begun)),
        "memory_growth_mb": round(growth / 2**20, 1),
    }


def clients(engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Mixed requests of many clients while a training runs."""
    trainer, _ = _training(engine)
    crowd = [engine.client() for _ in range(options.clients)]
    answers: list[str] = []
    for number, client in enumerate(crowd):
        for kind in ("status", "models", "status", "edges" if number % 4 == 0 else "status"):
            frames = [image_frame(32)] if kind == "edges" else []
            client.request(kind, {}, frames, on_reply=lambda r: answers.append(r.kind))
    wanted = 4 * len(crowd)
    until(lambda: len(answers) == wanted, trainer, *crowd, patience=900)
    assert set(answers) == {"result"}, "some request was refused"
    told = ask(trainer, "status").body["metrics"]["latencies"]
    return {
        "clients": options.clients,
        "answered": len(answers),
        "status_p50_ms": told["status"]["p50_ms"],
        "status_p99_ms": told["status"]["p99_ms"],
        "edges_p99_ms": told["edges"]["p99_ms"],
    }


def soak(engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Training all the while, applies and edges, cancels, clients that come and go."""
    trainer, training = _training(engine)
    process, counts = engine.process(), {"apply": 0, "edges": 0, "cancelled": 0}
    seen: list[tuple[int, int, int]] = []
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        visitor = engine.client()
        reply = ask(visitor, "apply", {"job": training}, [segments_frame(shift=3)])
        assert reply.kind == "result", reply.body
        assert ask(visitor, "edges", {}, [image_frame()]).kind == "result"
        unwanted = visitor.request("train", {**ENDLESS, "name": "Unwanted"}, pair())
        visitor.poll()
        visitor.cancel(unwanted)
        assert visitor.wait(unwanted, 120).body["code"] == "cancelled"
        visitor.close()
        engine.clients.remove(visitor)
        trainer.poll()
        for kind in counts:
            counts[kind] += 1
        seen.append((process.memory_info().rss, process.num_fds(), process.num_threads()))
    assert engine.process() == process, "the engine was replaced"
    memory, files, threads = zip(*seen, strict=True)
    growth = _growth(list(memory))
    assert growth < MAX_GROWTH, f"the engine grew by {growth} bytes"
    worker = engine.worker()
    return {
        "minutes": options.minutes,
        **counts,
        "memory_growth_mb": round(growth / 2**20, 1),
        "files": [min(files[len(files) // 4 :]), max(files[len(files) // 4 :])],
        "threads": [min(threads), max(threads)],
        "worker_mb": round(_memory(worker) / 2**20),
    }


def disk(engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Requests that write, while the disk has from no to 2 MiB of room, drawn anew each time."""
    room, rng = engine.data.parent, random.Random(options.seed)  # noqa: S311
    client = engine.ready()
    process = engine.process()
    old = ask(client, "train", {"preset": "instant", "name": "Old"}, pair()).body["model"]["id"]
    counts = {"done": 0, "refused": 0}
    for number in range(options.rounds):
        fill(room, rng.choice((0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)) * 4096)
        kind, body, frames = rng.choice(
            (
                (
                    "train",
                    {"preset": "instant", "name": f"New {number}"},
                    pair(rng.randrange(32, 96)),
                ),
                ("train", {"preset": "draft", "steps": 1, "name": "Draft"}, pair(32)),
                ("models", {"action": "rename", "model": old, "name": f"Old {number}"}, []),
            )
        )
        told = ask(client, kind, body, frames)
        full = "No space left" in str(told.body) or "disk is full" in str(told.body)
        assert told.kind == "result" or full, told.body
        counts["done" if told.kind == "result" else "refused"] += 1
        applied = ask(client, "apply", {"model": old}, [segments_frame()])
        assert applied.kind == "result", applied.body
        release(room)
        for path in (engine.data / "models").glob("*.safetensors"):
            verify_model(path)
            if not path.name.startswith(old):
                path.unlink()  # else the room runs out
    assert engine.process() == process, "the engine was replaced"
    assert "Traceback" not in engine.log(), "the engine's log holds a traceback"
    last = ask(client, "train", {"preset": "instant", "name": "Last"}, pair())
    assert last.kind == "result", last.body
    return {"rounds": options.rounds, **counts, "damaged": ask(client, "models").body["damaged"]}


def _memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def _growth(memory: list[int]) -> int:
    """Of the last quarter over the second one: what is allocated at first counts as none."""
    quarter = max(1, len(memory) // 4)
    return int(np.median(memory[-quarter:]) - np.median(memory[quarter : 2 * quarter] or memory))


def _training(engine: Engine) -> tuple[EngineClient, str]:
    """A client whose training has made its first steps, and the training's id."""
    client, steps = engine.ready(), []

    def heard(reply: Reply) -> None:
        if reply.kind == "progress":
            steps.append(reply.body.get("step"))

    training = client.request("train", ENDLESS, pair(), on_reply=heard)
    until(lambda: len(steps) > 1, client, patience=300)
    return client, training


def main() -> None:
    """Read the arguments, run, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for run, option, kind, usual in (
        (fuzz, "--messages", int, 1_000_000),
        (clients, "--clients", int, 200),
        (soak, "--minutes", float, 60.0),
        (disk, "--rounds", int, 100),
    ):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.add_argument(option, type=kind, default=usual)
        command.add_argument("--seed", type=int, default=4)
        command.set_defaults(run=run)
    options = parser.parse_args()
    run_it: Callable[[Engine, argparse.Namespace], dict[str, Any]] = options.run
    with tempfile.TemporaryDirectory() as folder:
        if options.run is disk and not mounted(Path(folder), 256 * MIB):
            parser.error("only root may mount a small disk")
        data = Path(folder) / "data"
        data.mkdir()
        (data / "weights").symlink_to(weights_dir())
        engine = Engine(data)
        try:
            print(json.dumps(run_it(engine, options)))
        finally:
            engine.end()
            if options.run is disk:
                unmount(Path(folder))


if __name__ == "__main__":
    main()
