"""Model files out of the engine's library and into it, piece by piece."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Callable

from deepsim_client import Reply
from deepsim_client.pieces import PIECE, frames_of, piece_of

from ..jobs import Job
from ..progress import CANCELLED, DONE, FAILED
from ..session import RefusalError, Session
from ..state import ModelInfo, Notice
from ..text import _
from .library import Library

SUFFIX = ".safetensors"


class TransferJob(Job):
    """A file on its way; a step of its progress is a megabyte."""

    kind = "models"

    def __init__(self, title: str, session: Session, path: Path) -> None:
        super().__init__(title, None)
        self._session = session
        self._path = path
        self._offset = 0

    def begin(self) -> None:
        """Begins with the first piece."""
        self._session.follow(self)
        # Last of all: whatever goes wrong in it, the job is over by then.
        self.finished.connect(lambda *_: self._close())
        self._attempt(self._next)

    def abandon(self) -> None:
        """A part of a file is of no use."""
        self._close()

    def finish(self, reply: Reply) -> None:
        """Goes on with the next piece, or is done."""
        self._attempt(lambda: self._take(reply))

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as e:
            text = _("{file}: {error}.").format(file=self._path, error=e.strerror or e)
            self.end(FAILED, Notice("error", text))

    def _next(self) -> None:
        raise NotImplementedError

    def _take(self, reply: Reply) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _went_on(self, offset: int, total: int) -> bool:
        """Notes how far it is; False when it was cancelled."""
        self._offset = offset
        self.progress.steps, self.progress.step = max(1, total >> 20), offset >> 20
        if self.stopping:
            self.end(CANCELLED, self.failure("cancelled", ""))
        return not self.stopping


class ExportJob(TransferJob):
    """A model becomes a file, whole or not at all."""

    def __init__(self, session: Session, model: ModelInfo, path: Path) -> None:
        super().__init__(_("Exporting “{name}”").format(name=model.name), session, path)
        self._model = model
        self._part = path.with_name(f".{path.name}.part")
        self._file: BinaryIO | None = None
        self._bytes = 0

    def _next(self) -> None:
        if self._file is None:
            self._file = self._part.open("wb")
        body = {"action": "export", "model": self._model.id, "offset": self._offset}
        self._session.request(self, body)

    def _take(self, reply: Reply) -> None:
        assert self._file is not None  # noqa: S101
        piece, following = piece_of(reply), reply.body.get("next")
        total = int(reply.body.get("bytes") or 0)
        if total != (self._bytes or total):  # a new name was written into it
            text = _("The model was changed meanwhile: export it again.")
            self.end(FAILED, Notice("error", text))
            return
        self._bytes = total
        self._file.write(piece)
        if not self._went_on(self._offset + len(piece), total):
            return
        if following is not None:
            self._next()
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        text = _("The model “{name}” is in {file}.")
        self.end(DONE, Notice("good", text.format(name=self._model.name, file=self._path)))

    def _close(self) -> None:
        """Leaves nothing half done."""
        if self._file is not None:
            with suppress(OSError):  # on a full disk, for what was still to be written
                self._file.close()
            with suppress(OSError):
                self._part.unlink()


class ImportJob(TransferJob):
    """A file becomes a model of the library; the engine checks it first."""

    def __init__(self, session: Session, library: Library, path: Path) -> None:
        super().__init__(_("Importing {file}").format(file=path.name), session, path)
        self._library = library
        self._upload = uuid.uuid4().hex
        self._bytes = path.stat().st_size
        self._file = path.open("rb")

    def _next(self) -> None:
        self._file.seek(self._offset)
        piece = self._file.read(PIECE)
        self._sent = len(piece)
        body = {
            "action": "import",
            "upload": self._upload,
            "offset": self._offset,
            "bytes": self._bytes,
        }
        self._session.request(self, body, frames=frames_of(piece))

    def _take(self, reply: Reply) -> None:
        model = reply.body.get("model")
        if isinstance(model, dict):
            self._library.refresh()
            text = _("The model “{name}” is in the library.")
            name = ModelInfo.from_body(model).name
            self.end(DONE, Notice("good", text.format(name=name)))
        elif self._went_on(self._offset + self._sent, self._bytes):
            self._next()

    def _close(self) -> None:
        self._file.close()


class Transfers:
    """Exports and imports model files."""

    def __init__(self, session: Session, library: Library) -> None:
        self._session = session
        self._library = library

    def export(self, model: ModelInfo) -> None:
        """Asks where to, and writes the model's file there; refusals become notices."""
        self._session.attempt(lambda: self._export(model))

    def _export(self, model: ModelInfo) -> None:
        safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in model.name).strip(" .")
        path = self._session.editor.choose_new_file(_("Export model"), (safe or "model") + SUFFIX)
        if path is None:
            return
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
            if path.exists():  # the dialog asked about the other name only
                text = _("{file} is there already: choose another name.")
                raise RefusalError(text.format(file=path.name))
        ExportJob(self._session, model, path).begin()

    def import_file(self) -> None:
        """Asks for a file, and adds its model to the library; refusals become notices."""
        self._session.attempt(self._import)

    def _import(self) -> None:
        path = self._session.editor.choose_file(_("Import model"), f"*{SUFFIX}")
        if path is None:
            return
        try:
            empty = path.stat().st_size == 0
            job = None if empty else ImportJob(self._session, self._library, path)
        except OSError as e:
            text = _("{file} cannot be read: {error}.")
            raise RefusalError(text.format(file=path.name, error=e.strerror)) from None
        if job is None:
            raise RefusalError(_("{file} is empty.").format(file=path.name))
        job.begin()
