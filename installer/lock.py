"""One installer at a time in a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.console import Console
from installer.errors import InstallError

_WAIT_NOTE = "another install.py, or pip that it started, is at work in this folder: waiting for it"


@contextmanager
def hold(path: Path, console: Console) -> Iterator[int]:
    """Hold the lock file `path` while the block runs, waiting for whoever has it.

    The handle is given out so that programs started inside can inherit it: on Unix the lock lasts
    until the last of them ends, and a new run never meets the pip of one that was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if os.name == "nt":
            _lock_windows(handle)
        else:
            _lock_unix(handle, console)
        yield handle
    finally:
        os.close(handle)


def _lock_unix(handle: int, console: Console) -> None:
    import fcntl  # noqa: PLC0415  (not there on Windows)

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        console.say(_WAIT_NOTE)
        fcntl.flock(handle, fcntl.LOCK_EX)


def _lock_windows(handle: int) -> None:
    import msvcrt  # noqa: PLC0415  (only there on Windows)

    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        raise InstallError(
            "Another install.py is at work in this folder.", "Wait for it, then try again."
        ) from error
