"""Files over the wire, a piece at a time, as frames of one channel.

`rows` holds rows of 32 768 bytes, and `rest` what is left.
"""

from __future__ import annotations

from typing import Protocol

from .wire import MAX_SIDE, Frame

PIECE = 4 << 20
"""Bytes of a piece, at most."""


class HasFrames(Protocol):
    """A message or a reply."""

    def frame(self, name: str) -> Frame | None:
        """The frame of that name, or None."""


def frames_of(piece: bytes) -> tuple[Frame, ...]:
    """A piece of a file as frames, which refer to it; none for an empty one."""
    rows, rest = divmod(len(piece), MAX_SIDE)
    whole, frames = memoryview(piece), []
    if rows:
        frames.append(Frame("rows", (rows, MAX_SIDE, 1), "uint8", whole[: rows * MAX_SIDE]))
    if rest:
        frames.append(Frame("rest", (1, rest, 1), "uint8", whole[rows * MAX_SIDE :]))
    return tuple(frames)


def piece_of(message: HasFrames) -> bytes:
    """Undo `frames_of`; empty where there are no such frames."""
    found = [message.frame(name) for name in ("rows", "rest")]
    return b"".join(bytes(frame.data) for frame in found if frame is not None)
