"""Two thousand wrong messages, and raw bytes on the port: no crash, no hang, all is answered."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from typing import TYPE_CHECKING

from deepsim_client.wire import new_id
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.conftest import Engine, RawClient, ask
from tests.server.fuzzing import KINDS, alive, mutated, raw_bytes

if TYPE_CHECKING:
    from deepsim_client import EngineClient

MUTATED, MADE_UP, RAW = 1400, 500, 100


def test_mutated_messages(shared: Engine, raw: RawClient) -> None:
    process, worker = shared.process(), shared.worker().pid
    rng = random.Random(4)  # noqa: S311
    for number in range(MUTATED):
        raw.say(mutated(rng))
        if number % 50 == 49:
            alive(raw)
    assert shared.process() == process
    assert shared.worker().pid == worker
    assert "Traceback" not in shared.log()


def test_made_up_messages(shared: Engine, raw: RawClient) -> None:
    process = shared.process()
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
    bodies = st.dictionaries(
        st.sampled_from(["job", "model", "action", "regions", "sigma", "wait", "name"]), values
    )
    frames = st.lists(st.fixed_dictionaries({"name": values, "shape": values}) | values, max_size=2)

    @settings(
        max_examples=MADE_UP,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(KINDS), bodies | values, frames | values, st.lists(st.binary()))
    def say(kind: str, body: object, table: object, data: list[bytes]) -> None:
        header = {"protocol": 1, "id": new_id(), "kind": kind, "body": body, "frames": table}
        raw.say([json.dumps(header).encode(), *data])
        alive(raw)

    say()
    assert shared.process() == process
    assert "Traceback" not in shared.log()


def test_raw_bytes_on_the_port(shared: Engine, client: EngineClient) -> None:
    process = shared.process()
    host, _, port = shared.connection["endpoint"].removeprefix("tcp://").rpartition(":")
    rng = random.Random(5)  # noqa: S311
    for _ in range(RAW):
        with (
            socket.create_connection((host, int(port)), timeout=30) as line,
            contextlib.suppress(OSError),  # it may hang up in the middle: that is its right
        ):
            line.sendall(raw_bytes(rng))
    assert ask(client, "status").kind == "result"
    assert shared.process() == process
