"""Small file systems in memory, which only root may mount."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def mounted(folder: Path, size: int) -> bool:
    """Mount one of `size` bytes at a folder; False where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def unmount(folder: Path) -> None:
    """Take it away again, with all that is in it."""
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Take all room but `leave` bytes, in whole pages."""
    (disk / "ballast").unlink(missing_ok=True)
    size = shutil.disk_usage(disk).free - leave
    with (disk / "ballast").open("wb") as file, suppress(OSError):
        file.write(b"\1" * max(0, size))


def release(disk: Path) -> None:
    """Give the room back."""
    (disk / "ballast").unlink()
