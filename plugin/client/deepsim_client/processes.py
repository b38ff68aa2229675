"""The engine's process as other processes see it: does it live, is it ours, how to end it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def process_alive(pid: int) -> bool:
    """Whether the process `pid` of this machine runs (a zombie does not)."""
    if pid <= 0:
        return False
    if os.name == "nt":
        return _windows_process_alive(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # "pid (name) state ...": the name may hold spaces and brackets.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here: the signal's answer stands
    return state not in (b"Z", b"X")


def _windows_process_alive(pid: int) -> bool:
    """os.kill(pid, 0) would send Ctrl+C there, so ask for the exit code instead."""
    import ctypes  # noqa: PLC0415  (needed on Windows only)

    query_limited_information, still_active = 0x1000, 259
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (exists on Windows only)
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    alive = bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code)))
    kernel.CloseHandle(handle)
    return alive and code.value == still_active


def lock_holder(lock: Path) -> int | None:
    """The process id of the engine that holds this lock file; None when nobody does.

    An operating system lock ends with its process, so that the number in a held file is true,
    while one in a connection file may have become another program's.
    """
    try:
        with lock.open("r+b", buffering=0) as file:
            if _free(file):
                return None
            file.seek(1)  # the first byte is the locked one on Windows
            digits = file.read(16).strip()
    except OSError:
        return None
    return int(digits) if digits.isdigit() else None


def end_process(pid: int, *, at_once: bool = False) -> None:
    """Ask the process to leave, or make it. Raises OSError where that is not allowed."""
    if pid <= 1:
        raise ValueError("That is no engine's process id.")
    number = signal.SIGTERM
    if at_once and sys.platform != "win32":
        number = signal.SIGKILL
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _free(file: IO[bytes]) -> bool:
    """Whether nobody holds the lock (which is taken and left at once to find out)."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
