"""Live: a preview layer that follows the brush.

While it is on, the drawing is looked at whenever it may have changed and the hand rests. When it
has changed, it is sent; the engine answers the newest and drops what that overtakes. The preview is
one layer that holds only what differs from the picture, and goes when Live goes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import GoneError
from ..engine_errors import Ways, mend_of, sentence_of
from ..jobs import picture_of
from ..session import RefusalError, Session
from ..state import Notice, Picture
from ..steps import Work, WorkFor
from ..text import _
from .applying import Applying
from .preview import Preview

IN_FLIGHT = 2
"""Requests that may be under way: one that is computed, and the newest."""

WAYS = Ways(again="live", layers="choose_segments")

REST = 0.1
"""Seconds between two looks at a drawing that nothing hints at a change of."""

SHARE = 10
"""Then the drawing is looked at for at most the so-manieth part of the time."""

SAVING = 1.0
"""Seconds for which the preview stays hidden once a document may be saved."""

COMPARED = 4 << 20
"""Bytes that are compared at once."""

OVERTAKEN = frozenset({"superseded", "cancelled"})
"""Error codes of requests that a newer one has replaced."""


@dataclass(frozen=True)
class Sight:
    """What a document's drawing was like when it was sent last."""

    model: str
    size: tuple[int, int]
    pictures: Mapping[str, Picture]

    def same(self, other: Sight | None) -> WorkFor[bool]:
        """Whether nothing differs, to the bit; in steps."""
        if other is None or (self.model, self.size) != (other.model, other.size):
            return False
        if self.pictures.keys() != other.pictures.keys():
            return False
        for part, picture in self.pictures.items():
            mine, theirs = picture.rgba, other.pictures[part].rgba
            if len(mine) != len(theirs):
                return False
            for start in range(0, len(mine), COMPARED):
                if mine[start : start + COMPARED] != theirs[start : start + COMPARED]:
                    return False
                yield None
        return True


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
        self._in_flight: dict[str, int] = {}
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
        if editor.hand_down or editor.history != self._history:
            self._moved, self._history = True, editor.history
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
            self._preview.unhide(state)
        return self._hidden is not None

    # ---- following the drawing

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
        same = yield from sight.same(self._seen.get(state.uid))
        now = self._clock()
        self._next = now + max(REST, SHARE * (now - began))
        if not same and state.live:
            self._seen[state.uid] = sight
            self._ask(state, body, sight, (0, 0) if box is None else box[:2])

    def _ask(
        self, state: DocumentState, body: dict[str, Any], sight: Sight, origin: tuple[int, int]
    ) -> None:
        uid = state.uid  # another one when the document was closed and opened again meanwhile
        body.update(blend=True, crop=True, document=uid)
        self._in_flight[uid] = self._in_flight.get(uid, 0) + 1

        def answer(reply: Reply) -> None:
            if reply.final:
                self._in_flight[uid] -= 1
                self._answered(state, reply, sight.size, origin)

        self._session.ask("apply", body, answer, sight.pictures)

    def _answered(
        self, state: DocumentState, reply: Reply, size: tuple[int, int], origin: tuple[int, int]
    ) -> None:
        if not state.live:
            return
        code = str(reply.body.get("code", ""))
        if reply.kind == "result":
            show = self._show(state, reply, size, origin)
            self._session.steps.begin(f"live show {state.uid}", show)
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
            place = (left + origin[0], top + origin[1])
            yield from self._preview.showing(state, picture, place)
        # Else it was cropped or turned meanwhile: the next look sees that.
