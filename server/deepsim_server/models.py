"""The model store: a folder of model files, known by their descriptions. Reads no tensors."""

import json
import logging
import re
import shutil
import struct
from pathlib import Path
from typing import Any

from deepsim_engine.errors import InputError, WorkError
from deepsim_engine.files import replacing

log = logging.getLogger(__name__)

SUFFIX = ".safetensors"
_KEY = "deepsim"
_MAX_HEADER = 16 << 20
_ID = re.compile(r"[0-9a-f]{8,64}\Z")


class ModelNotFoundError(InputError):
    """There is no such model."""


class ModelStore:
    """Models in one folder, each in the file ID.safetensors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {}

    def path(self, model: str) -> Path:
        """The file of a model. Raises ModelNotFoundError, also for anything that is no id."""
        path = self._folder / f"{model}{SUFFIX}"
        if not _ID.match(model) or not path.is_file():
            raise ModelNotFoundError(f"There is no model {model[:64]!r}: it may have been removed.")
        return path

    def list(self) -> list[dict[str, Any]]:
        """Descriptions of all readable models, newest first."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                found.append(self._describe(path))
            except (InputError, OSError) as error:
                log.warning("%s", error)
        return sorted(found, key=lambda model: str(model.get("created")), reverse=True)

    def find(self, wanted: str) -> dict[str, Any]:
        """The model with that id, beginning of an id, or name. Raises ModelNotFoundError, and
        InputError when several fit."""
        models = self.list()
        for matches in (
            [m for m in models if m["id"] == wanted],
            [m for m in models if len(wanted) >= 4 and m["id"].startswith(wanted)],
            [m for m in models if m.get("name") == wanted],
        ):
            if len(matches) == 1:
                return matches[0]
            if matches:
                ids = ", ".join(m["id"] for m in matches)
                raise InputError(f"Several models fit {wanted[:64]!r}: {ids}. Give more of the id.")
        raise ModelNotFoundError(f"There is no model {wanted[:64]!r}: see `deepsim models list`.")

    def remove(self, wanted: str) -> dict[str, Any]:
        """Delete a model and return its description."""
        model = self.find(wanted)
        self.path(model["id"]).unlink(missing_ok=True)
        return model

    def rename(self, wanted: str, name: str) -> dict[str, Any]:
        """Give a model another name: a new header before the same tensors, so the id stays."""
        model = self.find(wanted)
        path = self.path(model["id"])
        try:
            with path.open("rb") as old, replacing(path) as new:
                header = _read_header(old, path)
                description = json.loads(header["__metadata__"][_KEY])
                header["__metadata__"][_KEY] = json.dumps({**description, "name": name})
                text = json.dumps(header, separators=(",", ":")).encode()
                text += b" " * (-len(text) % 8)
                new.write(struct.pack("<Q", len(text)) + text)
                shutil.copyfileobj(old, new, 1 << 20)
        except OSError as error:
            raise WorkError(f"{path} could not be written: {error.strerror}.") from error
        return self._describe(path)

    def sweep(self) -> None:
        """Remove what interrupted writes left behind."""
        for litter in self._folder.glob(".*.part"):
            litter.unlink(missing_ok=True)

    def _describe(self, path: Path) -> dict[str, Any]:
        stat = path.stat()
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path.name)
        if known is None or known[0] != stamp:
            with path.open("rb") as file:
                text = _read_header(file, path)["__metadata__"].get(_KEY)
            try:
                described = json.loads(text)
                described.pop("checksum", None)
            except (TypeError, ValueError, AttributeError):
                raise InputError(f"{path} is damaged or not a DeepSIM model.") from None
            known = (stamp, {**described, "id": path.name.removesuffix(SUFFIX)})
            known[1]["bytes"] = stat.st_size
            self._known[path.name] = known
        return known[1]


def _read_header(file: Any, path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file; the file is then at its first tensor."""
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MAX_HEADER:
            raise ValueError("the header is too long")
        header = json.loads(file.read(length).decode("utf-8"))
        if not isinstance(header["__metadata__"], dict):
            raise TypeError("no metadata")
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is damaged or not a DeepSIM model ({error}).") from error
    return header
