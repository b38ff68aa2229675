"""Starts and ends of engine and worker, gentle and violent: nothing accepted is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from deepsim_client.starter import PARENT_VARIABLE

from tests.server.conftest import (
    PATIENCE,
    Engine,
    ask,
    deepsim,
    image_frame,
    pair,
    until,
)

if TYPE_CHECKING:
    from deepsim_client import EngineClient, Reply

LONG = {"name": "Long", "preset": "draft", "steps": 5000}


def start_training(client: EngineClient, body: dict[str, object] | None = None) -> str:
    """A training that has made its first steps; the request's id."""
    steps: list[int] = []

    def count(reply: Reply) -> None:
        if reply.kind == "progress":
            steps.append(reply.body["step"])

    training = client.request("train", body or LONG, pair(), on_reply=count)
    until(lambda: steps and steps[-1] >= 2, client)
    return training


def test_two_clients_that_start_at_once_get_one_engine(engine: Engine) -> None:
    clients = [engine.client() for _ in range(3)]
    for client in clients:
        client.connect()
    until(lambda: all(client.state == "ready" for client in clients), *clients)
    assert len({client.info["pid"] for client in clients}) == 1
    assert engine.log().count("Listening on port") == 1


def test_a_second_engine_on_the_same_folder_says_that_there_is_one(engine: Engine) -> None:
    ask(engine.client(), "hello")
    second = deepsim(engine, "serve", "--json")
    assert second.returncode == 0
    assert f'"pid": {engine.connection["pid"]}' in second.stdout
    assert engine.process().is_running()


def test_the_engine_process_itself_stays_light(engine: Engine) -> None:
    ask(engine.client(), "hello")
    loaded = {path.path for path in engine.process().memory_maps()}
    assert not [path for path in loaded if "libtorch" in path]


def test_a_paused_training_waits_until_it_is_resumed_even_over_a_restart(engine: Engine) -> None:
    client = engine.ready()
    training = start_training(client)
    assert ask(client, "pause", {"job": training}).body["state"] == "pausing"
    told = client.wait(training, PATIENCE).body
    assert told["code"] == "paused"
    waiting = client.request("train", {**LONG, "name": "B"}, pair())
    until(lambda: ask(client, "status").body["training"] == waiting, client)
    third = client.request("train", {**LONG, "name": "C"}, pair())
    until(lambda: ask(client, "status").body["queue"] == 1, client)
    assert ask(client, "pause", {"job": third}).body["state"] == "paused"
    assert ask(client, "cancel", {"job": third}).body["state"] == "cancelled"
    assert client.wait(third, PATIENCE).body["code"] == "paused"
    client.cancel(waiting)
    client.wait(waiting, PATIENCE)
    stopped_at = ask(client, "status").body["jobs"][2]["step"]
    ask(client, "shutdown")
    process = engine.process()
    process.wait(PATIENCE)

    again = engine.ready()
    states = [job["state"] for job in ask(again, "status").body["jobs"]]
    assert states == ["cancelled", "cancelled", "paused"]
    assert ask(again, "attach", {"job": training}).body["code"] == "paused"
    steps: list[int] = []

    def count(reply: Reply) -> None:
        if reply.kind == "progress":
            steps.append(reply.body["step"])

    resumed = again.request("resume", {"job": training}, on_reply=count)
    until(lambda: steps, again)
    assert steps[0] > stopped_at
    assert ask(again, "pause", {"job": training}).body["state"] == "pausing"
    assert again.wait(resumed, PATIENCE).body["code"] == "paused"
    final = ask(again, "train", {**LONG, "steps": steps[-1] + 3, "resume": True}, pair())
    assert final.kind == "result", final.body
    assert ask(again, "resume", {"job": training}).kind == "result"
    assert ask(again, "pause", {"job": training}).body["state"] == "done"
    assert ask(again, "pause", {"job": "0" * 32}).body["code"] == "not-found"


def test_small_requests_that_a_killed_worker_had_fail_and_those_that_waited_are_done(
    engine: Engine,
) -> None:
    client = engine.client()
    ask(client, "hello")
    worker = engine.worker()
    worker.send_signal(signal.SIGSTOP)  # so that the requests are with it for sure
    requests = [client.request("edges", {}, [image_frame()]) for _ in range(3)]
    until(lambda: ask(client, "status").body["small"] == 3, client)
    worker.kill()
    replies = [client.wait(request, PATIENCE) for request in requests]
    assert [reply.body.get("code") for reply in replies] == ["worker-died", "worker-died", None]
    assert replies[-1].kind == "result"


def test_after_a_kill_of_everything_the_next_start_goes_on_unasked(engine: Engine) -> None:
    client = engine.ready()
    training = start_training(client)
    waiting = client.request("train", {"name": "Next", "preset": "draft", "steps": 2}, pair())
    until(lambda: ask(client, "status").body["queue"] == 1, client)
    client.cancel(training)  # leaves a checkpoint, from which the second request goes on
    client.wait(training, PATIENCE)
    stopped_at = ask(client, "status").body["jobs"][1]["step"]
    resumed = start_training(client, {**LONG, "steps": stopped_at + 12, "resume": True})
    heard: list[str] = []
    body = {**LONG, "name": "Unwanted"}
    unwanted = client.request(
        "train", body, pair(), on_reply=lambda reply: heard.append(reply.kind)
    )
    until(lambda: "accepted" in heard, client)
    client.cancel(unwanted)
    client.wait(unwanted, PATIENCE)
    engine.kill_all()

    client.close()
    again = engine.ready()
    steps: list[int] = []
    final = ask(
        again,
        "attach",
        {"job": resumed},
        on_reply=lambda reply: (
            steps.append(reply.body["step"]) if reply.kind == "progress" else None
        ),
    )
    assert final.kind == "result", final.body
    assert final.body["model"]["steps"] == stopped_at + 12
    assert all(step > stopped_at for step in steps)
    assert ask(again, "attach", {"job": waiting}).body["model"]["name"] == "Next"
    names = [model["name"] for model in ask(again, "models").body["models"]]
    assert sorted(names) == ["Long", "Next"]
    states = {job["name"]: job["state"] for job in ask(again, "status").body["jobs"]}
    assert states == {"Long": "done", "Next": "done", "Unwanted": "cancelled"}


def test_shutdown_answers_everybody_and_pauses_the_training(engine: Engine) -> None:
    client = engine.ready()
    training = start_training(client)
    process = engine.process()
    assert ask(client, "shutdown").kind == "result"
    assert client.wait(training, PATIENCE).body["code"] == "shutting-down"
    process.wait(PATIENCE)
    assert not engine.location.connection.exists()
    assert (engine.data / "jobs" / training / "checkpoint.safetensors").is_file()

    back = ask(engine.ready(), "status").body
    assert back["jobs"][0]["state"] in ("queued", "running")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_engine_cleanly(engine: Engine, number: signal.Signals) -> None:
    ask(engine.client(), "hello")
    process, worker = engine.process(), engine.worker()
    process.send_signal(number)
    psutil.wait_procs([process, worker], timeout=PATIENCE)
    assert not process.is_running()
    assert not worker.is_running()
    assert not engine.location.connection.exists()
    assert "Traceback" not in engine.log()


def test_the_worker_ends_with_its_engine(engine: Engine) -> None:
    ask(engine.client(), "hello")
    worker = engine.worker()
    engine.process().kill()
    worker.wait(PATIENCE)  # it may have to load its libraries first


def test_an_idle_engine_leaves_and_the_next_request_starts_another(engine: Engine) -> None:
    served = deepsim(engine, "serve", "--idle-seconds", "0.5", "--json")
    assert served.returncode == 0, served.stderr
    assert not engine.location.connection.exists()
    assert "leaving" in engine.log()
    assert ask(engine.client(), "status").kind == "result"


def test_an_engine_that_leaves_meanwhile_is_started_again(engine: Engine) -> None:
    client = engine.client()
    ask(client, "hello")
    process = engine.process()
    process.terminate()
    process.wait(PATIENCE)
    until(lambda: client.state == "idle", client)
    assert ask(client, "status").body["pid"] != process.pid


def test_the_commands_speak_to_the_engine(engine: Engine) -> None:
    assert '"running": false' in deepsim(engine, "engine", "status", "--json").stdout
    client = engine.ready()
    model = ask(client, "train", {"preset": "instant", "name": "Cat"}, pair()).body["model"]
    assert (
        f'"pid": {engine.connection["pid"]}' in deepsim(engine, "engine", "status", "--json").stdout
    )
    assert model["id"] in deepsim(engine, "models", "list").stdout
    assert "instant" in deepsim(engine, "models", "show", "Cat").stdout
    assert deepsim(engine, "models", "show", "Dog").returncode == 2
    assert deepsim(engine, "models", "remove", "Cat", "--json").returncode == 0
    assert not list((engine.data / "models").glob("*.safetensors"))
    stopped = deepsim(engine, "engine", "stop", "--json")
    assert '"stopped": true' in stopped.stdout
    assert deepsim(engine, "engine", "stop").returncode == 0


def test_an_engine_leaves_soon_after_the_editor_that_started_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without work and other clients; otherwise it would stay for its 900 idle seconds."""
    editor = subprocess.Popen([sys.executable, "-c", "pass"])
    editor.wait()
    monkeypatch.setenv(PARENT_VARIABLE, str(editor.pid))
    served = deepsim(engine, "serve", "--orphan-seconds", "0.5", "--json")
    assert served.returncode == 0, served.stderr
    assert "nobody asks" in engine.log()
