"""The models that the engine has, and which one belongs to a document."""

from __future__ import annotations

from typing import Any

from deepsim_client import Reply

from ..document_state import DocumentState
from ..jobs import Job
from ..observable import Observable, Property, Signal
from ..progress import DONE
from ..session import Session
from ..state import ModelInfo
from ..text import _


def missing_text(model: ModelInfo) -> str:
    """What is said of a document's model that the library does not have."""
    text = _(
        "The model “{name}” of this picture is not in the library any more: "
        "import its file, or train again with the drawing as it was then."
    )
    return text.format(name=model.name)


class Library(Observable):
    """The engine's models, newest first; asked for again when there may be others."""

    items: Property[tuple[ModelInfo, ...]] = Property(())
    known = Property(False)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.listed = Signal()
        """Emitted when the engine has told all models anew."""
        self.changed.connect(session.tell)
        session.ready.connect(self.refresh)
        session.missed.connect(self.refresh)
        session.switched.connect(self._forget)
        session.ended.connect(self._on_ended)

    def refresh(self) -> None:
        """Asks the engine for its models."""
        self._ask({"action": "list"}, [])

    def find(self, model: str) -> ModelInfo | None:
        """The model of this id."""
        return next((m for m in self.items if m.id == model), None)

    def own(self, state: DocumentState) -> ModelInfo | None:
        """The model that Apply takes by itself: the document's own, else the newest of its size."""
        if state.model is not None:
            return self.find(state.model.id) or state.model
        return next((m for m in self.items if m.size == state.size), None)

    def _forget(self) -> None:
        """Another engine has other models."""
        self.items, self.known = (), False

    def _on_ended(self, job: Job) -> None:
        if job.kind == "train" and job.progress.state == DONE:
            self.refresh()

    def _ask(self, body: dict[str, Any], before: list[ModelInfo]) -> None:
        self._session.ask("models", body, lambda reply: self._on_models(reply, before))

    def _on_models(self, reply: Reply, before: list[ModelInfo]) -> None:
        """A piece of the list; `before` are those of earlier pieces."""
        if reply.kind != "result":
            return
        found = [*before, *map(ModelInfo.from_body, reply.body.get("models") or ())]
        following = reply.body.get("next")
        if following:
            self._ask({"action": "list", "offset": following}, found)
        else:
            found.sort(key=lambda model: model.created, reverse=True)
            self.items = tuple(found)
            self.known = True
            self.listed.emit()
