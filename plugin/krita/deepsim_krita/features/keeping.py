"""Keeping models: names, removal, which documents use them, small pictures of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

from deepsim_client import Reply

from ..document_state import DocumentState
from ..engine_errors import mend_of, sentence_of
from ..observable import Observable, Property
from ..roles import AUTO
from ..session import RefusalError, Session
from ..state import ModelInfo, Notice
from ..text import _
from .applying import TRAINING
from .library import Library, missing_text
from .training import Training

IN_USE = "in-use"
"""Error code: documents refer to the model."""


def missing_notice(model: ModelInfo) -> Notice:
    """What a document says whose model the library does not have, and what makes it anew."""
    return Notice("warning", missing_text(model), "train_again")


class Keeping(Observable):
    """What the library's window does."""

    pictures: Property[dict[str, bytes]] = Property({})
    """Small PNG pictures of models and their drawings, by model; empty where there is none."""
    in_use: Property[tuple[ModelInfo, str] | None] = Property(None)
    """A model that was not removed, and the sentence that says who uses it."""

    def __init__(self, session: Session, library: Library, training: Training) -> None:
        super().__init__()
        self._session = session
        self._training = training
        self._library = library
        self._asked: set[str] = set()
        self._claimed: set[tuple[str, str]] = set()
        self.changed.connect(session.tell)
        session.changed.connect(self._on_change)
        session.opened.connect(self._on_opened)
        library.listed.connect(self._on_listed)
        session.switched.connect(self._forget)

    # ---- for the window

    def look(self) -> None:
        """Asks for the pictures that are not here yet."""
        for model in self._library.items:
            if model.id not in self._asked:
                self._asked.add(model.id)
                self._ask("show", model.id, self._on_shown)

    def rename(self, model: ModelInfo, name: str) -> None:
        """Gives a model another name, everywhere."""
        if not name.strip():
            self._session.say(Notice("error", _("A model needs a name.")))
        elif name != model.name:
            self._ask("rename", model.id, self._on_renamed, name=name.strip())

    def remove(self, model: ModelInfo, force: bool = False) -> None:
        """Deletes a model; one that documents use only with `force`."""
        self.in_use = None

        def removed(reply: Reply) -> None:
            in_use = reply.kind == "error" and reply.body.get("code") == IN_USE
            if in_use and not force:  # else a training needs it, and no wish changes that
                self.in_use = (model, str(reply.body.get("message", "")))
            elif self._fine(reply):
                self._library.refresh()
                text = _("The model “{name}” was deleted.").format(name=model.name)
                self._session.say(Notice("info", text))

        self._ask("remove", model.id, removed, force=force)

    def use(self, model: ModelInfo) -> None:
        """The document in front applies this model from now on."""
        self._session.attempt(lambda: self._use(model))

    def start_from(self, model: ModelInfo) -> None:
        """The next training of the document in front begins with what this model learned.

        Asked for a second time it does not.
        """
        self._session.attempt(lambda: self._start_from(model))

    def _use(self, model: ModelInfo) -> None:
        _document, state = self._session.document()
        state.model_choice = model.id
        text = _("Apply uses “{name}” for this picture now.")
        self._session.say(Notice("info", text.format(name=model.name)))

    def _start_from(self, model: ModelInfo) -> None:
        _document, state = self._session.document()
        if model.preset == "instant":
            text = _(
                "“{name}” has learned nothing that a training could begin with: it is instant."
            )
            raise RefusalError(text.format(name=model.name), "library")
        if state.start_from is not None and state.start_from.id == model.id:
            state.start_from = None
            text = _("The next training of this picture begins anew.")
        else:
            state.start_from = model
            text = _("The next training of this picture begins with what “{name}” has learned.")
        self._session.say(Notice("info", text.format(name=model.name)))

    # ---- documents and their models

    def _on_change(self, name: str) -> None:
        """Tells the engine which documents use which models, so that none is removed silently."""
        if self._session.engine.state != "ready" or not self._library.known:
            return
        for state in self._session.documents.values():
            if state.model is None or not state.title:
                continue
            key = (state.model.id, state.title)
            if self._library.find(state.model.id) is not None and key not in self._claimed:
                self._claimed.add(key)
                self._ask("claim", state.model.id, lambda reply: None, document=state.title[:200])

    def _on_opened(self, state: DocumentState) -> None:
        state.missing = ""  # it is said each time that the document is opened
        self._look_for(state)

    def _on_listed(self) -> None:
        for state in self._session.documents.values():
            self._look_for(state)
            chosen = state.model_choice
            if chosen not in {AUTO, TRAINING} and self._library.find(chosen) is None:
                state.model_choice = AUTO

    def _look_for(self, state: DocumentState) -> None:
        """Says that a document's model is gone. An old list would not have a new model."""
        if state.model is None or not self._library.known:
            return
        if self._library.find(state.model.id) is None:
            self._miss(state, state.model)
        elif state.missing:
            state.missing = ""
            if state.notice == missing_notice(state.model):
                state.notice = None

    def _miss(self, state: DocumentState, model: ModelInfo) -> None:
        if state.missing != model.id:
            state.missing = model.id
            state.notice = missing_notice(model)

    def train_again(self) -> None:
        """Trains as the document's model was trained, or refuses with a notice."""
        state = self._session.active
        if state is not None and state.trained_with:
            self._session.settings.update({"seconds": 0, **state.trained_with})
        self._training.train(as_before=True)

    # ---- helpers

    def _forget(self) -> None:
        """Another engine knows nothing of what was told to, and by, the earlier one."""
        self._asked.clear()
        self._claimed.clear()
        self.pictures, self.in_use = {}, None
        for state in self._session.documents.values():
            state.missing = ""

    def _ask(self, action: str, model: str, on_reply: Callable[[Reply], None], **more: Any) -> None:
        self._session.ask("models", {"action": action, "model": model, **more}, on_reply)

    def _fine(self, reply: Reply) -> bool:
        if reply.kind == "error":
            code = str(reply.body.get("code", ""))
            text = sentence_of(code, str(reply.body.get("message") or ""))
            self._session.say(Notice("error", text, mend_of(code)))
        return reply.kind == "result"

    def _on_shown(self, reply: Reply) -> None:
        model = reply.body.get("model")
        if reply.kind == "result" and isinstance(model, dict):
            png = b"".join(bytes(frame.data) for frame in reply.frames)
            self.pictures = {**self.pictures, str(model.get("id", "")): png}

    def _on_renamed(self, reply: Reply) -> None:
        if self._fine(reply):
            model = ModelInfo.from_body(reply.body.get("model") or {})
            for state in self._session.documents.values():
                if state.model is not None and state.model.id == model.id:
                    state.model = replace(state.model, name=model.name)
                    state.remembered = False
        self._library.refresh()
