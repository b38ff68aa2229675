"""Trainings when workers die: the jobs and their files are real, the worker only takes notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from deepsim_client import Message
from deepsim_client.wire import encode, new_id
from deepsim_server.inputs import write_inputs
from deepsim_server.jobs import JobStore
from deepsim_server.supervisor import Death
from deepsim_server.trainings import Trainings
from deepsim_server.workers import Workers

from tests.server.conftest import pair, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLED = Death("was killed by SIGKILL", was_ready=True)


@dataclass(eq=False)
class Worker:
    """The channel to a worker process."""

    given: list[Message] = field(default_factory=list)
    device: str = "cpu"
    ready: bool = True
    info: dict[str, Any] = field(default_factory=dict)

    def send(self, message: Message) -> None:
        self.given.append(message)


class Scene:
    """Trainings in a folder, with one worker."""

    def __init__(self, folder: Path) -> None:
        (folder / "jobs").mkdir(exist_ok=True)
        self.store = JobStore(folder / "db", folder / "jobs")
        self.worker = Worker()
        self.said: list[tuple[bytes, Message]] = []
        workers = Workers([self.worker])  # type: ignore[list-item]
        self.trainings = Trainings(
            self.store, workers, lambda peer, message: self.said.append((peer, message))
        )

    def train(self, name: str = "Cat", peer: bytes = b"a", origin: str = "") -> str:
        """Ask for a training and let it be accepted."""
        body = {"name": name, "from": origin}
        message = Message("train", new_id(), body, tuple(pair(16)))
        self.trainings.request(peer, message, encode(message))
        until(lambda: self.trainings.tick() or not self.trainings.writing)
        self.trainings.tick()
        return message.id

    def progress(self, job: str, step: int) -> None:
        self.trainings.on_worker(Message("progress", job, {"step": step}))

    def die(self, death: Death = KILLED) -> None:
        self.trainings.on_death(self.worker, death)  # type: ignore[arg-type]
        self.trainings.tick()

    def done(self) -> None:
        running = self.trainings.running
        self.trainings.on_worker(Message("result", running, {"model": {"id": "m"}}))
        self.trainings.tick()

    def state(self, job: str) -> str:
        return self.store.get(job).state

    def codes(self) -> list[str]:
        return [str(message.body.get("code", message.kind)) for _, message in self.said]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.trainings.close()
    made.store.close()


def test_a_training_goes_on_after_its_worker_died_and_says_so(scene: Scene) -> None:
    job = scene.train()
    scene.progress(job, 7)
    scene.die()
    assert scene.state(job) == "running"
    assert [message.kind for message in scene.worker.given] == ["train", "train"]
    told = scene.said[-1][1]
    assert told.kind == "progress"
    assert told.body["step"] == 7
    assert "SIGKILL after step 7" in told.body["message"]


def test_three_deaths_without_headway_fail_it_and_the_next_has_its_turn(scene: Scene) -> None:
    job, following = scene.train(), scene.train("Next")
    for _ in range(3):
        assert scene.trainings.running == job
        scene.die()
    assert scene.state(job) == "failed"
    assert scene.codes()[-1] == "worker-died"
    assert "can be resumed" in scene.said[-1][1].body["message"]
    assert scene.trainings.running == following
    scene.trainings.resume(b"a", Message("resume", new_id(), {"job": job}))
    scene.done()
    scene.die()  # its deaths are counted anew
    assert scene.trainings.running == job


def test_deaths_are_forgiven_while_it_gets_further(scene: Scene) -> None:
    job = scene.train()
    for step in range(6):
        scene.store.checkpoint(job).unlink(missing_ok=True)
        scene.store.checkpoint(job).write_bytes(bytes(step))
        scene.die()
        assert scene.state(job) == "running"
        assert scene.store.get(job).deaths == 1


def test_a_training_that_hangs_is_resumed_once(scene: Scene) -> None:
    job = scene.train()
    hung = Death("did not get on", was_ready=True, hung=True, work=job)
    scene.die(Death("did not get on", was_ready=True, hung=True, work=new_id()))
    assert scene.store.get(job).hangs == 0  # it was a small request that hung
    scene.die(hung)
    assert scene.state(job) == "running"
    scene.store.checkpoint(job).write_bytes(b"further")
    scene.die(hung)
    assert scene.state(job) == "failed"
    assert "did not get on" in scene.said[-1][1].body["message"]


def test_what_was_being_cancelled_or_paused_ends_so_when_the_worker_dies(scene: Scene) -> None:
    first, second = scene.train(), scene.train("Dog")
    assert scene.trainings.cancel(first) == "cancelling"
    scene.die()
    scene.trainings.pause(b"a", Message("pause", new_id(), {"job": second}))
    scene.die()
    assert (scene.state(first), scene.state(second)) == ("cancelled", "paused")
    assert scene.codes()[-1] == "paused"


def test_a_pause_that_is_taken_back_before_it_came_about_lets_the_training_go_on(
    scene: Scene,
) -> None:
    job = scene.train()
    stopped = Message("error", job, {"code": "cancelled", "message": "Stopped."})
    scene.trainings.pause(b"a", Message("pause", new_id(), {"job": job}))
    scene.trainings.resume(b"a", Message("resume", new_id(), {"job": job}))
    scene.trainings.on_worker(stopped)
    scene.trainings.tick()
    assert scene.state(job) == "running"
    assert [message.kind for message in scene.worker.given] == ["train", "cancel", "train"]
    assert "paused" not in scene.codes()
    scene.trainings.on_worker(stopped)  # a stop that nobody asked for any more
    assert scene.state(job) == "cancelled"


def test_clients_take_turns(scene: Scene) -> None:
    flood = [scene.train(f"A{number}", b"a") for number in range(3)]
    other = scene.train("B", b"b")
    order = []
    while scene.trainings.running:
        order.append(scene.trainings.running)
        scene.done()
    assert order[0] == flood[0]
    assert order.index(other) <= 2
    assert sorted(order) == sorted([*flood, other])


def test_the_next_engine_goes_on_with_what_ran_first(scene: Scene, tmp_path: Path) -> None:
    running, waiting, paused = scene.train(), scene.train("Dog"), scene.train("Hen")
    scene.trainings.pause(b"a", Message("pause", new_id(), {"job": paused}))
    again = Scene(tmp_path)
    again.trainings.resume_unfinished()
    again.trainings.tick()
    assert again.trainings.running == running
    again.done()
    assert again.trainings.running == waiting
    again.done()
    assert again.trainings.running == ""
    assert again.state(paused) == "paused"
    again.trainings.close()
    again.store.close()


def test_a_repeated_request_that_the_disk_refuses_leaves_the_checkpoint(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scene.train()
    scene.store.checkpoint(job).write_bytes(b"far")
    scene.trainings.pause(b"a", Message("pause", new_id(), {"job": job}))
    scene.die()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deepsim_server.spool.write_inputs", full)
    again = Message("train", job, {"name": "Cat", "resume": True}, tuple(pair(16)))
    scene.trainings.request(b"a", again, encode(again))
    until(lambda: scene.trainings.tick() or not scene.trainings.writing)
    assert scene.codes()[-1] == "failed"
    assert scene.store.checkpoint(job).read_bytes() == b"far"


def test_a_model_is_needed_until_the_end_of_the_trainings_that_begin_with_it(scene: Scene) -> None:
    running, waiting = scene.train("A", origin="m1"), scene.train("B", origin="m1")
    paused, other = scene.train("C", origin="m1"), scene.train("D", origin="m2")
    scene.trainings.pause(b"a", Message("pause", new_id(), {"job": paused}))
    assert scene.trainings.needing("m1") == ["A", "B", "C"]
    assert scene.trainings.needing("m2") == ["D"]
    scene.done()
    for job in (waiting, paused, other):
        scene.trainings.cancel(job)
    assert scene.state(running) == "done"
    scene.die()
    assert scene.trainings.needing("m1") == scene.trainings.needing("m2") == []


def test_trainings_that_wait_are_bounded_in_number(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepsim_server.spool.MAX_UNFINISHED", 3)
    for _ in range(4):
        scene.train()
    assert scene.codes() == ["accepted"] * 3 + ["busy"]
    assert "3 trainings wait" in scene.said[-1][1].body["message"]
    scene.done()
    scene.train()
    assert scene.codes()[-1] == "accepted"


def test_pictures_that_wait_for_training_are_bounded_in_bytes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scene.train()
    each = scene.store.bytes_of_inputs(job)
    assert each > 16 * 16 * 8
    monkeypatch.setattr("deepsim_server.spool.MAX_BYTES_QUEUED", int(2.5 * each))
    scene.train()
    scene.train()
    assert scene.codes() == ["accepted", "accepted", "busy"]
    assert "cancel some" in scene.said[-1][1].body["message"]
    scene.done()  # with it goes what it took on the disk
    scene.train()
    assert scene.codes()[-1] == "accepted"


def test_pictures_that_wait_for_the_disk_are_bounded_in_bytes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Event()

    def slow(*arguments: Any) -> None:
        assert disk.wait(60)
        write_inputs(*arguments)

    monkeypatch.setattr("deepsim_server.spool.write_inputs", slow)
    monkeypatch.setattr("deepsim_server.spool.MAX_BYTES_WRITING", 3 * 16 * 16 * 8)
    messages = [Message("train", new_id(), {}, tuple(pair(16))) for _ in range(4)]
    for message in messages:
        scene.trainings.request(b"a", message, encode(message))
    assert scene.codes() == ["busy"]
    assert scene.said[0][1].id == messages[3].id
    disk.set()
    until(lambda: scene.trainings.tick() or not scene.trainings.writing)
    assert sorted(scene.codes()) == ["accepted"] * 3 + ["busy"]


def test_a_request_that_is_repeated_is_not_counted_twice(scene: Scene) -> None:
    first, second = scene.train(), scene.train("Dog")
    assert scene.trainings.followed_by(b"a", but="") == 2
    assert scene.trainings.followed_by(b"a", but=second) == 1
    assert scene.trainings.followed_by(b"b", but=first) == 0


def test_pictures_of_paused_trainings_count_among_what_is_queued(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scene.train()
    scene.store.update(job, state="paused")
    monkeypatch.setattr("deepsim_server.spool.MAX_BYTES_QUEUED", 1)
    refused = scene.train("Dog")
    told = next(message for _, message in scene.said if message.id == refused)
    assert told.body["code"] == "busy"
