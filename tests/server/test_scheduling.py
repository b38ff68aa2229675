"""Who computes what, and when: two workers, the newest apply, warm starts, worn workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.conftest import (
    PATIENCE,
    Engine,
    ask,
    image_frame,
    new_engine,
    pair,
    segments_frame,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deepsim_client import EngineClient

ENDLESS = {"preset": "draft", "steps": 100_000}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Engine]:
    """An engine with two workers, as for two devices; both are replaced early."""
    made = new_engine(tmp_path_factory.mktemp("two") / "data", weights)
    made.options = ("--device", "cpu", "--device", "cpu", "--worker-jobs", "8")
    made.ready()
    yield made
    made.end()


def running(client: EngineClient) -> set[str]:
    """Trainings that run now."""
    jobs = ask(client, "status").body["jobs"]
    return {job["job"] for job in jobs if job["state"] == "running" and job["steps"]}


def test_each_worker_trains_and_answers_about_its_own_training(two: Engine) -> None:
    clients = [two.ready() for _ in range(2)]
    trainings = [
        client.request("train", {**ENDLESS, "name": name}, pair(32))
        for client, name in zip(clients, "AB", strict=True)
    ]
    until(lambda: running(clients[0]) == set(trainings), *clients, patience=2 * PATIENCE)
    for training in trainings:
        reply = ask(clients[0], "apply", {"job": training}, [segments_frame(32)])
        assert reply.kind == "result", reply.body

    # Both compute, so that what is asked now waits.
    asked = [
        clients[0].request(
            "apply", {"job": trainings[0], "document": "car"}, [segments_frame(32, shift)]
        )
        for shift in range(5)
    ]
    replies = [clients[0].wait(request, PATIENCE) for request in asked]
    codes = [reply.body.get("code") for reply in replies]
    assert "superseded" in codes  # the first may have been done before the second came
    assert set(codes[:-1]) <= {"superseded", None}
    assert replies[-1].kind == "result"
    for client, training in zip(clients, trainings, strict=True):
        client.cancel(training)
        assert client.wait(training, PATIENCE).body["code"] == "cancelled"


def test_a_training_may_begin_with_a_stored_model(two: Engine) -> None:
    client = two.ready()
    body = {"preset": "draft", "steps": 1, "name": "First"}
    model = ask(client, "train", body, pair(32)).body["model"]["id"]
    second = ask(client, "train", {**body, "name": "Second", "from": model}, pair(32))
    assert second.kind == "result", second.body
    unknown = ask(client, "train", {**body, "from": "0" * 12}, pair(32))
    assert unknown.body["code"] == "not-found"


def test_a_model_in_use_is_kept_and_pieces_of_it_are_sent(two: Engine) -> None:
    client = two.ready()
    model = ask(client, "train", {"preset": "instant", "name": "C"}, pair(32)).body["model"]["id"]
    ask(client, "models", {"action": "claim", "model": model, "document": "car.kra"})
    kept = ask(client, "models", {"action": "remove", "model": model})
    assert kept.body["code"] == "in-use"
    assert "car.kra" in kept.body["message"]
    piece = ask(client, "models", {"action": "export", "model": model})
    assert sum(len(frame.data) for frame in piece.frames) == piece.body["bytes"]
    ask(client, "models", {"action": "remove", "model": model, "force": True})
    upload = {"action": "import", "upload": "0" * 32, "bytes": piece.body["bytes"]}
    taken = ask(client, "models", upload, list(piece.frames))
    assert taken.body["model"]["id"] == model
    assert ask(client, "apply", {"model": model}, [segments_frame(32)]).kind == "result"


def test_worn_workers_are_replaced_when_they_have_nothing_to_do(two: Engine) -> None:
    client = two.ready()
    before = {worker.pid for worker in two.process().children()}
    for _ in range(16):
        ask(client, "edges", {}, [image_frame(32)])
    until(lambda: before - {worker.pid for worker in two.process().children()}, client)
    assert ask(client, "edges", {}, [image_frame(32)]).kind == "result"
    assert ask(client, "status").body["restarts"] == 0
