"""Messages that no client would send: valid ones, damaged in the ways that damage happens."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from deepsim_client.wire import PROTOCOL, new_id

from tests.server.conftest import RawClient

SIDE = 16
KINDS = ("hello", "ping", "status", "models", "cancel", "attach", "apply", "edges", "segment")
"""What is damaged; no training and no shutdown, which would be done if they came through whole."""

_ODD = (
    None, True, -1, 0, 2**31, 2**63, 2**200, 1e308, "", "x", "\x00", "../../etc/passwd", "é" * 99,
    [], {}, [[]], {"a": {}}, [1, 2, 3], "0" * 32,
)  # fmt: skip


def valid(rng: random.Random) -> list[bytes]:
    """A message of the format, of a kind that costs the engine little."""
    kind = rng.choice(KINDS)
    frames, data = [], []
    if kind in ("apply", "edges", "segment", "ping"):
        frames = [{"name": "image", "shape": [SIDE, SIDE, 3], "dtype": "uint8"}]
        data = [bytes(SIDE * SIDE * 3)]
    body = {"job": new_id()} if kind in ("cancel", "attach", "apply") else {}
    header = {"protocol": PROTOCOL, "id": new_id(), "kind": kind, "body": body, "frames": frames}
    return [json.dumps(header).encode(), *data]


def alive(raw: RawClient) -> None:
    """The engine still answers this connection: a ping comes back behind all that came before."""
    rid = new_id()
    header = {"protocol": PROTOCOL, "id": rid, "kind": "ping", "body": {}, "frames": []}
    raw.say([json.dumps(header).encode()])
    while True:
        heard = raw.hear(120)
        assert heard is not None, "no answer"
        if heard.id == rid:
            return


def mutated(rng: random.Random) -> list[bytes]:
    """A valid message with one to three kinds of damage."""
    parts = valid(rng)
    for _ in range(rng.randint(1, 3)):
        parts = rng.choice(_DAMAGES)(rng, parts)
    return parts or [b""]


def _flip(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    which = rng.randrange(len(parts)) if parts else 0
    if not parts or not parts[which]:
        return [rng.randbytes(rng.randint(0, 64))]
    changed = bytearray(parts[which])
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return [*parts[:which], bytes(changed), *parts[which + 1 :]]


def _cut(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    which = rng.randrange(len(parts)) if parts else 0
    return [
        part[: rng.randint(0, len(part))] if i == which else part for i, part in enumerate(parts)
    ]


def _insert(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    place = rng.randint(0, len(parts))
    return [*parts[:place], rng.randbytes(rng.choice((0, 1, 9, 1000))), *parts[place:]]


def _drop(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    which = rng.randrange(len(parts)) if parts else 0
    return parts[:which] + parts[which + 1 :]


def _replace_a_value(rng: random.Random, parts: list[bytes]) -> list[bytes]:
    """One field of the header, of the body or of a frame becomes something odd."""
    try:
        header = json.loads(parts[0])
        places = [header, header["body"], *header["frames"]]
        place = rng.choice([each for each in places if isinstance(each, dict)])
        keys = [*place, "regions", "sigma", "model", "action", "wait", "document"]
        key = rng.choice([k for k in keys if k != "kind" or place is not header])
        place[key] = rng.choice(_ODD)
        return [json.dumps(header).encode(), *parts[1:]]
    except (ValueError, LookupError, TypeError):
        return parts


_DAMAGES: tuple[Callable[[random.Random, list[bytes]], list[bytes]], ...] = (
    _flip,
    _cut,
    _insert,
    _drop,
    _replace_a_value,
    _replace_a_value,
)


def raw_bytes(rng: random.Random) -> bytes:
    """For the bare TCP port: noise, a greeting of ZMTP that goes wrong, another protocol."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE".ljust(55, b"\x00")
    return rng.choice(
        (
            rng.randbytes(rng.randint(1, 300)),
            greeting + rng.randbytes(rng.randint(0, 300)),
            greeting[: rng.randint(1, len(greeting))],
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"\x16\x03\x01" + rng.randbytes(200),
            greeting.replace(b"CURVE", b"NULL\0") + b"\x04\x26\x05READY",
        )
    )
