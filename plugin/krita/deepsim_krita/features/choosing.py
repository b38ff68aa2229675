"""Which layers play which part, and whether the drawing is in sight."""

from __future__ import annotations

from ..roles import Choices
from ..session import Session
from ..state import LayerInfo


class Choosing:
    """What the docker's upper part does."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def choose(self, choices: Choices) -> None:
        """Takes over which layers play which part; the document remembers it."""
        document, state = self._session.editor.active(), self._session.active
        if document is not None and state is not None and state.choices != choices:
            state.choices = choices
            document.remember(state.memory())

    def toggle_visible(self, layer: LayerInfo | None) -> None:
        """Opens or closes the eye of one of the active document's layers."""
        document = self._session.editor.active()
        if document is not None and layer is not None:
            uid = layer.uid
            self._session.attempt(lambda: document.set_visible(uid, not document.visible(uid)))

    def ask_for_image(self) -> None:
        """Opens the docker's list of layers for the image."""
        self._session.wanted.emit("image")

    def ask_for_edges(self) -> None:
        """Opens the docker's list of layers for the edges."""
        self._session.wanted.emit("edges")

    def ask_for_segments(self) -> None:
        """Opens the docker's list of layers for the segments."""
        self._session.wanted.emit("segments")
