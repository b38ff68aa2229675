"""A training's inputs on disk: the request as it came, in one file, written whole or not at all."""

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

from deepsim_client.wire import Buffer, Message, WireError, decode

from deepsim_engine.errors import WorkError
from deepsim_engine.files import sync_folder, write_atomically

_MAGIC = b"DSIN0001"


def write_inputs(path: Path, parts: Sequence[Buffer]) -> None:
    """Store the parts of a request: a magic word, their number and lengths, then the parts.

    Raises OSError; then nothing is left at `path`.
    """
    lengths = [memoryview(part).nbytes for part in parts]
    head = struct.pack(f"<8sI{len(parts)}Q", _MAGIC, len(parts), *lengths)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent.parent)
    write_atomically(path, b"".join([head, *parts]))


def read_inputs(path: Path, pair: str = "") -> Message:
    """The stored request. Raises WorkError when the file is missing or damaged, which `pair`, its
    `pair_digest` when it was stored, tells for sure."""
    try:
        data = memoryview(path.read_bytes())
        magic, count = struct.unpack_from("<8sI", data)
        if magic != _MAGIC or count > 64:
            raise ValueError("not a stored request")
        lengths = struct.unpack_from(f"<{count}Q", data, 12)
        parts, start = [], 12 + 8 * count
        for length in lengths:
            parts.append(data[start : start + length])
            start += length
        message = decode(parts)
        if pair and pair_digest(message) != pair:
            raise ValueError("the pixels are not as they were stored")
        return message
    except (OSError, ValueError, struct.error, WireError) as error:
        raise WorkError(f"The stored inputs {path} cannot be read: {error}.") from error


def pair_digest(message: Message) -> str:
    """SHA-256 over names, shapes and pixels of all frames: which pair a training is about."""
    digest = hashlib.sha256()
    for frame in sorted(message.frames, key=lambda frame: frame.name):
        digest.update(f"{frame.name} {tuple(frame.shape)}\n".encode())
        digest.update(frame.data)
    return digest.hexdigest()
