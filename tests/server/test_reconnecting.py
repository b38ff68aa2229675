"""An engine that is lost while it is needed: the client finds it again, and its work goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
import pytest
from deepsim_client.location import process_alive

from tests.server.conftest import PATIENCE, Engine, ask, pair, until

if TYPE_CHECKING:
    from deepsim_client import EngineClient, Reply


class Training:
    """A training under way, and what is heard of it."""

    def __init__(self, client: EngineClient, steps: int = 100_000) -> None:
        self.client = client
        self.kinds: list[str] = []
        self.steps: list[int] = []
        body = {"name": "Long", "preset": "draft", "steps": steps}
        self.rid = client.request("train", body, pair(), on_reply=self._on_reply)

    def _on_reply(self, reply: Reply) -> None:
        self.kinds.append(reply.kind)
        if reply.kind == "progress":
            self.steps.append(reply.body["step"])

    def goes_on(self) -> None:
        """Wait until it has made a step from now on."""
        heard = len(self.steps)
        until(lambda: len(self.steps) > heard, self.client)


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """A program that has nothing to do with engines."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(child.pid)
    child.kill()
    child.communicate()


def test_a_restart_ends_no_process_but_the_engine(
    engine: Engine, bystander: psutil.Process
) -> None:
    """A leftover connection file names a process id that is another program's by now."""
    ask(engine.client(), "hello")
    leftover = {**engine.connection, "pid": bystander.pid}
    engine.kill_all()
    engine.location.connection.write_text(json.dumps(leftover))
    client = engine.client(hello_seconds=5.0)
    client.restart()
    until(lambda: client.state == "ready", client)
    assert bystander.is_running()
    assert client.info["pid"] != bystander.pid


def test_leaving_is_not_asked_of_the_next_engine(engine: Engine) -> None:
    client = engine.client()
    ask(client, "hello")
    engine.process().send_signal(signal.SIGSTOP)
    request = client.request("shutdown")
    until(lambda: client.state != "ready", client)
    engine.kill_all()
    assert client.wait(request, PATIENCE).body["code"] == "engine-lost"


def test_a_request_that_ends_every_engine_is_not_repeated_for_ever(engine: Engine) -> None:
    client = engine.client()
    ask(client, "hello")
    killed = set()
    replies: list[Reply] = []

    def kill_instead_of_an_answer() -> bool:
        if client.state == "ready" and client.info["pid"] not in killed:
            if not killed:  # a request that is not answered before the worker is there
                client.request("hello", {"wait": True}, on_reply=replies.append)
            client.poll()  # now it is sent
            killed.add(client.info["pid"])
            engine.kill_all()
        return bool(replies)

    until(kill_instead_of_an_answer, client)
    assert replies[0].body["code"] == "engine-lost"
    assert len(killed) == 3


def test_an_engine_that_hung_for_a_while_is_found_again(
    shared: Engine, client: EngineClient
) -> None:
    process = shared.process()
    process.send_signal(signal.SIGSTOP)
    request = client.request("status")
    until(lambda: client.state != "ready", client)
    process.send_signal(signal.SIGCONT)
    assert client.wait(request, PATIENCE).body["pid"] == process.pid
    assert shared.process() == process


@pytest.fixture(scope="module")
def training(shared: Engine) -> Training:
    """One that has made a step; the tests here leave it going on."""
    made = Training(shared.ready())
    made.goes_on()
    return made


def test_reconnecting_keeps_what_is_under_way(training: Training) -> None:
    training.client.reconnect()
    training.goes_on()
    assert training.kinds.count("accepted") == 1


def test_a_restart_of_a_healthy_engine_is_gentle(shared: Engine, training: Training) -> None:
    process, heard = shared.process(), len(training.steps)
    training.client.restart()
    training.goes_on()
    assert not process_alive(process.pid)
    assert "Got SIGTERM" in shared.log()
    told = training.steps[heard - 1 :]
    assert told == sorted(told)  # the checkpoint that it left is of its last step


def test_an_engine_that_hangs_is_noticed_and_can_be_restarted(
    shared: Engine, training: Training
) -> None:
    client, hanging = training.client, shared.process()
    hanging.send_signal(signal.SIGSTOP)
    until(lambda: client.state != "ready", client)
    assert "does not answer" in client.message
    client.restart()
    training.goes_on()
    assert not process_alive(hanging.pid)
    assert shared.process() != hanging
    assert "error" not in training.kinds


def test_after_a_kill_of_the_engine_the_progress_bar_goes_on(
    shared: Engine, training: Training
) -> None:
    first = shared.connection["pid"]
    states: list[str] = []
    training.client.on_state = lambda state, _: states.append(state)
    shared.kill_all()
    until(lambda: "starting" in states, training.client)  # what is heard before was sent before
    training.goes_on()
    assert shared.connection["pid"] != first
    assert training.kinds.count("accepted") == 1
    assert "error" not in training.kinds
    assert states[-1] == "ready"
