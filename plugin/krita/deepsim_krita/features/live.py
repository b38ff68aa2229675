"""Live: a preview layer that follows the brush.

While it is on, the drawing is looked at whenever it may have changed and the hand rests. What has
changed is sent; the engine answers the newest and drops what that overtakes. The preview is one
layer that holds only what differs from the picture, and goes when Live goes.
"""

from __future__ import annotations

import time
from typing import Any, Callable

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import GoneError
from ..engine_errors import Ways, mend_of, sentence_of
from ..jobs import picture_of
from ..session import RefusalError, Session
from ..state import Notice, Picture
from ..steps import Work
from ..text import _
from .applying import Applying
from .preview import Preview
from .sending import Sent, Sight

IN_FLIGHT = 2
"""Requests that may be under way: one that is computed, and the newest."""

WAYS = Ways(again="live", layers="choose_segments")

REST = 0.1
"""Seconds between two looks at a drawing that nothing hints at a change of."""

SHARE = 10
"""Then the drawing is looked at for at most the so-manieth part of the time."""

LONGEST = 5.0
"""Seconds until the drawing is looked at without a hint, however long the last look took."""

SAVING = 1.0
"""Seconds for which the preview stays hidden once a document may be saved."""

OVERTAKEN = frozenset({"superseded", "cancelled"})
"""Error codes of requests that a newer one has replaced."""

BASE_LOST = "base-lost"
"""Error code of a request that brought what changed of a drawing which the engine has no more."""


class Live:
    """Whether a document's preview follows its drawing, and the preview."""

    def __init__(
        self,
        session: Session,
        applying: Applying,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._applying = applying
        self._clock = clock
        self._preview = Preview(session)
        self._seen: dict[str, Sight] = {}
        self._sent: dict[str, Sent] = {}
        self._in_flight: dict[str, int] = {}
        self._unshown: set[str] = set()
        """Documents whose last answer could not be shown."""
        self._front = ""
        """The document that was looked at last."""
        self._moved = True
        """Whether something was done since the drawing was looked at last."""
        self._history = ""
        self._next = 0.0
        """When it is looked at without a hint."""
        self._hidden: tuple[DocumentState, float] | None = None
        """Whose preview is hidden for the time of saving, and since when."""

    def toggle(self) -> None:
        """Turns it on or off for the document in front, or refuses with a notice."""
        self._session.attempt(self._toggle)

    @property
    def on(self) -> bool:
        """Whether it is on for the document in front: the owner then calls `look` often."""
        return self._session.active is not None and self._session.active.live

    def look(self) -> None:
        """Asks for the picture of the drawing when that has changed; cheap where it has not."""
        state, editor, now = self._session.active, self._session.editor, self._clock()
        if state is None or not state.live or self._saving(now):
            return
        if editor.hand_down or editor.history != self._history or state.uid != self._front:
            self._moved, self._history, self._front = True, editor.history, state.uid
        self._show_what_was_not(state)
        if editor.hand_down or not (self._moved or now >= self._next):
            return
        key = f"live {state.uid}"
        if not self._session.steps.doing(key) and self._in_flight.get(state.uid, 0) < IN_FLIGHT:
            self._moved = False
            self._session.steps.begin(key, self._look(state))

    def put_away(self) -> None:
        """Hides the preview for a while: the document in front is about to be saved, perhaps."""
        state = self._session.active
        if state is None or not state.live:
            return
        if self._hidden is not None and self._hidden[0] is not state:
            self._preview.unhide(self._hidden[0])
            self._hidden = None
        if self._hidden is not None or not state.live_layer or self._preview.hide(state):
            self._hidden = (state, self._clock())

    def observe(self) -> None:
        """Called a few times a second: no preview is left where Live is off."""
        if self._session.active is not None:
            self._preview.tidy(self._session.active)
        for uid in list(self._sent):
            if self._session.editor.find(uid) is None:
                self._seen.pop(uid, None)
                self._unshown.discard(uid)
                if not self._in_flight.get(uid):
                    del self._sent[uid]

    # ---- on and off

    def _toggle(self) -> None:
        _document, state = self._session.document()
        if state.live:
            self._end(state)
            return
        _body, name, kind = self._applying.model(state)  # refuses where there is none
        self._applying.drawing(state, name, kind)
        self._seen.pop(state.uid, None)
        state.live = self._moved = True
        state.notice = None  # what was said before is done with, as when a job begins
        self.look()

    def _end(self, state: DocumentState, notice: Notice | None = None) -> None:
        state.live = False
        self._seen.pop(state.uid, None)
        self._preview.remove(state)
        if notice is not None and state is self._session.active:
            self._session.say(notice)
        elif notice is not None:
            state.notice = notice  # seen when that document is in front again

    def _saving(self, now: float) -> bool:
        """Whether the preview is hidden because the document may be on its way to a file."""
        if self._hidden is None:
            return False
        state, since = self._hidden
        if self._session.editor.asking:  # a menu or a dialog: it may still be saved from there
            self._hidden = (state, now)
        elif now - since > SAVING:
            self._hidden = None
            self._moved = True
            self._preview.unhide(state)
        return self._hidden is not None

    # ---- following the drawing

    def _show_what_was_not(self, state: DocumentState) -> None:
        """Asks anew for a preview that had no layer, once one may be added."""
        if state.uid not in self._unshown:
            return
        document = self._session.editor.find(state.uid)
        if document is not None and not document.can_redo:
            self._unshown.discard(state.uid)
            self._seen.pop(state.uid, None)
            self._moved = True

    def _look(self, state: DocumentState) -> Work:
        began = self._clock()
        try:
            document = self._session.reopen(state)
            body, name, kind = self._applying.model(state)
            size = document.size
            box = self._applying.box(state, body, size)
            drawing: dict[str, Picture] = {}
            for part, layer in self._applying.drawing(state, name, kind).items():
                drawing[part] = yield from self._session.reopen(state).reading(layer.uid, box)
        except (RefusalError, GoneError) as e:
            self._end(state, Notice("error", str(e), getattr(e, "mend", "")))
            return
        # The model counts too: one that is being trained, or a newly chosen one, paints anew.
        sight = Sight(str(body), size, drawing)
        uid = state.uid
        changes = yield from sight.changes(self._seen.get(uid))
        now = self._clock()
        self._next = now + min(LONGEST, max(REST, SHARE * (now - began)))
        if changes == {} or not state.live:
            return
        self._seen[uid] = sight
        sent = self._sent.setdefault(uid, Sent())
        sent.changed(changes)
        more, frames = yield from sent.frames(sight.pictures)
        if state.live:
            body.update(blend=True, crop=True, document=uid, **more)
            request = self._ask(state, body, frames, size, (0, 0) if box is None else box[:2])
            if "keep" in more:
                sent.asked(request)

    def _ask(
        self,
        state: DocumentState,
        body: dict[str, Any],
        frames: dict[str, Picture],
        size: tuple[int, int],
        origin: tuple[int, int],
    ) -> str:
        uid = str(body["document"])  # the state's is another one once it is closed and opened again
        self._in_flight[uid] = self._in_flight.get(uid, 0) + 1

        def answer(reply: Reply) -> None:
            if reply.final:
                self._in_flight[uid] -= 1
                self._sent[uid].answered(request, kept=reply.body.get("kept") is True)
                if reply.body.get("code") == BASE_LOST:
                    self._sent[uid].changed(None)  # for a look that is under way, too
                self._answered(state, reply, size, origin)

        request = self._session.ask("apply", body, answer, frames)
        return request

    def _answered(
        self, state: DocumentState, reply: Reply, size: tuple[int, int], origin: tuple[int, int]
    ) -> None:
        if not state.live:
            return
        code = str(reply.body.get("code", ""))
        if reply.kind == "result":
            show = self._show(state, reply, size, origin)
            self._session.steps.begin(f"live show {state.uid}", show)
        elif code == BASE_LOST:
            self._seen.pop(state.uid, None)  # so all of it is sent, and soon
            self._moved = True
        elif code not in OVERTAKEN:
            error = sentence_of(code, str(reply.body.get("message") or ""))
            text = _("Live was turned off: {error}").format(error=error)
            self._end(state, Notice("error", text, mend_of(code, WAYS)))

    def _show(
        self, state: DocumentState, reply: Reply, size: tuple[int, int], origin: tuple[int, int]
    ) -> Work:
        picture = yield from picture_of(reply, "image")
        left, top, width, height = (int(v) for v in reply.body.get("box") or (0, 0, *size))
        if picture is None or not width or not height:
            picture = Picture(0, 0, b"")
        if self._hidden is not None and self._hidden[0] is state:
            self._seen.pop(state.uid, None)  # asked for anew once the document is saved
            return
        document = self._session.editor.find(state.uid)
        if document is not None and document.size == size:
            place, before = (left + origin[0], top + origin[1]), state.shown
            yield from self._preview.showing(state, picture, place)
            if state.shown == before:
                self._unshown.add(state.uid)
        # Else it was cropped or turned meanwhile: the next look sees that.
