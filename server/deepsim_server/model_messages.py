"""Answers to `models`: the model store as clients see it. Files travel in pieces, not as paths."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from deepsim_client.pieces import frames_of, piece_of
from deepsim_client.wire import Frame, Message

from deepsim_engine.errors import DamagedError, InputError, WorkError
from deepsim_engine.thumbnails import read_thumbnail
from deepsim_server.background import Background
from deepsim_server.failures import failure
from deepsim_server.model_files import SUFFIX, take_in, verify_model, write_name
from deepsim_server.models import ModelStore
from deepsim_server.replies import error
from deepsim_server.requests import MAX_NAME, flag, text, whole
from deepsim_server.transfers import Uploads, read_piece

MAX_DOCUMENT = 200
LIST_BYTES, DAMAGED_BYTES = 44 << 10, 8 << 10
"""Of what one reply lists: it is in the message's header, which may have 64 KiB."""
MAX_WAITING = 64
"""Requests that may wait for model files at a time."""

_LONG = ("rename", "remove", "export", "import")
"""Actions that read or write whole files, or must not overtake those that do."""

Answer = tuple[dict[str, Any], tuple[Frame, ...]]
Reply = Callable[[bytes, Message], None]


@dataclass(frozen=True)
class Later:
    """An answer for which a whole file is read or written.

    `work` is done in a thread; `answer`, in the loop, makes the answer of what came of it.
    """

    work: Callable[[], Any]
    answer: "Callable[[Future[Any]], Answer]"


class ModelMessages:
    """Does what the `action` in the body of `models` says.

    What reads or writes whole files, gigabytes perhaps, is done one after the other in a thread,
    and so is what must come after it: no removal overtakes a renaming.
    """

    def __init__(
        self,
        models: ModelStore,
        reply: Reply,
        *,
        on_change: Callable[[], None] = lambda: None,
        trainings: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """`on_change` is called when files may have come or changed; `trainings` gives the names
        of the trainings that need a model."""
        self._models = models
        self._reply = reply
        self._on_change = on_change
        self._trainings = trainings
        self._uploads = Uploads(models.folder)
        self._background = Background("models")
        self._waiting: dict[str, bytes] = {}
        self._actions: dict[str, Callable[[Message], Answer | Later]] = {
            "list": self._list,
            "show": self._show,
            "rename": self._rename,
            "remove": self._remove,
            "claim": self._claim,
            "release": self._release,
            "export": self._export,
            "import": self._import,
        }

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, peer: bytes, message: Message) -> None:
        """Answer, at once or later. Raises InputError, WorkError, OSError."""
        if message.id in self._waiting:  # the same request again, perhaps over another connection
            self._waiting[message.id] = peer
            return
        action = text(message.body, "action", "list")
        do = self._actions.get(action)
        if do is None:
            known = ", ".join(self._actions)
            raise InputError(f"Models know the actions {known}; not {action[:40]!r}.")
        if action in _LONG and len(self._waiting) >= MAX_WAITING:
            sentence = "Too many requests wait for model files: try again when some are answered."
            self._reply(peer, error(message.id, "busy", sentence))
            return
        found = do(message)
        if isinstance(found, Later):
            self._waiting[message.id] = peer
            without_pixels = Message(message.kind, message.id)
            self._background.do(found.work, partial(self._done, without_pixels, found.answer))
        else:
            self._reply(peer, Message("result", message.id, *found))

    def _done(
        self, message: Message, answer: "Callable[[Future[Any]], Answer]", done: "Future[Any]"
    ) -> None:
        try:
            reply = Message("result", message.id, *answer(done))
        except CancelledError:
            reply = error(message.id, "shutting-down", "The engine leaves.")
        except Exception as problem:  # noqa: BLE001  (its reply says what it was)
            reply = failure(message, problem)
        self._reply(self._waiting.pop(message.id), reply)

    def tick(self) -> None:
        """Answer what has been done; never waits."""
        self._background.tick()

    def close(self) -> None:
        """End what is being done, and remove what was not sent to its end."""
        self._background.close()
        self._uploads.close()

    def _list(self, message: Message) -> Answer:
        """From number `offset` on, as many as fit into a message."""
        offset = max(0, whole(message.body, "offset") or 0)
        models = self._models.list()
        self._on_change()
        here = _fitting(models[offset:], LIST_BYTES)
        end = offset + max(1, len(here))  # one that is too long by itself is left out
        body = {
            "models": here,
            "next": end if end < len(models) else None,
            "bytes": sum(model["bytes"] for model in models),
            "damaged": _fitting(self._models.damaged(), DAMAGED_BYTES),
        }
        return body, ()

    def _show(self, message: Message) -> Answer:
        """The description and, as the frames of a piece of a file, the small picture as PNG."""
        model = self._found(message)
        png = read_thumbnail(self._models.path(model["id"]))
        return {"model": model}, frames_of(png or b"")

    def _found(self, message: Message) -> dict[str, Any]:
        return self._models.find(text(message.body, "model", ""))

    def _rename(self, message: Message) -> Later:
        name = text(message.body, "name", "")
        if not name:
            raise InputError("The new name is missing.")
        if len(name) > MAX_NAME:
            raise InputError(f"The name has {len(name)} characters: at most {MAX_NAME} fit.")
        path = self._models.path(self._found(message)["id"])

        def renamed(done: "Future[None]") -> Answer:
            self._still(path, done)
            self._on_change()
            return {"model": self._models.describe(path)}, ()

        return Later(partial(write_name, path, name), renamed)

    def _remove(self, message: Message) -> Later:
        wanted, force = text(message.body, "model", ""), flag(message.body, "force", False)

        def removed(done: "Future[None]") -> Answer:
            done.result()
            model = self._models.remove(wanted, force=force, trainings=self._trainings)
            return {"model": model}, ()

        return Later(lambda: None, removed)

    def _claim(self, message: Message) -> Answer:
        documents = self._models.claim(self._found(message)["id"], _document(message))
        return {"documents": documents}, ()

    def _release(self, message: Message) -> Answer:
        model = text(message.body, "model", "")
        return {"documents": self._models.release(model, _document(message))}, ()

    def _export(self, message: Message) -> Answer | Later:
        """A piece; before the first one, all of the file is read."""
        model, offset = self._found(message), whole(message.body, "offset") or 0
        path = self._models.path(model["id"])
        if offset:
            return self._piece(model, path, offset)

        def read(done: "Future[str]") -> Answer:
            try:
                self._still(path, done)
            except DamagedError as found:
                raise self._models.damage(path, found) from found
            return self._piece(self._models.describe(path), path, 0)

        return Later(partial(verify_model, path), read)

    def _still(self, path: Path, done: "Future[Any]") -> None:
        """Raises what went wrong; ModelNotFoundError when the model was removed meanwhile."""
        try:
            done.result()
        except (WorkError, OSError):
            self._models.path(path.name.removesuffix(SUFFIX))
            raise

    @staticmethod
    def _piece(model: dict[str, Any], path: Path, offset: int) -> Answer:
        piece = read_piece(path, offset)
        end = offset + len(piece)
        more = end if end < model["bytes"] else None
        body = {"model": model, "bytes": model["bytes"], "offset": offset, "next": more}
        return body, frames_of(piece)

    def _import(self, message: Message) -> Answer | Later:
        """A piece; after the last one, all of the file is read before it becomes a model."""
        data = piece_of(message)
        if not data:
            raise InputError("The piece is missing: send frames named rows and rest.")
        offset, total = whole(message.body, "offset") or 0, whole(message.body, "bytes") or 0
        upload = text(message.body, "upload", "")
        file = self._uploads.take(upload, offset, total, data)
        if file is None:
            return {"next": offset + len(data)}, ()

        def taken(done: "Future[Path]") -> Answer:
            try:
                model = self._models.describe(done.result())
            finally:
                file.unlink(missing_ok=True)
            self._on_change()
            return {"model": model, "next": None}, ()

        return Later(partial(take_in, file, self._models.folder, move=True), taken)


def _fitting(items: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """The first items that have at most `room` bytes as JSON."""
    sizes = accumulate(len(json.dumps(item)) + 1 for item in items)
    return [item for item, size in zip(items, sizes, strict=True) if size <= room]


def _document(message: Message) -> str:
    document = text(message.body, "document", "")
    if not document or len(document) > MAX_DOCUMENT:
        raise InputError(f"A document is named by 1 to {MAX_DOCUMENT} characters.")
    return document
