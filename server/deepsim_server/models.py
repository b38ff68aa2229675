"""The model store: a folder of model files, each known by its content and its description."""

import logging
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from deepsim_engine import container
from deepsim_engine.errors import DamagedError, InputError, WorkError
from deepsim_server.model_files import (
    KEY,
    SUFFIX,
    copy_model,
    stamp,
    take_in,
    verify_model,
    write_name,
)
from deepsim_server.model_index import ModelIndex

log = logging.getLogger(__name__)

Description = dict[str, Any]
Descriptions = list[Description]
Documents = list[str]
_ID = re.compile(r"[0-9a-f]{8,64}\Z")
_DAMAGED = "damaged"
_INDEX = ".index.sqlite"


class ModelNotFoundError(InputError):
    """There is no such model."""


class ModelInUseError(InputError):
    """Documents refer to the model."""


class ModelStore:
    """Models in one folder, each in the file ID.safetensors. Not for several threads.

    Damaged files are moved into the folder `damaged`, with the reason beside them, and are never
    loaded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: ModelIndex | None = None

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    @property
    def _index(self) -> ModelIndex:
        if self._opened is None:
            self._opened = ModelIndex(self._folder / _INDEX)
        return self._opened

    def close(self) -> None:
        """Close the index."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def path(self, model: str) -> Path:
        """The file of a model. Raises ModelNotFoundError, also for anything that is no id."""
        path = self._folder / f"{model}{SUFFIX}"
        if not _ID.match(model) or not path.is_file():
            raise ModelNotFoundError(f"There is no model {model[:64]!r}: it may have been removed.")
        return path

    def list(self) -> Descriptions:
        """Descriptions of all models, newest first; damaged ones are set aside meanwhile."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                found.append(self.describe(path))
            except DamagedError as error:
                self.set_aside(path, str(error))
            except OSError as error:
                log.warning("%s", error)
        return sorted(found, key=lambda model: str(model.get("created")), reverse=True)

    def damaged(self) -> Descriptions:
        """What was set aside: file name, bytes, reason."""
        folder = self._folder / _DAMAGED
        return [
            {"file": path.name, "bytes": path.stat().st_size, "reason": _reason(path)}
            for path in sorted(folder.glob(f"*{SUFFIX}"))
        ]

    def set_aside(self, path: Path, reason: str) -> Path:
        """Move a damaged file out of the way; where to. Raises WorkError."""
        folder = self._folder / _DAMAGED
        aside = folder / path.name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            path.replace(aside)
            aside.with_suffix(".txt").write_text(reason + "\n", encoding="utf-8")
        except FileNotFoundError as error:
            if not aside.is_file():
                raise WorkError(f"{reason} It is gone.") from error
            return aside  # somebody else found the damage too
        except OSError as error:
            raise WorkError(f"{reason} It could not be moved away: {error.strerror}.") from error
        self._index.forget(path.name)
        log.warning("%s It was set aside: %s.", reason, aside)
        return aside

    def unverified(self, but: Collection[Path] = ()) -> Path | None:
        """A model file, none of `but`, of which not all was read since it came or changed."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                if path not in but and not self._index.verified(path.name, stamp(path)):
                    return path
            except OSError:  # removed at this moment
                continue
        return None

    def mark_verified(self, path: Path, read: str) -> bool:
        """All of the file that then had the stamp `read` is as it was written.

        False when that could not be recorded, as on a full disk.
        """
        try:
            self.describe(path)
            self._index.mark_verified(path.name, read)
            return self._index.verified(path.name, read) or stamp(path) != read
        except (DamagedError, OSError) as error:
            log.warning("%s", error)
            return True

    def find(self, wanted: str) -> Description:
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

    def remove(
        self,
        wanted: str,
        *,
        force: bool = False,
        trainings: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> Description:
        """Delete a model and return its description.

        Raises ModelInUseError when documents refer to it, unless `force` is given, and in any case
        when a training needs it: `trainings` gives the names of those that need a model (an id).
        """
        model = self.find(wanted)
        if names := trainings(model["id"]):
            raise ModelInUseError(
                f"The training {names[0]!r} begins with the model {model.get('name')!r}: wait for"
                " its end, or cancel it."
            )
        documents = self._index.documents(model["id"])
        if documents and not force:
            raise ModelInUseError(
                f"The model {model.get('name')!r} is used by {', '.join(documents[:5])}"
                f"{' and others' if len(documents) > 5 else ''}: remove it there first, or force"
                " it; it cannot be brought back."
            )
        self.path(model["id"]).unlink(missing_ok=True)
        self._index.forget(f"{model['id']}{SUFFIX}")
        self._index.release(model["id"])
        return model

    def claim(self, model: str, document: str) -> Documents:
        """Remember that a document refers to a model (an id); all documents that do."""
        self.path(model)
        self._index.claim(model, document)
        return self._index.documents(model)

    def release(self, model: str, document: str) -> Documents:
        """Undo `claim`; the documents that still refer to it."""
        self._index.release(model, document)
        return self._index.documents(model)

    def rename(self, wanted: str, name: str) -> Description:
        """Give a model another name; its new description. Raises WorkError."""
        path = self.path(self.find(wanted)["id"])
        write_name(path, name)
        return self.describe(path)

    def export(self, wanted: str, to: Path) -> Description:
        """Copy a model, read whole and found right, to the file `to`; its description."""
        model = self.find(wanted)
        path = self.path(model["id"])
        self.check(path)
        copy_model(path, to)
        return model

    def take(self, source: Path) -> Description:
        """Copy a model file into the store, if all of it is right; its description."""
        return self.describe(take_in(source, self._folder))

    def check(self, path: Path) -> None:
        """Read all of a model file. Raises DamagedError after setting it aside."""
        try:
            verify_model(path)
        except DamagedError as error:
            raise self.damage(path, error) from error

    def damage(self, path: Path, found: DamagedError) -> DamagedError:
        """Set a file aside in which damage was found; the error that says so. Raises WorkError."""
        return DamagedError(f"{found} It was set aside: {self.set_aside(path, str(found))}.")

    def sweep(self) -> None:
        """Remove what interrupted writes left behind."""
        for litter in self._folder.glob(".*.part"):
            litter.unlink(missing_ok=True)

    def describe(self, path: Path) -> Description:
        """What a model file of the store says of itself. Raises DamagedError, OSError."""
        here = stamp(path)
        known = self._index.description(path.name, here)
        if known is None:
            with path.open("rb") as file:
                metadata = container.read_header(file, path)["__metadata__"]
            known = container.description(metadata, KEY, path)
            if not str(known.pop("checksum", "")).startswith(path.name.removesuffix(SUFFIX)):
                raise DamagedError(f"{path} is damaged: it has the content of another model.")
            self._index.add(path.name, here, known)
        model = path.name.removesuffix(SUFFIX)
        return {**known, "id": model, "bytes": path.stat().st_size}


def _reason(path: Path) -> str:
    try:
        return path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
