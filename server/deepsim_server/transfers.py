"""Model files over the wire, piece by piece, so that neither side holds a whole file."""

import re
import tempfile
from pathlib import Path

from deepsim_client.pieces import PIECE

from deepsim_engine.errors import InputError
from deepsim_server.model_files import MAX_BYTES

MAX_UPLOADS = 4
"""Files that may be on their way at a time; a further one pushes the oldest out."""

_UPLOAD = re.compile(r"[0-9a-f]{32}\Z")


def read_piece(path: Path, offset: int) -> bytes:
    """Bytes of a file from `offset`. Raises InputError when there are none, OSError."""
    if not 0 <= offset < path.stat().st_size:
        raise InputError(f"The model has no byte {offset}.")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PIECE)


class Uploads:
    """Gathers the pieces of files that are sent to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uploads: dict[str, Path] = {}

    def take(self, upload: str, offset: int, total: int, data: bytes) -> Path | None:
        """Keep a piece; after the last one the whole file, which is the caller's from then on.

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
        return self._uploads.pop(upload) if offset + size == total else None

    def close(self) -> None:
        """Remove what did not come to its end."""
        for upload in list(self._uploads):
            self._drop(upload)

    def _begin(self, upload: str) -> Path:
        self._drop(upload)
        while len(self._uploads) >= MAX_UPLOADS:
            self._drop(next(iter(self._uploads)))
        handle, name = tempfile.mkstemp(".part", ".upload-", self._folder)
        with open(handle, "wb"):  # noqa: PTH123  (a descriptor)
            pass
        self._uploads[upload] = Path(name)
        return self._uploads[upload]

    def _drop(self, upload: str) -> None:
        path = self._uploads.pop(upload, None)
        if path is not None:
            path.unlink(missing_ok=True)
