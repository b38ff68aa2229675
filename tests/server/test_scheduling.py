"""Who computes what, and when: two workers, the newest apply, warm starts, worn workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
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

    from deepsim_client import EngineClient, Reply

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


def keeping(client: EngineClient, model: str, **body: Any) -> tuple[str, Reply]:
    """Asks for a drawing to be applied and kept; the request and its answer."""
    request = client.request(
        "apply", {"model": model, "document": "car", "keep": True, **body}, [segments_frame(32)]
    )
    return request, client.wait(request, PATIENCE)


def test_what_a_killed_worker_kept_is_sent_whole_to_another_one(two: Engine) -> None:
    client = two.ready()
    model = ask(client, "train", {"preset": "instant", "name": "D"}, pair(32)).body["model"]["id"]
    until(lambda: len(two.process().children()) == 2, client)
    base, kept = keeping(client, model)
    assert kept.body["kept"] is True
    built = {"model": model, "document": "car", "base": base}
    for _ in range(3):  # whoever else is free: the one that has it is asked
        assert ask(client, "apply", built).kind == "result"
    # Who has it is the first of those that were free.
    holder = psutil.Process(ask(client, "status").body["worker_pid"])
    holder.suspend()
    lost = client.request("apply", built)
    ask(client, "ping")  # the engine has handed it on
    holder.kill()
    assert client.wait(lost, PATIENCE).body["code"] == "base-lost"
    assert ask(client, "apply", built).body["code"] == "base-lost"
    base, kept = keeping(client, model)
    assert kept.body["kept"] is True
    assert ask(client, "apply", {**built, "base": base}).kind == "result"


def test_what_a_worn_worker_kept_is_asked_for_anew(two: Engine) -> None:
    client = two.ready()
    model = ask(client, "train", {"preset": "instant", "name": "E"}, pair(32)).body["model"]["id"]
    base, _ = keeping(client, model)
    built = {"model": model, "document": "car", "base": base}
    before = {worker.pid for worker in two.process().children()}
    for _ in range(8):
        assert ask(client, "apply", built).kind == "result"
    until(lambda: before - {worker.pid for worker in two.process().children()}, client)
    until(lambda: ask(client, "apply", built).body.get("code") == "base-lost", client)
    base, kept = keeping(client, model)
    assert kept.body["kept"] is True
    assert ask(client, "apply", {**built, "base": base}).kind == "result"


def test_worn_workers_are_replaced_when_they_have_nothing_to_do(two: Engine) -> None:
    client = two.ready()
    restarts = ask(client, "status").body["restarts"]
    before = {worker.pid for worker in two.process().children()}
    for _ in range(16):
        ask(client, "edges", {}, [image_frame(32)])
    until(lambda: before - {worker.pid for worker in two.process().children()}, client)
    assert ask(client, "edges", {}, [image_frame(32)]).kind == "result"
    assert ask(client, "status").body["restarts"] == restarts
