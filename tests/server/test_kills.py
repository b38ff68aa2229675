"""SIGKILL at random moments of training: nothing accepted is lost, nothing is damaged."""

from __future__ import annotations

import random
import time

from benchmarks.kills import OPTIONS, Victim
from tests.server.conftest import Engine, ask


def test_a_training_survives_kills_of_its_worker_and_of_everything(engine: Engine) -> None:
    engine.options, engine.patience = OPTIONS, 300.0
    victim = Victim(engine, random.Random(time.time()))  # noqa: S311  (not for secrets)
    client = victim.begin()
    for _ in range(5):
        victim.kill_worker(client)
    assert all("SIGKILL" in told for told in victim.told)
    assert len(victim.told) == 5
    for _ in range(3):
        client = victim.kill_together(client)
    job = ask(client, "status").body["jobs"][0]
    assert (job["job"], job["state"]) == (victim.job, "running")
    assert max(victim.repeated) <= 1
    model = victim.finish(client)  # reads all of its file
    assert [each["id"] for each in ask(client, "models").body["models"]] == [model["id"]]
    assert ask(client, "models").body["damaged"] == []
