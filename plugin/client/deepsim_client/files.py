"""Writing small private files so that a reader, or a power cut, never leaves half of one."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Mapping


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path`, mode 0600, in a folder that exists.

    It is written beside it, under a name of its own, synced and renamed: at any moment the path
    holds the old content or the new, whole. Whatever goes wrong leaves no litter. Raises OSError.
    """
    handle, name = tempfile.mkstemp(".part", f".{path.name}.", str(path.parent))  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def write_private_json(path: Path, content: Mapping[str, Any]) -> None:
    """Put a JSON object at `path` as `write_private` does. Raises OSError."""
    write_private(path, json.dumps(content).encode("ascii") + b"\n")


def sync_folder(folder: Path) -> None:
    """Make a rename in it, or a removal, durable where the system can.

    Windows cannot open folders and does not need this; some network disks cannot do it.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(str(folder), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
