"""Start the engine as a process that outlives the editor, and read the end of its log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping

from .location import Location

PARENT_VARIABLE = "DEEPSIM_PARENT"
"""Process id of the editor that started the engine, which leaves soon after it."""


def clean_environment(environment: Mapping[str, str], location: Location) -> dict[str, str]:
    """`environment` without what an editor sets for itself, and with the engine's folders.

    An editor's PYTHON* and QT_* variables point into the editor; inside an AppImage the library
    paths do too.
    """
    cleaned = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(("PYTHON", "QT_"))
    }
    if "APPDIR" in environment or "APPIMAGE" in environment:
        for name in ("LD_LIBRARY_PATH", "LD_PRELOAD"):
            cleaned.pop(name, None)
    cleaned["DEEPSIM_DATA"] = str(location.data)
    cleaned["DEEPSIM_RUNTIME"] = str(location.connection.parent)
    return cleaned


def start_engine(location: Location) -> subprocess.Popen[bytes]:
    """Start the engine, detached: no terminal, a session of its own, output to its log.

    Raises:
        OSError: when the log cannot be written or the command cannot be run.
    """
    location.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True
    with location.log.open("ab") as log:
        return subprocess.Popen(
            list(location.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**clean_environment(os.environ, location), PARENT_VARIABLE: str(os.getpid())},
            cwd=str(location.data) if location.data.is_dir() else None,
            **options,
        )


def log_size(path: Path) -> int:
    """Bytes in the log so far, 0 when there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def log_tail(path: Path, since: int = 0, lines: int = 6) -> str:
    """The last lines of the log written after byte `since`, or "" when there are none."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = since if since <= end else 0  # the log was begun anew meanwhile
            file.seek(max(start, end - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
