"""Whose turn it is: clients one after another, the newest apply of a document, models in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from deepsim_client import Message
from deepsim_client.wire import new_id
from deepsim_server import memory
from deepsim_server.failures import OVER
from deepsim_server.fair import FairQueue
from deepsim_server.loaded import LoadedModels
from deepsim_server.models import ModelNotFoundError
from deepsim_server.small import MAX_EACH, MAX_IN_HAND, MAX_WAITING, SmallRequests
from deepsim_server.supervisor import Death
from deepsim_server.workers import Workers

from deepsim_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_clients_are_served_in_turn() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "b2"):
        queue.add(item[0], item)
    assert [queue.pop() for _ in range(len(queue))] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    with pytest.raises(IndexError):
        queue.pop()


def test_what_goes_first_or_is_taken_out() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "b1"):
        queue.add(item[0], item)
    queue.add("b", "b0", first=True)
    assert queue.remove("a1")
    assert not queue.remove("a1")
    assert "a1" not in queue
    assert sorted(queue) == ["a2", "b0", "b1"]
    assert [queue.pop() for _ in range(len(queue))] == ["b0", "a2", "b1"]


@dataclass(eq=False)
class Worker:
    """Notes what it is given, as the channel to a worker process would carry it."""

    given: list[Message] = field(default_factory=list)
    broken: str = ""
    generation: int = 0

    def send(self, message: Message) -> None:
        self.given.append(message)


@dataclass(eq=False)
class Loaded:
    """A worker that has so much to do."""

    load: int
    ready: bool
    broken: str = ""


@dataclass
class Scene:
    """Small requests, one worker, and what clients were answered."""

    worker: Worker = field(default_factory=Worker)
    name: Callable[[Message], Message] = lambda message: message
    said: list[tuple[bytes, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.small = SmallRequests(
            lambda message: self.worker,  # type: ignore[arg-type,return-value]
            self.name,
            self.reply,
        )

    def reply(self, peer: bytes, message: Message) -> None:
        self.said.append((peer, message.id, message.body.get("code", message.kind)))

    def ask(self, peer: bytes, document: str = "", **body: Any) -> str:
        message = Message("apply", new_id(), body)
        self.small.take(peer, message, document)
        return message.id

    def answer(self, request: str, **body: Any) -> bool:
        return self.small.on_worker(Message("result", request, body))


def test_what_builds_upon_a_drawing_goes_to_the_worker_that_keeps_it() -> None:
    scene = Scene()
    first = scene.worker
    base = scene.ask(b"a")
    scene.answer(base, kept=True)
    other = scene.worker = Worker()
    asked = scene.ask(b"a", base=base)
    assert [message.id for message in first.given] == [base, asked]
    scene.ask(b"a", base=base, job="a training: only who trains it has its weights")
    scene.ask(b"a")
    assert len(first.given) == 2
    assert len(other.given) == 2
    assert len(scene.small) == 3


def test_what_builds_upon_a_drawing_that_nobody_has_hears_so_at_once() -> None:
    scene = Scene()
    base = scene.ask(b"a")
    scene.answer(base, kept=True)
    scene.worker.generation += 1  # it is replaced
    asked = [scene.ask(b"a", base=base), scene.ask(b"a", base=new_id())]
    assert scene.said[1:] == [(b"a", request, "base-lost") for request in asked]
    assert [message.id for message in scene.worker.given] == [base]


def test_what_builds_upon_a_drawing_that_is_on_its_way_goes_after_it() -> None:
    scene = Scene()
    for _ in range(MAX_IN_HAND):
        scene.ask(b"b")
    first, base = scene.ask(b"a"), scene.ask(b"a", keep=True)  # there is no room yet
    asked = scene.ask(b"c", base=base)  # whose turn is before that of another request of a's
    elsewhere = scene.worker = Worker()
    scene.small.tick()
    assert [message.id for message in elsewhere.given] == [first, base]
    scene.answer(first)
    assert [message.id for message in elsewhere.given] == [first, base, asked]


def test_two_requests_that_build_upon_each_other_are_both_lost() -> None:
    scene = Scene()
    before = [scene.ask(b"a") for _ in range(MAX_IN_HAND + 1)]
    first, second = new_id(), new_id()
    for request, base in ((first, second), (second, first)):
        scene.small.take(b"a", Message("apply", request, {"base": base}))
    assert not scene.said
    scene.answer(before[0])
    scene.answer(before[1])
    lost = [(b"a", request, "base-lost") for request in (first, second)]
    assert [said for said in scene.said if said[1] not in before] == lost


def test_what_a_dead_worker_had_is_lost_with_it_or_to_be_sent_again() -> None:
    scene = Scene()
    base = scene.ask(b"a")
    scene.answer(base, kept=True)
    asked, plain = scene.ask(b"a", base=base), scene.ask(b"a")
    scene.small.on_death(scene.worker, Death("ended", was_ready=True))  # type: ignore[arg-type]
    assert scene.said[1:] == [(b"a", asked, "base-lost"), (b"a", plain, "worker-died")]


def test_of_those_that_are_free_the_one_that_is_ready_begins() -> None:
    starting, ready = Loaded(0, ready=False), Loaded(0, ready=True)
    workers = Workers([starting, ready, Loaded(1, ready=True)])  # type: ignore[list-item]
    assert workers.least_loaded() is ready
    ready.load = 1
    assert workers.least_loaded() is starting


def test_small_requests_of_many_clients_take_turns() -> None:
    scene = Scene()
    flood = [scene.ask(b"a") for _ in range(20)]
    other = scene.ask(b"b")
    assert len(scene.worker.given) == MAX_IN_HAND
    for request in flood[:MAX_IN_HAND]:
        scene.answer(request)
    assert other in [message.id for message in scene.worker.given[: MAX_IN_HAND * 2]]


def test_the_newest_apply_of_a_document_replaces_the_others() -> None:
    scene = Scene()
    first, second, third = (scene.ask(b"a", "car") for _ in range(3))
    untouched = scene.ask(b"a", "town"), scene.ask(b"b", "car"), scene.ask(b"a")
    assert scene.said == [(b"a", first, "superseded"), (b"a", second, "superseded")]
    assert not scene.answer(first)  # it was with the worker already
    while scene.worker.given[-1].id != untouched[-1] or third in scene.small:
        for message in list(scene.worker.given):
            if message.kind == "apply" and message.id in scene.small:
                scene.answer(message.id)
    answered = [request for _, request, code in scene.said if code == "result"]
    assert third in answered
    assert first not in answered


def test_too_many_small_requests_are_refused() -> None:
    scene = Scene()
    for client in range(MAX_WAITING // MAX_EACH):
        for _ in range(MAX_EACH):
            scene.ask(b"%d" % client)
    refused = scene.ask(b"b")
    assert scene.said == [(b"b", refused, "busy")]


def test_one_client_cannot_take_all_the_room() -> None:
    scene = Scene()
    for _ in range(MAX_EACH):
        scene.ask(b"a")
    refused = scene.ask(b"a")
    scene.ask(b"b")
    assert scene.said == [(b"a", refused, "busy")]


def test_a_request_is_cancelled_before_and_while_a_worker_has_it() -> None:
    scene = Scene()
    requests = [scene.ask(b"a") for _ in range(MAX_IN_HAND + 1)]
    for request in (requests[0], requests[-1]):
        scene.small.cancel(request)
    assert [code for _, _, code in scene.said] == ["cancelled", "cancelled"]
    assert scene.worker.given[-1].kind == "cancel"
    assert requests[-1] not in scene.small
    scene.small.follow(requests[0], b"c")  # asked again by a client that did not hear it
    assert scene.said[-1] == (b"c", requests[0], "cancelled")
    assert not scene.answer(requests[0])
    assert len(scene.small) == MAX_IN_HAND - 1


def test_what_is_asked_about_a_training_that_ends_meanwhile_is_asked_about_its_model() -> None:
    """Also where the worker had the question already."""
    ended = [False]

    def name(message: Message) -> Message:
        return replace(message, body={"model": "m"} if ended[0] else {"job": "t"})

    scene = Scene(name=name)
    asked = [scene.ask(b"a") for _ in range(MAX_IN_HAND + 1)]
    ended[0] = True
    over = Message("error", asked[0], {"code": OVER, "message": "It ended."})
    assert not scene.small.on_worker(over)
    scene.answer(asked[1])
    given = [(message.id, message.body) for message in scene.worker.given[MAX_IN_HAND:]]
    assert given == [(asked[0], {"model": "m"}), (asked[2], {"model": "m"})]
    assert scene.answer(asked[0])
    assert [code for _, _, code in scene.said] == ["result", "result"]


def test_what_is_asked_about_a_training_that_left_no_model_is_refused() -> None:
    left = [True]

    def name(message: Message) -> Message:
        if left[0]:
            return message
        raise ModelNotFoundError("There is nothing to show.")

    scene = Scene(name=name)
    asked = [scene.ask(b"a") for _ in range(MAX_IN_HAND + 1)]
    left[0] = False
    scene.small.on_worker(Message("error", asked[0], {"code": OVER, "message": "It ended."}))
    assert [code for _, _, code in scene.said] == ["not-found", "not-found"]
    assert len(scene.small) == MAX_IN_HAND - 1


def test_models_leave_the_memory_after_an_idle_time(tmp_path: Path) -> None:
    now = [0.0]
    loaded = LoadedModels(2, 10.0, clock=lambda: now[0])
    files = [tmp_path / name for name in "abc"]
    loads: list[str] = []

    def get(path: Path) -> None:
        loaded.get(path, lambda: loads.append(path.name))  # type: ignore[arg-type,func-returns-value]

    for path in files:
        path.write_bytes(b"1")
        get(path)
    get(files[2])
    assert loads == ["a", "b", "c"]
    get(files[0])  # two are kept at most
    assert loads == ["a", "b", "c", "a"]
    now[0] = 5.0
    get(files[0])
    now[0] = 12.0
    loaded.unload_idle()
    assert len(loaded) == 1
    files[0].unlink()
    files[0].write_bytes(b"2")
    get(files[0])
    assert loads[-1] == "a"
    assert len(loads) == 5


def test_a_training_that_cannot_fit_into_the_memory_is_refused() -> None:
    told = memory.needs(512, lambda size: size[0] * size[1] * 2**30)
    assert memory.check(told, None, 40, 40) is None  # smaller than all that is told of
    with pytest.raises(InputError, match="GB"):
        memory.check(told, None, 4000, 3000)
    told = memory.needs(512, lambda size: size[0] * size[1] if max(size) < 600 else 2**60)
    assert memory.check(told, None, 4000, 3000) is None  # it is scaled to 512 pixels first
    with pytest.raises(InputError, match="Training needs"):
        memory.check(told, 2048, 4000, 3000)
