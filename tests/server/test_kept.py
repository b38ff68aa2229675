"""Drawings of which only what changed is sent."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
import zmq.auth
from deepsim_client import EngineClient, Frame, Message
from deepsim_client.wire import decode, encode, new_id
from deepsim_server.folders import Folders
from deepsim_server.kept import BaseLostError, KeptDrawings
from deepsim_server.keys import ClientKeys
from deepsim_server.small import MAX_IN_HAND
from hypothesis import given
from hypothesis import strategies as st

from deepsim_engine.errors import InputError
from tests.server.conftest import (
    PATIENCE,
    Engine,
    ask,
    frame,
    image_frame,
    pair,
    pixels,
    segments_frame,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deepsim_client import Reply

SIDE = 12
PLACE = st.integers(0, SIDE - 1)
EDIT = st.tuples(st.sampled_from(["segments", "edges"]), PLACE, PLACE, st.integers(1, SIDE))


def sent(body: dict[str, Any], *frames: Frame) -> Message:
    """A request as the worker gets it."""
    return decode([bytes(part) for part in encode(Message("apply", new_id(), body, frames))])


def drawing(side: int = SIDE) -> dict[str, np.ndarray]:
    """Two layers of some pixels."""
    rng = np.random.default_rng(5)
    return {name: rng.integers(0, 256, (side, side, 4), np.uint8) for name in ("segments", "edges")}


def frames(layers: dict[str, np.ndarray]) -> list[Frame]:
    """Layers as they are sent."""
    return [frame(name, layer) for name, layer in layers.items()]


def kept(
    drawings: KeptDrawings, document: str = "car", side: int = SIDE, client: str = "me"
) -> Message:
    """A drawing that was sent whole and stays there; its request."""
    body = {"keep": True, "document": document, "client": client}
    message = sent(body, *frames(drawing(side)))
    assert drawings.keep(message, drawings.whole(message))
    return message


@given(st.lists(EDIT, max_size=6))
def test_a_drawing_put_together_of_parts_is_the_one_sent_whole(
    edits: list[tuple[str, int, int, int]],
) -> None:
    drawings, now = KeptDrawings(60.0), drawing()
    base, boxes = kept(drawings), dict[str, tuple[int, int, int, int]]()
    for shade, (name, left, top, size) in enumerate(edits):
        now[name][top : top + size, left : left + size] = 40 * shade
        one, two, right, bottom = boxes.get(name, (left, top, 0, 0))
        right, bottom = max(right, left + size), max(bottom, top + size)
        boxes[name] = (min(one, left), min(two, top), min(right, SIDE), min(bottom, SIDE))
        cut = {n: now[n][t:b, s:r] for n, (s, t, r, b) in boxes.items()}
        places = {n: [s, t] for n, (s, t, _, _) in boxes.items()}
        parts = [frame(f"{n}-part", part) for n, part in cut.items()]
        body = {"base": base.id, "places": places, "client": "me"}
        found = drawings.whole(sent(body, *parts))
        assert all(np.array_equal(found[n], now[n]) for n in now)
    same = drawings.whole(sent({"base": base.id, "client": "me"}))
    assert all(np.array_equal(same[n], drawing()[n]) for n in now)


PART = frame("segments-part", np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ({"places": {"segments": [SIDE - 2, 0]}}, [PART]),
        ({"places": {"segments": [0, SIDE - 1]}}, [PART]),
        ({"places": {"segments": [-1, 0]}}, [PART]),
        ({"places": {"segments": [0, 0, 0]}}, [PART]),
        ({"places": {"segments": [0, 0.5]}}, [PART]),
        ({"places": [0, 0]}, [PART]),
        ({}, [PART]),
        ({"places": {"segments": [0, 0]}}, [frame("segments-part", np.zeros((2, 3, 3)))]),
        ({"places": {"painting": [0, 0]}}, [frame("painting-part", np.zeros((2, 3, 4)))]),
        ({}, frames(drawing())),
    ],
)
def test_parts_that_do_not_fit_are_refused(body: dict[str, Any], more: list[Frame]) -> None:
    drawings = KeptDrawings(60.0)
    base = kept(drawings)
    with pytest.raises(InputError) as refused:
        drawings.whole(sent({**body, "base": base.id, "client": "me"}, *more))
    assert not isinstance(refused.value, BaseLostError)


def lost(drawings: KeptDrawings, base: Message, client: str = "me") -> bool:
    """Whether a client can build nothing upon a drawing, or nothing any more."""
    try:
        drawings.whole(sent({"base": base.id, "client": client}))
    except BaseLostError:
        return True
    return False


def test_of_each_document_the_newest_drawing_is_kept() -> None:
    drawings = KeptDrawings(60.0)
    first, other, second = kept(drawings), kept(drawings, "cat"), kept(drawings)
    assert (lost(drawings, first), lost(drawings, other), lost(drawings, second)) == (1, 0, 0)


def test_clients_do_not_meet_each_others_drawings_of_a_document() -> None:
    drawings = KeptDrawings(60.0)
    mine, theirs = kept(drawings), kept(drawings, client="they")
    assert (lost(drawings, mine), lost(drawings, theirs, "they")) == (False, False)
    assert (lost(drawings, mine, "they"), lost(drawings, theirs)) == (True, True)


def test_no_more_is_kept_than_there_is_room_for() -> None:
    one = 2 * SIDE * SIDE * 4
    drawings = KeptDrawings(60.0, max_bytes=3 * one, max_drawings=2)
    few = [kept(drawings, name) for name in "abc"]
    assert [lost(drawings, base) for base in few] == [True, False, False]
    large = sent({"keep": True, "document": "d"}, *frames(drawing(2 * SIDE)))
    assert not drawings.keep(large, drawings.whole(large))
    assert (len(drawings), drawings.bytes) == (2, 2 * one)


def test_what_nobody_builds_upon_is_forgotten() -> None:
    now = [0.0]
    drawings = KeptDrawings(60.0, clock=lambda: now[0])
    used, idle = kept(drawings, "used"), kept(drawings, "idle")
    now[0] = 40.0
    assert not lost(drawings, used)
    now[0] = 70.0
    drawings.forget_idle()
    assert (lost(drawings, used), lost(drawings, idle)) == (False, True)


# ---- with a real engine


@pytest.fixture
def model(client: EngineClient) -> str:
    """A model that the engine has."""
    body = {"preset": "instant", "name": "Kept"}
    return str(ask(client, "train", body, pair()).body["model"]["id"])


@pytest.fixture
def apply(client: EngineClient, model: str) -> Callable[..., Reply]:
    """Asks the engine to apply that model."""

    def asked(body: dict[str, Any], *frames: Frame, rid: str | None = None) -> Reply:
        body = {"model": model, "crop": True, "document": "car", **body}
        return ask(client, "apply", body, list(frames), rid=rid)

    return asked


def test_the_engine_makes_the_same_of_a_part_as_of_the_whole(apply: Callable[..., Reply]) -> None:
    rid = new_id()
    first = apply({"keep": True}, segments_frame(), rid=rid)
    assert first.body["kept"] is True
    moved = segments_frame(shift=5)
    part = frame("segments-part", pixels(moved)[10:, 8:])
    in_parts = apply({"base": rid, "places": {"segments": [8, 10]}}, part)
    whole = apply({}, moved)
    assert in_parts.kind == "result", in_parts.body
    assert "kept" not in whole.body
    assert in_parts.body["box"] == whole.body["box"] != first.body["box"]
    assert np.array_equal(pixels(in_parts.frame("image")), pixels(whole.frame("image")))


@pytest.fixture
def stroke(client: EngineClient, model: str) -> Callable[..., str]:
    """Asks the same without waiting for the answer; gives the request's id."""

    def asked(body: dict[str, Any], *frames: Frame) -> str:
        body = {"model": model, "crop": True, "document": "car", **body}
        return client.request("apply", body, list(frames))

    return asked


@contextmanager
def busy_worker(shared: Engine, client: EngineClient, requests: int) -> Iterator[None]:
    """A worker that answers nothing, as if it computed for long, and has so much to do."""
    worker = shared.worker()
    worker.suspend()
    try:
        for _ in range(requests):
            client.request("edges", {}, [image_frame()])
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            worker.resume()


@pytest.mark.parametrize("before", [0, MAX_IN_HAND], ids=["in hand", "not yet in hand"])
def test_what_a_superseded_request_brought_is_built_upon(
    before: int,
    shared: Engine,
    client: EngineClient,
    stroke: Callable[..., str],
    apply: Callable[..., Reply],
) -> None:
    moved, corner = segments_frame(shift=5), {"places": {"segments": [8, 10]}}
    part = frame("segments-part", pixels(moved)[10:, 8:])
    with busy_worker(shared, client, before):
        base = stroke({"keep": True}, segments_frame())
        whole = stroke({}, segments_frame(shift=2))
        first = client.wait(base, PATIENCE)
        assert (first.body["code"], first.body["kept"]) == ("superseded", True)
        parts = [stroke({"base": base, **corner}, part) for _ in range(3)]
        for overtaken in (whole, *parts[:-1]):
            reply = client.wait(overtaken, PATIENCE)
            assert reply.body["code"] == "superseded"
            assert "kept" not in reply.body
    newest = client.wait(parts[-1], PATIENCE)
    assert newest.kind == "result", newest.body
    assert np.array_equal(pixels(newest.frame("image")), pixels(apply({}, moved).frame("image")))
    assert apply({"base": base, **corner}, part).kind == "result"


def test_a_newer_drawing_that_is_to_be_kept_takes_the_place_of_a_superseded_one(
    shared: Engine, client: EngineClient, stroke: Callable[..., str], apply: Callable[..., Reply]
) -> None:
    with busy_worker(shared, client, 0):
        first = stroke({"keep": True}, segments_frame())
        stroke({}, segments_frame(shift=1))
        assert client.wait(first, PATIENCE).body["kept"] is True
        second = stroke({"keep": True}, segments_frame(shift=2))
        third = stroke({"keep": True}, segments_frame(shift=3))
        reply = client.wait(second, PATIENCE)
        assert reply.body["code"] == "superseded"
        assert "kept" not in reply.body
    assert client.wait(third, PATIENCE).body["kept"] is True
    codes = [apply({"base": base}).body.get("code") for base in (first, second, third)]
    assert codes == ["base-lost", "base-lost", None]


def test_a_client_with_another_key_does_not_meet_what_this_one_drew(
    shared: Engine, model: str, apply: Callable[..., Reply]
) -> None:
    key = ClientKeys(Folders(shared.data, shared.data / "run")).add("other", None)
    assert key is not None
    other = EngineClient(replace(shared.location, client_key=key), start_engine=False)
    try:
        mine, theirs = new_id(), new_id()
        body = {"model": model, "document": "car"}
        apply({"keep": True}, segments_frame(), rid=mine)
        # Also where it says that it is the other one.
        first = str(zmq.auth.load_certificate(shared.location.client_key)[0], "ascii")
        for base in ({"base": mine}, {"base": mine, "client": first}):
            assert ask(other, "apply", {**body, **base}).body["code"] == "base-lost"
        ask(other, "apply", {**body, "keep": True}, [segments_frame(shift=3)], rid=theirs)
        assert apply({"base": theirs}).body["code"] == "base-lost"
        assert apply({"base": mine}).kind == "result"
        assert ask(other, "apply", {**body, "base": theirs}).kind == "result"
    finally:
        other.close()
        ClientKeys(Folders(shared.data, shared.data / "run")).revoke("other")


def test_what_the_worker_had_in_hand_when_it_died_asks_for_the_whole_drawing(
    shared: Engine, client: EngineClient, stroke: Callable[..., str], apply: Callable[..., Reply]
) -> None:
    base = new_id()
    apply({"keep": True}, segments_frame(), rid=base)
    with busy_worker(shared, client, 0):
        asked = stroke({"base": base})
        client.wait(client.request("ping"), PATIENCE)  # the engine has it
        shared.worker().kill()
    assert client.wait(asked, PATIENCE).body["code"] == "base-lost"
    assert apply({"base": base}).body["code"] == "base-lost"
    again = apply({"keep": True}, segments_frame())
    assert again.body["kept"] is True


def test_it_says_when_it_has_the_drawing_before_no_more(
    apply: Callable[..., Reply], shared: Engine
) -> None:
    assert apply({"base": new_id()}).body["code"] == "base-lost"
    rid = new_id()
    apply({"keep": True}, segments_frame(), rid=rid)
    assert apply({"base": rid}).kind == "result"
    worker = shared.worker()
    worker.kill()
    until(lambda: not psutil.pid_exists(worker.pid), *shared.clients)
    until(lambda: len(shared.process().children()) == 1, *shared.clients)
    assert apply({"base": rid}).body["code"] == "base-lost"
