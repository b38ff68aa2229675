"""The wire format: one JSON header, then raw pixel frames. This is its only definition.

A message is a list of parts. The first is a JSON object in UTF-8 (at most 64 KiB):

    {"protocol": 1, "id": "<32 hex digits>", "kind": "train", "body": {...},
     "frames": [{"name": "image", "shape": [height, width, 4], "dtype": "uint8"}, ...]}

and each entry of "frames" describes one following part: pixels, rows from top to bottom, 8 bits a
channel, 1 (a mask: 0 to 255), 3 (RGB) or 4 (RGBA, straight alpha) channels. Unknown header fields
are ignored, so that newer programs may add some. Every limit is checked against the header and the
lengths of the parts before anything of that size is allocated.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, NoReturn, Sequence, Union

PROTOCOL = 1
MAX_HEADER_BYTES = 64 * 1024
MAX_FRAMES = 8
MAX_SIDE = 32768
"""Longest side of a picture, in pixels."""
MAX_FRAME_BYTES = 1 << 29
"""Largest frame: 512 MiB, an RGBA picture of about 11 500 pixels square."""
MAX_MESSAGE_BYTES = 1 << 31
"""All frames of a message together: 2 GiB, four of the largest pictures."""
DTYPE = "uint8"
FINAL_KINDS = frozenset({"result", "error"})
"""Kinds of replies after which nothing more comes for a request."""

NOBODY = "0" * 32
"""The id of replies that answer no request in particular: an error about a message whose own id
could not be read, or, with the code "dropped", the news that answers to this client were dropped
because it did not read them in time; it then asks again for all that it still waits for."""

Buffer = Union[bytes, bytearray, memoryview]

_ID = re.compile(r"[0-9a-f]{32}\Z")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


class WireError(Exception):
    """A message breaks the format; the text is one sentence.

    Attributes:
        id: the request's id where it could be read, so that an answer can be sent.
    """

    def __init__(self, sentence: str, id: str | None = None) -> None:
        super().__init__(sentence)
        self.id = id


@dataclass(frozen=True)
class Frame:
    """Named pixels: `shape` (height, width, 1, 3 or 4), `dtype` "uint8", `data` that many bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: Buffer = field(repr=False)


@dataclass(frozen=True)
class Message:
    """One message; `body` is whatever JSON object the kind asks for."""

    kind: str
    id: str
    body: dict[str, Any] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    protocol: int = PROTOCOL

    def frame(self, name: str) -> Frame | None:
        """The frame of that name, or None."""
        for frame in self.frames:
            if frame.name == name:
                return frame
        return None

    @property
    def final(self) -> bool:
        """Whether a reply of this kind is the last one of its request."""
        return self.kind in FINAL_KINDS


def new_id() -> str:
    """A fresh request id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def is_id(value: object) -> bool:
    """Whether `value` is a well-formed request id."""
    return isinstance(value, str) and _ID.match(value) is not None


def encode(message: Message) -> list[Buffer]:
    """The parts of `message`: the header, then each frame's data (not copied).

    Raises:
        WireError: when the message breaks a limit or a frame's data does not fit its shape.
    """
    if not is_id(message.id):
        raise WireError("A message needs an id of 32 hexadecimal digits.")
    header = {
        "protocol": message.protocol,
        "id": message.id,
        "kind": message.kind,
        "body": message.body,
        "frames": [
            {"name": frame.name, "shape": list(frame.shape), "dtype": frame.dtype}
            for frame in message.frames
        ],
    }
    try:
        text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(
            f"The body of the message is not plain JSON: {error}.", message.id
        ) from None
    if len(data) > MAX_HEADER_BYTES:
        raise WireError(_too_long(len(data)), message.id)
    _check_word(message.kind, "kind", message.id)
    described = _frame_table(header["frames"], message.id)
    _check_lengths(described, [frame.data for frame in message.frames], message.id)
    return [data, *(frame.data for frame in message.frames)]


def decode(parts: Sequence[Buffer]) -> Message:
    """The message in `parts`; frames refer to the given buffers, nothing large is copied.

    Raises:
        WireError: with one sentence, and the request's id where it could be read.
    """
    if not parts:
        raise WireError("The message is empty: its first part must be a JSON header.")
    header = _header(parts[0])
    found = header.get("id")
    id = found if is_id(found) else None
    protocol = header.get("protocol")
    if type(protocol) is not int or protocol != PROTOCOL:
        raise WireError(
            f"This side speaks protocol {PROTOCOL} and the message says"
            f" {json.dumps(protocol):.40}: update the older of plugin and engine.",
            id,
        )
    if id is None:
        raise WireError("The message has no id of 32 hexadecimal digits.")
    kind = _check_word(header.get("kind"), "kind", id)
    body = header.get("body", {})
    if not isinstance(body, dict):
        raise WireError("The body of the message is not a JSON object.", id)
    described = _frame_table(header.get("frames", []), id)
    _check_lengths(described, parts[1:], id)
    frames = tuple(
        Frame(name, shape, DTYPE, data) for (name, shape), data in zip(described, parts[1:])
    )
    return Message(kind, id, body, frames, protocol)


def _header(data: Buffer) -> dict[str, Any]:
    size = memoryview(data).nbytes
    if size > MAX_HEADER_BYTES:
        raise WireError(_too_long(size))
    try:
        header = json.loads(bytes(data).decode("utf-8"), parse_constant=_no_constant)
        # A lone surrogate, written as an escape, could not be stored or sent on.
        json.dumps(header, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise WireError("The header of the message is not JSON in UTF-8.") from None
    if not isinstance(header, dict):
        raise WireError("The header of the message is not a JSON object.")
    return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _too_long(size: int) -> str:
    return f"The header of the message has {size} bytes; at most {MAX_HEADER_BYTES} are allowed."


def _check_word(value: object, what: str, id: str | None) -> str:
    if not isinstance(value, str) or not _WORD.match(value):
        raise WireError(f"The {what} of the message is not a short lower-case word.", id)
    return value


def _frame_table(table: object, id: str) -> list[tuple[str, tuple[int, ...]]]:
    if not isinstance(table, list):
        raise WireError("The list of frames in the header is not a list.", id)
    if len(table) > MAX_FRAMES:
        raise WireError(
            f"The message has {len(table)} frames; at most {MAX_FRAMES} are allowed.", id
        )
    described: list[tuple[str, tuple[int, ...]]] = []
    for entry in table:
        if not isinstance(entry, dict):
            raise WireError("A frame in the header is not a JSON object.", id)
        name = _check_word(entry.get("name"), "name of a frame", id)
        if any(name == other for other, _ in described):
            raise WireError(f"The message has two frames named {name}.", id)
        if entry.get("dtype") != DTYPE:
            raise WireError(f"The frame {name} has another type than {DTYPE}.", id)
        described.append((name, _shape(name, entry.get("shape"), id)))
    if sum(height * width * channels for _, (height, width, channels) in described) > (
        MAX_MESSAGE_BYTES
    ):
        raise WireError(
            f"The frames of the message hold more than {MAX_MESSAGE_BYTES >> 20} MiB together.", id
        )
    return described


def _shape(name: str, shape: object, id: str) -> tuple[int, ...]:
    if (
        not isinstance(shape, list)
        or len(shape) != 3
        or any(type(value) is not int for value in shape)
        or shape[2] not in (1, 3, 4)
    ):
        raise WireError(f"The shape of the frame {name} is not [height, width, 1, 3 or 4].", id)
    height, width, channels = shape
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise WireError(
            f"The frame {name} is too large or empty: each side must be 1 to {MAX_SIDE} pixels.",
            id,
        )
    if height * width * channels > MAX_FRAME_BYTES:
        raise WireError(
            f"The frame {name} is {width} x {height} pixels, more than the"
            f" {MAX_FRAME_BYTES >> 20} MiB one frame may hold.",
            id,
        )
    return height, width, channels


def _check_lengths(
    described: Sequence[tuple[str, tuple[int, ...]]], data: Sequence[Buffer], id: str
) -> None:
    if len(described) != len(data):
        raise WireError(f"The header describes {len(described)} frames and {len(data)} came.", id)
    for (name, (height, width, channels)), buffer in zip(described, data):
        size = memoryview(buffer).nbytes
        if size != height * width * channels:
            raise WireError(
                f"The frame {name} has {size} bytes where its shape [{height}, {width},"
                f" {channels}] needs {height * width * channels}.",
                id,
            )
