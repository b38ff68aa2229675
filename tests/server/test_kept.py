"""Drawings of which only what changed is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from deepsim_client import Frame, Message
from deepsim_client.wire import decode, encode, new_id
from deepsim_server.kept import BaseLostError, KeptDrawings
from hypothesis import given
from hypothesis import strategies as st

from deepsim_engine.errors import InputError
from tests.server.conftest import Engine, ask, frame, pair, pixels, segments_frame, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from deepsim_client import EngineClient, Reply

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


def kept(drawings: KeptDrawings, document: str = "car", side: int = SIDE) -> Message:
    """A drawing that was sent whole and stays there; its request."""
    message = sent({"keep": True, "document": document}, *frames(drawing(side)))
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
        found = drawings.whole(sent({"base": base.id, "places": places}, *parts))
        assert all(np.array_equal(found[n], now[n]) for n in now)
    same = drawings.whole(sent({"base": base.id}))
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
        drawings.whole(sent({**body, "base": base.id}, *more))
    assert not isinstance(refused.value, BaseLostError)


def lost(drawings: KeptDrawings, base: Message) -> bool:
    """Whether nothing can be built upon a drawing any more."""
    try:
        drawings.whole(sent({"base": base.id}))
    except BaseLostError:
        return True
    return False


def test_of_each_document_the_newest_drawing_is_kept() -> None:
    drawings = KeptDrawings(60.0)
    first, other, second = kept(drawings), kept(drawings, "cat"), kept(drawings)
    assert (lost(drawings, first), lost(drawings, other), lost(drawings, second)) == (1, 0, 0)


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
def apply(client: EngineClient) -> Callable[..., Reply]:
    """Asks the engine to apply a model that it has."""
    body = {"preset": "instant", "name": "Kept"}
    model = ask(client, "train", body, pair()).body["model"]["id"]

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
