"""Many clients at once, with requests of every kind: all are answered, each with its own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.server.conftest import PATIENCE, Engine, ask, image_frame, pair, until

if TYPE_CHECKING:
    from deepsim_client import Reply

CLIENTS = 20


def test_twenty_clients_are_answered_while_one_trains(shared: Engine) -> None:
    trainer = shared.ready()
    steps: list[int] = []

    def count(reply: Reply) -> None:
        if reply.kind == "progress":
            steps.append(reply.body["step"])

    body = {"name": "Crowd", "preset": "draft", "steps": 100_000}
    training = trainer.request("train", body, pair(), on_reply=count)
    until(lambda: steps, trainer)
    clients = [shared.client(hello_seconds=PATIENCE) for _ in range(CLIENTS)]
    answers: dict[tuple[int, str], Reply] = {}
    kinds: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "status": ({}, []),
        "models": ({"action": "list"}, []),
        "edges": ({}, [image_frame(32)]),
        "sing": ({}, []),
        "apply": ({"model": "0" * 12}, [image_frame(32)]),
    }
    for number, client in enumerate(clients):
        for kind, (asked, frames) in kinds.items():

            def keep(reply: Reply, key: tuple[int, str] = (number, kind)) -> None:
                answers[key] = reply

            client.request(kind, asked, frames, on_reply=keep)
    until(lambda: len(answers) == CLIENTS * len(kinds), trainer, *clients, patience=3 * PATIENCE)
    for number in range(CLIENTS):
        assert answers[number, "status"].body["training"] == training
        assert answers[number, "models"].kind == "result"
        assert answers[number, "edges"].frame("edges").shape == (32, 32, 4)
        assert answers[number, "sing"].body["code"] == "unknown-message"
        assert answers[number, "apply"].body["code"] == "not-found"
    told = ask(trainer, "status").body["metrics"]
    assert told["latencies"]["edges"]["count"] >= CLIENTS
    assert told["jobs"]["running"] == 1
    assert told["bytes_received"] > 0
    assert told["uptime"] > 0
    trainer.cancel(training)
    assert trainer.wait(training, PATIENCE).body["code"] == "cancelled"
