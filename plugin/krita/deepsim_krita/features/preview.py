"""Live's preview layer: shown, hidden while the document is saved, and never left behind."""

from __future__ import annotations

from contextlib import suppress

from ..document_state import DocumentState
from ..editor import Document, GoneError
from ..session import Session
from ..state import Picture
from ..steps import WAITING, Work
from ..text import _


class Preview:
    """The preview layers of all documents.

    Adding and removing a layer are undo steps, and no editor offers otherwise: so undoing the
    removal brings a preview back. Such a one is emptied and hidden, which leaves the history as it
    is, and goes as soon as there is nothing to redo that its removal would cost.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._emptied: set[str] = set()
        session.opened.connect(self._on_opened)

    def showing(self, state: DocumentState, picture: Picture, place: tuple[int, int]) -> Work:
        """Shows a picture with its left top corner at a place of the canvas, and nothing else."""
        while self._session.editor.hand_down:  # adding a layer would end a stroke where it is
            yield WAITING
        document = self._session.editor.find(state.uid)
        if document is None or not state.live:
            return
        there = [layer.uid for layer in document.layers() if layer.uid in state.previews]
        if state.live_layer not in there:
            if there:  # one that came back: better than yet another
                state.live_layer = there[0]
                self._emptied.discard(there[0])
                document.set_visible(there[0], True)
            elif state.live_layer and document.can_redo:
                return  # undo took it away; a new layer would cost what can be redone
            else:
                self._add(state, document)
        with suppress(GoneError):  # deleted or closed meanwhile: the next picture makes it anew
            yield from document.showing(state.live_layer, picture, place)
            state.shown += 1

    def _on_opened(self, state: DocumentState) -> None:
        if state.live:
            self.unhide(state)  # it was hidden while it was saved
        self.tidy(state)

    def _add(self, state: DocumentState, document: Document) -> None:
        above = state.top
        state.focus = document.active_layer() or ""  # the artist goes on painting on it
        state.live_layer = document.insert_preview(_("Live"), above)
        state.previews = state.previews | {state.live_layer}
        state.results = state.results | {state.live_layer}
        state.remembered = False

    def remove(self, state: DocumentState) -> None:
        """Takes a document's preview away; should undo bring it back, `tidy` sees to it."""
        document = self._session.editor.find(state.uid)
        if state.live_layer and document is not None:
            with suppress(GoneError):  # the artist was faster
                document.remove(state.live_layer)
        state.live_layer = ""

    def hide(self, state: DocumentState) -> bool:
        """Hides the preview, which is no undo step; whether it was visible."""
        document = self._session.editor.find(state.uid)
        if document is None or not state.live_layer:
            return False
        with suppress(GoneError):
            if document.visible(state.live_layer):
                document.set_visible(state.live_layer, False)
                return True
        return False

    def unhide(self, state: DocumentState) -> None:
        """Shows a hidden preview again."""
        document = self._session.editor.find(state.uid)
        if document is not None and state.live_layer:
            with suppress(GoneError):
                document.set_visible(state.live_layer, True)

    def tidy(self, state: DocumentState) -> None:
        """Deals with previews that undo, redo or a saved file has brought back."""
        document = self._session.editor.find(state.uid)
        if document is None or not state.previews or self._session.editor.hand_down:
            return  # removing a layer would end a stroke where it is
        kept = state.live_layer if state.live else ""
        for uid in [layer.uid for layer in document.layers()]:
            if uid not in state.previews or uid == kept:
                continue
            with suppress(GoneError):
                if not document.can_redo:
                    document.remove(uid)
                    self._emptied.discard(uid)
                elif uid not in self._emptied:
                    document.empty(uid)
                    self._emptied.add(uid)
