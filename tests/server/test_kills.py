"""SIGKILL at random moments of training: nothing accepted is lost, nothing is damaged."""

from __future__ import annotations

import random
import time

import pytest

from benchmarks.kills import OPTIONS, Victim
from tests.server.conftest import PATIENCE, Engine, ask, image_frame, pair, until


def test_a_training_survives_kills_of_its_worker_and_of_everything(engine: Engine) -> None:
    engine.options = OPTIONS
    victim = Victim(engine, random.Random(time.time()))  # noqa: S311  (not for secrets)
    client = victim.begin()
    for _ in range(5):
        victim.kill_worker(client)
    assert all("SIGKILL" in told for told in victim.told)
    assert len(victim.told) == 5
    for _ in range(3):
        client = victim.kill_together(client)
    model = victim.finish(client)
    assert model["steps"] == victim.steps
    assert max(victim.repeated) <= 1
    assert ask(client, "models").body["damaged"] == []


@pytest.mark.skipif("not hasattr(__import__('signal'), 'SIGSTOP')", reason="no SIGSTOP here")
def test_a_worker_that_hangs_is_ended_and_its_training_resumed_once(engine: Engine) -> None:
    """A stopped process gives no sign of life, as one that is stuck in a driver."""
    engine.options = ("--hang-seconds", "20")
    client = engine.ready()
    told: list[str] = []
    steps: list[int] = []

    def see(reply) -> None:
        if "message" in reply.body:
            told.append(reply.body["message"])
        elif reply.kind == "progress":
            steps.append(reply.body["step"])

    body = {"preset": "draft", "steps": 100_000, "name": "Stuck"}
    training = client.request("train", body, pair(32), on_reply=see)
    until(lambda: steps, client)
    engine.worker().suspend()
    until(lambda: told, client)
    assert "did not get on for 20 s" in told[0]
    steps.clear()
    until(lambda: steps, client)
    engine.worker().suspend()
    failed = client.wait(training, PATIENCE)
    assert failed.body["code"] == "worker-died"
    assert "did not get on" in failed.body["message"]
    assert ask(client, "edges", {}, [image_frame()]).kind == "result"
