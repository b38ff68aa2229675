"""Slow readers: real sockets, small limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq
from deepsim_client.wire import NOBODY, Frame, Message, decode, new_id
from deepsim_server.outbox import Outbox

from tests.server.conftest import until

SIDE = 64
PIXELS = bytes(SIDE * SIDE * 4)


class Pair:
    """An engine's socket and a client's that reads when it is told to."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.router_mandatory = True
        self.router.sndhwm = 1
        self.router.sndbuf = 4096
        self.dealer = self.context.socket(zmq.DEALER)
        self.dealer.rcvhwm = 1
        self.dealer.rcvbuf = 4096
        port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.dealer.connect(f"tcp://127.0.0.1:{port}")
        self.dealer.send(b"here")
        self.peer = self.router.recv_multipart()[0]

    def fill(self, outbox: Outbox) -> None:
        """Send until the socket takes no more."""
        while outbox.empty:
            outbox.send(self.peer, result(new_id()))

    def read_all(self, outbox: Outbox) -> list[Message]:
        """What the client gets when it reads again."""
        found = []
        while not outbox.empty or self.dealer.poll(500):
            outbox.flush()
            if self.dealer.poll(100):
                found.append(decode(self.dealer.recv_multipart()))
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.context.destroy(linger=0)


def result(id: str) -> Message:
    """A large reply."""
    return Message("result", id, {}, (Frame("image", (SIDE, SIDE, 4), "uint8", PIXELS),))


def test_of_progress_only_the_newest_waits(pair: Pair) -> None:
    outbox = Outbox(pair.router)
    pair.fill(outbox)
    job = new_id()
    for step in range(1000):
        outbox.send(pair.peer, Message("progress", job, {"step": step}))
    assert outbox.waiting_bytes < 3 * len(PIXELS)
    steps = [m.body["step"] for m in pair.read_all(outbox) if m.kind == "progress"]
    assert steps == [999]
    assert outbox.waiting_bytes == 0


def test_a_result_that_does_not_fit_is_replaced_by_a_sentence(pair: Pair) -> None:
    outbox = Outbox(pair.router, max_waiting=4 * len(PIXELS))
    pair.fill(outbox)
    asked = [new_id() for _ in range(8)]
    for id in asked:
        outbox.send(pair.peer, result(id))
        assert outbox.waiting_bytes <= 4 * len(PIXELS)
    got = {message.id: message for message in pair.read_all(outbox)}
    assert set(asked) <= set(got)  # everybody hears something
    dropped = [id for id in asked if got[id].kind == "error"]
    assert dropped
    assert got[dropped[0]].body["code"] == "dropped"
    assert got[asked[-1]].kind == "result"


def test_small_replies_are_bounded_and_who_waits_is_told_to_ask_again(pair: Pair) -> None:
    """One message for all that were dropped, so that nobody waits for ever."""
    outbox = Outbox(pair.router, max_messages=10)
    pair.fill(outbox)
    sent = [new_id() for _ in range(100)]
    for id in sent:
        outbox.send(pair.peer, Message("result", id, {"state": "."}))
    heard = [m for m in pair.read_all(outbox) if m.kind == "error" or not m.frames]
    assert [m.id for m in heard if m.id in sent] == sent[-9:]
    assert [(m.id, m.body["code"]) for m in heard if m.id not in sent] == [(NOBODY, "dropped")]


def test_progress_is_dropped_before_what_somebody_waits_for(pair: Pair) -> None:
    outbox = Outbox(pair.router, max_messages=10)
    pair.fill(outbox)
    results, trainings = [new_id() for _ in range(9)], [new_id() for _ in range(100)]
    for id in results:
        outbox.send(pair.peer, Message("result", id, {}))
    for id in trainings:
        outbox.send(pair.peer, Message("progress", id, {"step": 1}))
    heard = [m.id for m in pair.read_all(outbox)]
    assert [id for id in heard if id in results] == results
    assert NOBODY not in heard


def test_all_clients_together_are_bounded(pair: Pair) -> None:
    outbox = Outbox(pair.router, max_waiting_all=3 * len(PIXELS))
    pair.fill(outbox)
    for _ in range(10):
        outbox.send(pair.peer, result(new_id()))
    assert outbox.waiting_bytes <= 3 * len(PIXELS)


def test_a_client_that_vanished_leaves_nothing(pair: Pair) -> None:
    outbox = Outbox(pair.router)
    pair.fill(outbox)
    pair.dealer.close(0)
    until(lambda: outbox.flush() or outbox.empty)
