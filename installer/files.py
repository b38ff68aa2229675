"""Files that are whole or absent, however the installer ends."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_IGNORED = shutil.ignore_patterns("__pycache__", "*.py[co]", ".*_cache")


def write_text(path: Path, text: str) -> None:
    """Write `text` beside `path`, then rename it into place; the folder is made if missing.

    A link is followed, so that settings kept elsewhere stay a link. Lone surrogates, which stand
    for bytes that were no UTF-8, are written as those bytes.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def remove(path: Path) -> None:
    """Remove a file, link or folder; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_folder(source: Path, target: Path) -> None:
    """Put the finished folder `source` in the place of `target` (both on one file system).

    The old folder is set aside first, so that the gap is one rename long.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.old")
    remove(aside)
    if target.exists() or target.is_symlink():
        target.rename(aside)
    source.rename(target)
    remove(aside)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder of source files without Python's leftovers."""
    shutil.copytree(source, target, ignore=_IGNORED)


def fingerprint(*parts: object) -> str:
    """A short hash over the text of `parts`."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def folder_fingerprint(roots: Iterable[Path]) -> str:
    """A short hash over the names and contents of all files below `roots` (files or folders)."""
    digest = hashlib.sha256()
    for root in roots:
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root.parent).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
