"""One engine a data folder: an operating system lock, which ends with the process that holds it."""

import os
import sys
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class HeldError(Exception):
    """Another process holds the lock; `pid` is its process id where it could be read, else 0."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"Another engine (process {pid or 'unknown'}) uses this data folder.")
        self.pid = pid


class FolderLock:
    """The lock on `path`, taken at once or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "FolderLock":
        """Take it. Raises HeldError; OSError when the file cannot be made."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        file = os.fdopen(handle, "r+b", buffering=0)
        try:
            _lock(file)
        except OSError:
            # The first byte is the locked one on Windows, so the number starts at the second.
            file.seek(1)
            digits = file.read(16).strip()
            file.close()
            raise HeldError(int(digits) if digits.isdigit() else 0) from None
        file.truncate(0)
        file.seek(0)
        file.write(b" %d\n" % os.getpid())
        self._file = file
        return self

    def __exit__(self, *_exception: object) -> None:
        """Leave it; the file stays, for removing it would let two engines lock two files."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
