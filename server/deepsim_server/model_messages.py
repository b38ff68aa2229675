"""Answers to `models`: the model store as clients see it. Files travel in pieces, not as paths."""

import json
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from deepsim_client.wire import Frame, Message

from deepsim_engine.errors import InputError
from deepsim_engine.thumbnails import read_thumbnail
from deepsim_server.models import ModelStore
from deepsim_server.replies import result
from deepsim_server.requests import MAX_NAME, flag, text, whole
from deepsim_server.transfers import Transfers, as_frames, from_frames

MAX_DOCUMENT = 200
LIST_BYTES, DAMAGED_BYTES = 44 << 10, 8 << 10
"""Of what one reply lists: it is in the message's header, which may have 64 KiB."""

Answer = tuple[dict[str, Any], tuple[Frame, ...]]


class ModelMessages:
    """Does what the `action` in the body of `models` says."""

    def __init__(self, models: ModelStore, on_change: Callable[[], None]) -> None:
        """`on_change` is called when files may have come or changed."""
        self._models = models
        self._transfers = Transfers(models)
        self._on_change = on_change
        self._actions: dict[str, Callable[[Message], Answer]] = {
            "list": self._list,
            "show": self._show,
            "rename": self._rename,
            "remove": self._remove,
            "claim": self._claim,
            "release": self._release,
            "export": self._export,
            "import": self._import,
        }

    def answer(self, message: Message) -> Message:
        """The reply. Raises InputError, WorkError, OSError."""
        action = text(message.body, "action", "list")
        do = self._actions.get(action)
        if do is None:
            known = ", ".join(self._actions)
            raise InputError(f"Models know the actions {known}; not {action[:40]!r}.")
        body, frames = do(message)
        reply = result(message.id, body)
        return Message(reply.kind, reply.id, reply.body, frames)

    def close(self) -> None:
        """Remove what was not sent to its end."""
        self._transfers.close()

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
        return {"model": model}, as_frames(png or b"")

    def _found(self, message: Message) -> dict[str, Any]:
        return self._models.find(text(message.body, "model", ""))

    def _rename(self, message: Message) -> Answer:
        name = text(message.body, "name", "")
        if not name:
            raise InputError("The new name is missing.")
        if len(name) > MAX_NAME:
            raise InputError(f"The name has {len(name)} characters: at most {MAX_NAME} fit.")
        model = self._models.rename(text(message.body, "model", ""), name)
        self._on_change()
        return {"model": model}, ()

    def _remove(self, message: Message) -> Answer:
        force = flag(message.body, "force", False)
        return {"model": self._models.remove(text(message.body, "model", ""), force=force)}, ()

    def _claim(self, message: Message) -> Answer:
        documents = self._models.claim(self._found(message)["id"], _document(message))
        return {"documents": documents}, ()

    def _release(self, message: Message) -> Answer:
        model = text(message.body, "model", "")
        return {"documents": self._models.release(model, _document(message))}, ()

    def _export(self, message: Message) -> Answer:
        offset = whole(message.body, "offset") or 0
        model = self._found(message)
        piece = self._transfers.piece(model["id"], offset)
        end = offset + len(piece)
        more = end if end < model["bytes"] else None
        body = {"model": model, "bytes": model["bytes"], "offset": offset, "next": more}
        return body, as_frames(piece)

    def _import(self, message: Message) -> Answer:
        data = from_frames(message)
        offset, total = whole(message.body, "offset") or 0, whole(message.body, "bytes") or 0
        model = self._transfers.take(text(message.body, "upload", ""), offset, total, data)
        if model is None:
            return {"next": offset + len(data)}, ()
        self._on_change()
        return {"model": model, "next": None}, ()


def _fitting(items: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """The first items that have at most `room` bytes as JSON."""
    sizes = accumulate(len(json.dumps(item)) + 1 for item in items)
    return [item for item, size in zip(items, sizes, strict=True) if size <= room]


def _document(message: Message) -> str:
    document = text(message.body, "document", "")
    if not document or len(document) > MAX_DOCUMENT:
        raise InputError(f"A document is named by 1 to {MAX_DOCUMENT} characters.")
    return document
