"""Model files as such: read whole, renamed, copied. Fit for any thread; knows no index."""

import os
import shutil
from pathlib import Path

from deepsim_engine import container
from deepsim_engine.errors import DamagedError, InputError, WorkError
from deepsim_engine.files import replacing, sync_folder

SUFFIX = ".safetensors"
KEY = "deepsim"
"""Where in a file's metadata the description is."""
MAX_BYTES = 8 << 30
"""Of one model file."""
_AT_ONCE = 1 << 20


def stamp(path: Path) -> str:
    """Another one for another content. Raises OSError."""
    stat = path.stat()
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def verify_model(path: Path) -> str:
    """Read all of a model file of the store; its stamp. Raises DamagedError, OSError."""
    before = stamp(path)
    checksum = str(container.verify(path, KEY)["checksum"])
    if not checksum.startswith(path.name.removesuffix(SUFFIX)):
        raise DamagedError(f"{path} is damaged: it has the content of another model.")
    return before


def write_name(path: Path, name: str) -> None:
    """Another name for a model: a new header before the same tensors, so its id stays.

    Raises DamagedError; WorkError when it cannot be written.
    """
    try:
        with path.open("rb") as old, replacing(path) as new:
            header = container.read_header(old, path)
            metadata = header["__metadata__"]
            described = container.description(metadata, KEY, path)
            renamed = container.sealed(KEY, {**described, "name": name}, metadata)
            container.write_header(new, {**header, "__metadata__": renamed})
            shutil.copyfileobj(old, new, _AT_ONCE)
    except OSError as error:
        raise WorkError(f"{path} could not be written: {error.strerror}.") from error


def copy_model(source: Path, to: Path) -> None:
    """Copy a file as it is. Raises WorkError."""
    try:
        with source.open("rb") as file, replacing(to) as target:
            shutil.copyfileobj(file, target, _AT_ONCE)
    except OSError as error:
        raise WorkError(f"{to} could not be written: {error.strerror}.") from error


def take_in(source: Path, folder: Path, *, move: bool = False) -> Path:
    """Put a model file into a store's folder, if all of it is right; where it is there.

    It is copied, or moved when it is in that folder already, under another name. Raises
    InputError, also when it is damaged; WorkError.
    """
    try:
        if source.stat().st_size > MAX_BYTES:
            raise InputError(f"{source} is larger than a model may be ({MAX_BYTES >> 30} GiB).")
        checksum = str(container.verify(source, KEY)["checksum"])
        path = folder / f"{checksum[:12]}{SUFFIX}"
        if path.is_file():
            return path
        if move:
            _move(source, path)
        else:
            copy_model(source, path)
    except FileNotFoundError:
        raise InputError(f"There is no file {source}.") from None
    except OSError as error:
        raise WorkError(f"{source} could not be taken: {error.strerror or error}.") from error
    return path


def _move(source: Path, path: Path) -> None:
    with source.open("rb+") as file:
        os.fsync(file.fileno())
    source.replace(path)
    sync_folder(path.parent)
