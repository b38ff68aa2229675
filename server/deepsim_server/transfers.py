"""Model files over the wire, piece by piece, so that neither side holds a whole file.

A piece is sent as frames of one channel: `rows` of 32 768 bytes, and the `rest`.
"""

import logging
import re
import tempfile
from pathlib import Path
from typing import Any

from deepsim_client.wire import MAX_SIDE, Frame, Message

from deepsim_engine.errors import InputError
from deepsim_server.models import MAX_BYTES, ModelStore

log = logging.getLogger(__name__)

PIECE = 4 << 20
"""Bytes of an exported piece, and at most of an imported one."""
MAX_UPLOADS = 4
"""Files that may be on their way at a time; a further one pushes the oldest out."""

_UPLOAD = re.compile(r"[0-9a-f]{32}\Z")


def as_frames(piece: bytes) -> tuple[Frame, ...]:
    """A piece of a file as frames."""
    rows, rest = divmod(len(piece), MAX_SIDE)
    whole = memoryview(piece)[: rows * MAX_SIDE]
    frames = []
    if rows:
        frames.append(Frame("rows", (rows, MAX_SIDE, 1), "uint8", whole))
    if rest:
        frames.append(Frame("rest", (1, rest, 1), "uint8", memoryview(piece)[-rest:]))
    return tuple(frames)


def from_frames(message: Message) -> bytes:
    """Undo `as_frames`. Raises InputError when there is nothing."""
    found = [message.frame(name) for name in ("rows", "rest")]
    piece = b"".join(bytes(frame.data) for frame in found if frame is not None)
    if not piece:
        raise InputError("The piece is missing: send frames named rows and rest.")
    return piece


class Transfers:
    """Reads pieces of stored models, and gathers those of models to be stored."""

    def __init__(self, models: ModelStore) -> None:
        self._models = models
        self._uploads: dict[str, Path] = {}

    def piece(self, model: str, offset: int) -> bytes:
        """Bytes of the model's file from `offset`; at the start all of the file is checked."""
        path = self._models.path(model)
        if not 0 <= offset < path.stat().st_size:
            raise InputError(f"The model has no byte {offset}.")
        if offset == 0:
            self._models.check(path)
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def take(self, upload: str, offset: int, total: int, data: bytes) -> dict[str, Any] | None:
        """Keep a piece; after the last one the model goes into the store and is described.

        Pieces come in order, and the first one begins anew. Raises InputError.
        """
        size = len(data)
        if not _UPLOAD.match(upload):
            raise InputError("An upload is named by 32 hexadecimal digits.")
        if not 0 < total <= MAX_BYTES or not 0 < size <= PIECE or offset + size > total:
            raise InputError(
                f"A model has at most {MAX_BYTES >> 30} GiB, in pieces of at most"
                f" {PIECE >> 20} MiB inside it."
            )
        path = self._begin(upload) if offset == 0 else self._uploads.get(upload)
        have = path.stat().st_size if path is not None and path.exists() else 0
        if path is None or have != offset:
            raise InputError(f"The next piece must begin at byte {have}.")
        with path.open("ab") as file:
            file.write(data)
        if offset + size < total:
            return None
        try:
            return self._models.take(path)
        finally:
            self._drop(upload)

    def close(self) -> None:
        """Remove what did not come to its end."""
        for upload in list(self._uploads):
            self._drop(upload)

    def _begin(self, upload: str) -> Path:
        self._drop(upload)
        while len(self._uploads) >= MAX_UPLOADS:
            self._drop(next(iter(self._uploads)))
        handle, name = tempfile.mkstemp(".part", ".upload-", self._models.folder)
        with open(handle, "wb"):  # noqa: PTH123  (a descriptor)
            pass
        self._uploads[upload] = Path(name)
        return self._uploads[upload]

    def _drop(self, upload: str) -> None:
        path = self._uploads.pop(upload, None)
        if path is not None:
            path.unlink(missing_ok=True)
