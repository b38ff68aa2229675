"""Live's preview layer: shown, hidden while the document is saved, and never left behind."""

from __future__ import annotations

from contextlib import suppress

from ..document_state import DocumentState
from ..editor import Document, GoneError
from ..pixels.landmarks import Landmarks
from ..roles import top_result
from ..session import Session
from ..state import Picture
from ..steps import WAITING, Work
from ..text import _


class Preview:
    """The preview layers of all documents.

    Adding and removing a layer are undo steps, and no editor offers otherwise: so undoing the
    removal brings a preview back. Such a one is emptied and hidden, which leaves the history as it
    is, and goes as soon as there is nothing to redo that its removal would cost.

    What is set on a preview is no undo step. Where one was turned with the canvas, which is a step,
    that would get into its way, and could end the editor at the next undo: such a preview is not
    written on again, but another one takes its place.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._emptied: set[str] = set()
        self._canvas: dict[str, Landmarks] = {}
        """How the canvas lay when a preview was put on it."""
        self._turned: set[str] = set()
        """Previews that were seen turned; undone or not, that step stays in their history."""
        session.opened.connect(self._on_opened)

    def showing(self, state: DocumentState, picture: Picture, place: tuple[int, int]) -> Work:
        """Shows a picture with its left top corner at a place of the canvas, and nothing else."""
        while self._session.editor.hand_down or self._busy(state):
            yield WAITING  # adding a layer would end a stroke where it is
        document = self._session.editor.find(state.uid)
        if document is None or not state.live:
            return
        there = [layer.uid for layer in document.layers() if layer.uid in state.previews]
        there = [uid for uid in there if not self._is_turned(document, uid)]
        if state.live_layer not in there:
            if there:  # one that came back: better than yet another
                state.live_layer = there[0]
                self._emptied.discard(there[0])
                document.set_visible(there[0], True)
            elif state.live_layer and document.can_redo:
                return  # undo took it away; a new layer would cost what can be redone
            else:
                self._add(state, document)
                self.tidy(state)  # one that was turned
        with suppress(GoneError):  # deleted or closed meanwhile: the next picture makes it anew
            for said in document.showing(state.live_layer, picture, place):
                yield said
                while not self._session.editor.hand_down and self._busy(state):
                    yield WAITING
                if self._outlived(state):
                    return
            state.shown += 1

    def _busy(self, state: DocumentState) -> bool:
        """Whether the editor works on the document, such as on turning the canvas."""
        document = self._session.editor.find(state.uid)
        return document is not None and not document.idle

    def _outlived(self, state: DocumentState) -> bool:
        """Whether the preview cannot be written on any more."""
        document = self._session.editor.find(state.uid)
        return document is None or self._is_turned(document, state.live_layer)

    def _is_turned(self, document: Document, uid: str) -> bool:
        """Whether the canvas was turned or otherwise changed under a preview."""
        known = self._canvas.get(uid)
        if known is not None and known.advice(document.landmarks(known.uid)):
            self._turned.add(uid)
        return uid in self._turned

    def _on_opened(self, state: DocumentState) -> None:
        if state.live:
            self.unhide(state)  # it was hidden while it was saved
        self.tidy(state)

    def _add(self, state: DocumentState, document: Document) -> None:
        # Not by way of another preview, which may be on its way out.
        layers = [layer for layer in document.layers() if layer.uid not in state.previews]
        above = top_result(layers, state.original, state.results)
        state.focus = document.active_layer() or ""  # the artist goes on painting on it
        state.live_layer = document.insert_preview(_("Live"), above)
        self._canvas[state.live_layer] = document.landmarks(state.original or "")
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
                    if self._is_turned(document, uid):
                        document.set_visible(uid, False)
                    else:
                        document.empty(uid)
                    self._emptied.add(uid)
