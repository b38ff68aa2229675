"""The wire format: what goes in comes out; what is not of the format is refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deepsim_client.wire import (
    MAX_FRAME_BYTES,
    MAX_FRAMES,
    MAX_HEADER_BYTES,
    PROTOCOL,
    Frame,
    Message,
    WireError,
    decode,
    encode,
    new_id,
)
from hypothesis import given, settings
from hypothesis import strategies as st

words = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def frames(draw: st.DrawFn) -> list[Frame]:
    names = draw(st.lists(words, max_size=MAX_FRAMES, unique=True))
    made = []
    for name in names:
        shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 3, 4])))
        size = shape[0] * shape[1] * shape[2]
        made.append(Frame(name, shape, "uint8", draw(st.binary(min_size=size, max_size=size))))
    return made


messages = st.builds(
    Message,
    kind=words,
    id=st.builds(new_id),
    body=st.dictionaries(texts, json_values, max_size=4),
    frames=frames().map(tuple),
)


def header(**changes: Any) -> bytes:
    """A header that is right but for the changes."""
    right = {"protocol": PROTOCOL, "id": new_id(), "kind": "hello", "body": {}, "frames": []}
    return json.dumps({**right, **changes}).encode()


def described(*shape: Any, **changes: Any) -> dict[str, Any]:
    """A frame as a header describes it."""
    return {"name": "image", "shape": list(shape), "dtype": "uint8", **changes}


@given(messages)
def test_a_message_survives_the_way(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_frames_are_not_copied(message: Message) -> None:
    parts = encode(message)
    assert all(part is frame.data for part, frame in zip(parts[1:], message.frames, strict=True))


@settings(max_examples=1000)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_garbage_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(WireError) as refused:
        decode(parts)
    assert str(refused.value).endswith(".")


@settings(max_examples=400)
@given(messages, st.data())
def test_a_damaged_message_is_refused_or_still_of_the_format(
    message: Message, data: st.DataObject
) -> None:
    parts = [bytearray(part) for part in encode(message)]
    victim = data.draw(st.integers(0, len(parts) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "grow", "drop", "double"]))
    if change == "flip" and parts[victim]:
        place = data.draw(st.integers(0, len(parts[victim]) - 1))
        parts[victim][place] ^= 1 << data.draw(st.integers(0, 7))
    elif change == "cut":
        del parts[victim][data.draw(st.integers(0, len(parts[victim]))) :]
    elif change == "grow":
        parts[victim] += data.draw(st.binary(min_size=1, max_size=9))
    elif change == "drop":
        del parts[victim]
    else:
        parts.append(parts[victim])
    try:
        found = decode(parts)
    except WireError as refused:
        assert str(refused).endswith(".")
    else:
        encode(found)


@given(st.dictionaries(texts, json_values, max_size=6))
def test_any_json_object_is_taken_or_refused_in_a_sentence(content: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        decode([json.dumps(content).encode()])


WRONG = {
    "other protocol": ([header(protocol=2)], "protocol 1"),
    "protocol as text": ([header(protocol="1")], "protocol"),
    "protocol true": ([header(protocol=True)], "protocol"),
    "short id": ([header(id="12")], "id"),
    "kind": ([header(kind="Hello World")], "kind"),
    "body": ([header(body=3)], "body"),
    "frames": ([header(frames={})], "list"),
    "too many frames": ([header(frames=[described(1, 1, 3)] * 9)], "9 frames"),
    "frame twice": ([header(frames=[described(1, 1, 3)] * 2)], "two frames"),
    "channels": ([header(frames=[described(1, 1, 2)]), b"12"], "shape"),
    "no channels": ([header(frames=[described(1, 1, 0)]), b""], "shape"),
    "flat": ([header(frames=[described(1, 3)]), b"123"], "shape"),
    "side zero": ([header(frames=[described(0, 1, 3)]), b""], "empty"),
    "side negative": ([header(frames=[described(-1, -1, 3)]), b"123"], "empty"),
    "side true": ([header(frames=[described(True, 1, 3)]), b"123"], "shape"),
    "side enormous": ([header(frames=[described(10**9, 10**9, 4)]), b""], "too large"),
    "frame enormous": ([header(frames=[described(30000, 30000, 4)]), b""], "512 MiB"),
    "frames together enormous": (
        [header(frames=[described(11000, 11000, 4, name=f"f{i}") for i in range(5)])],
        "2048 MiB together",
    ),
    "type": ([header(frames=[described(1, 1, 3, dtype="float32")]), b"123"], "uint8"),
    "missing frame": ([header(frames=[described(1, 1, 3)])], "0 came"),
    "frame too short": ([header(frames=[described(2, 2, 3)]), b"123"], "needs 12"),
    "not JSON": ([b"hello"], "JSON"),
    "deep": ([b"[" * 60000], "JSON"),
    "lone surrogate": ([header(kind="hello", body={"a": "\ud800"})], "JSON"),
    "not a number": ([b'{"protocol": NaN}'], "JSON"),
    "long header": ([b" " * (MAX_HEADER_BYTES + 1)], "at most 65536"),
    "nothing": ([], "empty"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case: str) -> None:
    parts, said = WRONG[case]
    with pytest.raises(WireError, match=said) as refused:
        decode(parts)
    assert str(refused.value).endswith(".")


def test_the_id_is_told_where_it_could_be_read() -> None:
    id = new_id()
    with pytest.raises(WireError) as refused:
        decode([header(id=id, kind=7)])
    assert refused.value.id == id


def test_unknown_fields_are_ignored() -> None:
    assert decode([header(colour="red")]).kind == "hello"


def test_limits_hold_when_sending_too() -> None:
    with pytest.raises(WireError, match="at most"):
        encode(Message("hello", new_id(), {"text": "x" * MAX_HEADER_BYTES}))
    with pytest.raises(WireError, match="needs 12"):
        encode(Message("edges", new_id(), {}, (Frame("image", (2, 2, 3), "uint8", b"1"),)))
    with pytest.raises(WireError, match="512 MiB"):
        side = int((MAX_FRAME_BYTES / 3) ** 0.5) + 2
        encode(Message("edges", new_id(), {}, (Frame("image", (side, side, 3), "uint8", b""),)))
    with pytest.raises(WireError, match="plain JSON"):
        encode(Message("hello", new_id(), {"set": {1, 2}}))
