"""Kill the worker, or engine and worker together, at random moments of training, again and again.

    python benchmarks/kills.py --worker 100 --together 50

Tells of each kill on standard error, and of all in one JSON object. Ends with an error if an
accepted job is lost, a model is damaged, or more steps were repeated than lie between two
checkpoints.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deepsim_client.wire import new_id
from deepsim_server.model_files import verify_model

from deepsim_engine.folders import weights_dir
from tests.server.conftest import Engine, ask, pair, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from deepsim_client import EngineClient, Reply

SIDE = 32
OPTIONS = ("--checkpoint-seconds", "0")
"""A checkpoint after every step: at most the step that was running is repeated."""
PATIENCE = 900.0
"""Seconds that a start may take: this runs for long, beside other work."""
ENDLESS = {"name": "Killed", "preset": "draft", "steps": 100_000}


@dataclass
class Victim:
    """A training that is killed, and what was seen of it.

    Attributes:
        repeated: for each kill, how many steps that had been told were told once more.
        steps: the step told last.
        told: what was said of deaths of workers.
    """

    engine: Engine
    rng: random.Random
    job: str = field(default_factory=new_id)
    steps: int = 0
    repeated: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    fresh: bool = True

    def begin(self) -> EngineClient:
        """Ask for the training, and wait until it makes steps."""
        client = self.engine.ready()
        client.request("train", ENDLESS, pair(SIDE), rid=self.job, on_reply=self._see)
        self._await_step(client)
        return client

    def kill_worker(self, client: EngineClient) -> None:
        """At a random moment after a step; then wait until that is told, and for the next step."""
        self._linger(client)
        told = len(self.told)
        self.engine.worker().kill()
        self._until(lambda: len(self.told) > told and not self.fresh, client)

    def kill_together(self, client: EngineClient) -> EngineClient:
        """The same for engine and worker; the next start goes on unasked. A new client."""
        self._linger(client)
        self.engine.kill_all()
        client.close()
        self.engine.clients.remove(client)
        again = self.engine.ready()
        again.request("attach", {"job": self.job}, on_reply=self._see)
        self._await_step(again)
        return again

    def finish(self, client: EngineClient) -> dict[str, object]:
        """Let it end soon; its model, which is read whole."""
        ask(client, "pause", {"job": self.job})
        self._until(lambda: self._state(client) == "paused", client)
        least = self.steps + 2
        body = {**ENDLESS, "steps": least, "resume": True}
        final = ask(client, "train", body, pair(SIDE), patience=self.engine.patience)
        assert final.kind == "result", final.body
        # Of the steps before the pause not every one was told.
        assert final.body["model"]["steps"] >= least, final.body
        again = ask(client, "attach", {"job": self.job})
        assert again.body == final.body
        for path in (self.engine.data / "models").glob("*.safetensors"):
            verify_model(path)
        return final.body["model"]

    def _state(self, client: EngineClient) -> str:
        return str(ask(client, "status").body["jobs"][0]["state"])

    def _linger(self, client: EngineClient) -> None:
        end = time.monotonic() + self.rng.uniform(0, 0.5)
        while time.monotonic() < end:
            client.poll()
            time.sleep(0.002)

    def _await_step(self, client: EngineClient) -> None:
        self.fresh = True
        self._until(lambda: not self.fresh, client)

    def _until(self, condition: Callable[[], bool], client: EngineClient) -> None:
        until(condition, client, patience=self.engine.patience)

    def _see(self, reply: Reply) -> None:
        step = reply.body.get("step")
        assert reply.kind != "error" or reply.body["code"] in ("paused", "cancelled"), reply.body
        if reply.kind != "progress":
            return
        if "message" in reply.body:  # what came before it was sent before the kill
            self.told.append(reply.body["message"])
            self.fresh = True
        elif isinstance(step, int) and step > 0:  # before the first there is no checkpoint
            self._count(step)

    def _count(self, step: int) -> None:
        if self.fresh and self.steps:
            self.repeated.append(max(0, self.steps + 1 - step))
        self.fresh, self.steps = False, step


def main() -> None:
    """Kill, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", type=int, default=100)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="deepsim-kills-"))
    (folder / "data").mkdir()
    (folder / "data" / "weights").symlink_to(weights_dir())
    engine = Engine(folder / "data", options=OPTIONS, patience=PATIENCE)
    begun = time.monotonic()
    victim = Victim(engine, random.Random(options.seed))  # noqa: S311  (not for secrets)
    try:
        client = victim.begin()
        for number in range(options.worker):
            victim.kill_worker(client)
            tell(victim, f"worker {number + 1} of {options.worker}")
        for number in range(options.together):
            client = victim.kill_together(client)
            tell(victim, f"together {number + 1} of {options.together}")
        model = victim.finish(client)
        told = {
            "worker": options.worker,
            "together": options.together,
            "steps": model["steps"],
            "repeated_at_most": max(victim.repeated, default=0),
            "damaged": ask(client, "models").body["damaged"],
            "minutes": round((time.monotonic() - begun) / 60, 1),
        }
        print(json.dumps(told))
        assert told["repeated_at_most"] <= 1, victim.repeated
        assert not told["damaged"]
    finally:
        engine.end()
        shutil.rmtree(folder, ignore_errors=True)


def tell(victim: Victim, kill: str) -> None:
    """A line on standard error."""
    print(f"{kill}: step {victim.steps}, repeated {victim.repeated[-1]}", file=sys.stderr)


if __name__ == "__main__":
    main()
