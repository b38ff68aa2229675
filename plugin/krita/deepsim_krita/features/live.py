"""Live: a preview layer that follows the brush.

While it is on, the drawing is looked at several times a second. When it has changed and the hand
rests, it is sent; the engine answers the newest and drops what that overtakes. The preview is one
layer that holds only what differs from the picture, and goes when Live goes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import GoneError
from ..engine_errors import Ways, mend_of, sentence_of
from ..jobs import picture_of
from ..session import RefusalError, Session
from ..state import Box, Notice, Picture
from ..steps import Work
from ..text import _
from .applying import Applying

IN_FLIGHT = 2
"""Requests that may be under way: one that is computed, and the newest."""

WAYS = Ways(again="live", layers="choose_segments")

OVERTAKEN = frozenset({"superseded", "cancelled"})
"""Error codes of requests that a newer one has replaced."""


class Live:
    """Whether a document's preview follows its drawing, and the preview."""

    def __init__(self, session: Session, applying: Applying) -> None:
        self._session = session
        self._applying = applying
        self._seen: dict[str, int] = {}
        self._in_flight: dict[str, int] = {}
        session.opened.connect(self._clean_up)

    def toggle(self) -> None:
        """Turns it on or off for the document in front, or refuses with a notice."""
        self._session.attempt(self._toggle)

    @property
    def on(self) -> bool:
        """Whether it is on for the document in front: the owner then calls `look` often."""
        return self._session.active is not None and self._session.active.live

    def look(self) -> None:
        """Looks at the drawing, and asks for its picture when it has changed; cheap."""
        state = self._session.active
        if state is None or not state.live or self._session.editor.hand_down:
            return
        key = f"live {state.uid}"
        if not self._session.steps.doing(key) and self._in_flight.get(state.uid, 0) < IN_FLIGHT:
            self._session.steps.begin(key, self._look(state))

    # ---- on and off

    def _toggle(self) -> None:
        _document, state = self._session.document()
        if state.live:
            self._end(state)
            return
        _body, name, kind = self._applying.model(state)  # refuses where there is none
        self._applying.drawing(state, name, kind)
        self._seen.pop(state.uid, None)
        state.live = True
        self.look()

    def _end(self, state: DocumentState, notice: Notice | None = None) -> None:
        state.live = False
        self._remove_preview(state)
        if notice is not None and state is self._session.active:
            self._session.say(notice)
        elif notice is not None:
            state.notice = notice  # seen when that document is in front again

    def _remove_preview(self, state: DocumentState) -> None:
        document = self._session.editor.find(state.uid)
        if state.live_layer and document is not None:
            with suppress(GoneError):  # the artist was faster
                document.remove(state.live_layer)
        state.results = state.results - {state.live_layer}
        state.live_layer, state.live_box = "", (0, 0, 0, 0)
        state.remembered = False

    def _clean_up(self, state: DocumentState) -> None:
        """A document that was saved while Live was on comes back with a preview in it."""
        if state.live_layer and not state.live:
            self._remove_preview(state)

    # ---- following the drawing

    def _look(self, state: DocumentState) -> Work:
        try:
            body, name, kind = self._applying.model(state)
            box = self._applying.box(state, body, self._session.reopen(state).size)
            drawing: dict[str, Picture] = {}
            for part, layer in self._applying.drawing(state, name, kind).items():
                drawing[part] = yield from self._session.reopen(state).reading(layer.uid, box)
        except (RefusalError, GoneError) as e:
            self._end(state, Notice("error", str(e), getattr(e, "mend", "")))
            return
        # The model counts too: one that is being trained, or a newly chosen one, paints anew.
        seen = hash((str(body), *(bytes(picture.rgba) for picture in drawing.values())))
        if seen != self._seen.get(state.uid) and state.live:
            self._seen[state.uid] = seen
            origin = (0, 0) if box is None else box[:2]
            self._ask(state, body, drawing, origin)

    def _ask(
        self,
        state: DocumentState,
        body: dict[str, Any],
        drawing: dict[str, Picture],
        origin: tuple[int, int],
    ) -> None:
        uid = state.uid  # another one when the document was closed and opened again meanwhile
        body.update(blend=True, crop=True, document=uid)
        self._in_flight[uid] = self._in_flight.get(uid, 0) + 1

        def answer(reply: Reply) -> None:
            if reply.final:
                self._in_flight[uid] -= 1
                self._answered(state, reply, origin)

        self._session.ask("apply", body, answer, drawing)

    def _answered(self, state: DocumentState, reply: Reply, origin: tuple[int, int]) -> None:
        if not state.live:
            return
        code = str(reply.body.get("code", ""))
        if reply.kind == "result":
            self._session.steps.begin(f"live show {state.uid}", self._show(state, reply, origin))
        elif code not in OVERTAKEN:
            error = sentence_of(code, str(reply.body.get("message") or ""))
            text = _("Live was turned off: {error}").format(error=error)
            self._end(state, Notice("error", text, mend_of(code, WAYS)))

    def _show(self, state: DocumentState, reply: Reply, origin: tuple[int, int]) -> Work:
        picture = yield from picture_of(reply, "image")
        left, top, width, height = (int(v) for v in reply.body.get("box") or (0, 0, *state.size))
        if picture is None or not width or not height:
            picture = Picture(0, 0, b"")
        left, top = left + origin[0], top + origin[1]
        document = self._session.editor.find(state.uid)
        if document is None or not state.live:
            return
        if state.live_layer not in {layer.uid for layer in document.layers()}:
            above = state.top
            state.focus = document.active_layer() or ""  # the artist goes on painting on it
            state.live_layer = document.insert_preview(_("Live"), above)
            state.live_box = (0, 0, 0, 0)
            state.results = state.results | {state.live_layer}
            state.remembered = False
        uid, before = state.live_layer, state.live_box
        box = (left, top, picture.width, picture.height)
        state.live_box = union(before, box)  # as long as a newer picture may overtake this one
        try:
            yield from document.showing(uid, picture, (left, top), before)
        except GoneError:  # deleted or closed meanwhile: the next picture makes it anew
            box = (0, 0, 0, 0)
        state.live_box = box


def union(one: Box, other: Box) -> Box:
    """The smallest box (left, top, width, height) that holds both; empty ones do not count."""
    boxes = [box for box in (one, other) if box[2] and box[3]]
    if not boxes:
        return (0, 0, 0, 0)
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right = max(box[0] + box[2] for box in boxes)
    bottom = max(box[1] + box[3] for box in boxes)
    return (left, top, right - left, bottom - top)
