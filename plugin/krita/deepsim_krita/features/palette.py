"""The segments' colours: which there are, picking one, and bringing stray ones back to them."""

from __future__ import annotations

from typing import Any

from deepsim_client import Reply

from ..document_state import DocumentState, Swap
from ..editor import Editor, GoneError
from ..engine_errors import Ways
from ..jobs import DocumentJob
from ..session import RefusalError, Session
from ..state import Colour, LayerInfo, Mask, ModelInfo, Notice, colours_of
from ..steps import Work, WorkFor
from ..text import _, ngettext
from .library import Library


class SnapJob(DocumentJob):
    """The segments layer compared with the palette, and repainted in it where that is asked."""

    kind = "snap"
    ways = Ways(again="snap", layers="choose_segments")

    def __init__(
        self, layer: LayerInfo, repaint: bool, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(_("Looking at the colours"), state, editor)
        self._layer = layer
        self._repaint = repaint

    def adding(self, reply: Reply) -> WorkFor[Notice]:
        """Notes the palette and the stray pixels; repaints the layer."""
        state = self.document
        note(state, reply)
        if not self._repaint:
            return (yield from self._found(state, reply))
        picture = yield from self.picture(reply, "segments")
        uid = yield from self.opened().replacing(self._layer.uid, picture)
        state.swap = Swap(self._layer.uid, uid)
        state.moved(self._layer.uid, uid)
        state.stray = 0
        yield from self._let_go(state)
        text = _("“{name}” has the palette's colours now.").format(name=self._layer.name)
        return Notice("good", text)

    def _let_go(self, state: DocumentState) -> WorkFor[None]:
        """Ends the selection that pointed stray pixels out, if it is still there."""
        document = self.opened()
        selected = yield from document.selecting()
        if selected is not None and selected == state.pointed_out:
            document.select(None)
        state.pointed_out = None

    def _found(self, state: DocumentState, reply: Reply) -> WorkFor[Notice]:
        stray = state.stray
        if not stray:
            text = _("All colours of “{name}” belong to the palette.")
            return Notice("good", text.format(name=self._layer.name))
        mask = reply.frame("stray")
        if mask is not None:
            document = self.opened()
            document.select(Mask((0, 0, mask.shape[1], mask.shape[0]), bytes(mask.data)))
            state.pointed_out = yield from document.selecting()
        text = ngettext(
            "{count} pixel of “{name}” has a colour of no class; it is selected.",
            "{count} pixels of “{name}” have colours of no class; they are selected.",
            stray,
        )
        return Notice("warning", text.format(count=stray, name=self._layer.name), "snap")


def note(state: DocumentState, reply: Reply) -> None:
    """Takes over what the engine found out about a document's segments."""
    found = colours_of(reply.body.get("palette"))
    if found:  # in the order that the artist knows
        known = tuple(colour for colour in state.palette if colour in found)
        state.palette = known + tuple(colour for colour in found if colour not in known)
    state.stray = int(reply.body.get("stray") or 0)


class Palette:
    """The colours of a document's segments, one for each kind of thing."""

    def __init__(self, session: Session, library: Library) -> None:
        self._session = session
        self._library = library
        self._looked: dict[str, tuple[str, int]] = {}

    def observe(self) -> None:
        """Called a few times a second: looks at segments that nobody has looked at yet.

        That is: when they are found the first time, and when the artist has left their layer.
        """
        session, state = self._session, self._session.active
        if state is not None and state.swap is not None:
            self._follow_undo(state, state.swap)
        layer = state.roles.segments if state is not None else None
        if state is None or layer is None:
            return
        subject = (layer.uid, state.edits)
        painted_on = state.active == layer.uid and bool(state.palette)
        if painted_on or subject == self._looked.get(state.uid):
            return
        if session.engine.state != "ready" or session.jobs:
            return
        self._looked[state.uid] = subject
        session.steps.begin(f"look {state.uid}", self._look(state, layer))

    def _follow_undo(self, state: DocumentState, swap: Swap) -> None:
        """Snapping is one step: where the artist has undone, or redone, half of it, does the rest.

        Krita has no way to put two changes of the layers into one step.
        """
        there = {layer.uid for layer in state.layers}
        if {swap.old, swap.new} <= there:
            editor = self._session.editor
            front = editor.active()
            # Not into a stroke, nor over what came since (then nothing can be redone), nor while
            # Krita works: it would drop the step.
            ready = front is not None and front.uid == state.uid and front.can_redo and front.idle
            if ready and not swap.pushed and not editor.hand_down:
                swap.pushed = True
                (editor.undo if swap.done else editor.redo)()
            return
        done = swap.new in there
        if done != swap.done and (done or swap.old in there):
            state.moved(*((swap.old, swap.new) if done else (swap.new, swap.old)))
            swap.done = done
        swap.pushed = False

    def colours(self, state: DocumentState) -> tuple[Colour, ...]:
        """Those of the document's model, else those found in its segments last."""
        model = self._own(state)
        return model.palette if model is not None and model.palette else state.palette

    def pick(self, colour: Colour) -> None:
        """Takes a colour of the palette for the brush, which then paints on the segments."""
        self._session.attempt(lambda: self._pick(colour))

    def check(self) -> None:
        """Looks for colours in the segments layer that belong to no class."""
        self._session.attempt(lambda: self._begin(repaint=False))

    def snap(self) -> None:
        """Gives every pixel of the segments layer the colour of its class."""
        self._session.attempt(lambda: self._begin(repaint=True))

    def _own(self, state: DocumentState) -> ModelInfo | None:
        return self._library.own(state) if state.model is not None else None

    def _pick(self, colour: Colour) -> None:
        document, state = self._session.document()
        self._session.editor.set_brush_colour(colour)
        if state.roles.segments is not None:
            document.activate(state.roles.segments.uid)

    def _begin(self, repaint: bool) -> None:
        _document, state = self._session.document()
        layer = state.roles.segments
        if layer is None:
            raise RefusalError(_("There is no segments layer to look at."), "choose_segments")
        self._session.attempt_in_steps(f"snap {state.uid}", self._start(state, layer, repaint))

    def _start(self, state: DocumentState, layer: LayerInfo, repaint: bool) -> Work:
        session = self._session
        picture = yield from session.reopen(state).reading(layer.uid)
        if picture.is_empty:
            raise RefusalError(
                _("The segments layer is empty: paint flat colours on it."), "segment"
            )
        job = SnapJob(layer, repaint, state, session.editor)
        session.start(job, self._body(state), {"segments": picture})

    def _look(self, state: DocumentState, layer: LayerInfo) -> Work:
        """Notes palette and stray pixels without a word: the docker shows them."""
        try:
            picture = yield from self._session.reopen(state).reading(layer.uid)
        except GoneError:
            return
        if picture.is_empty:
            return

        def answer(reply: Reply) -> None:
            if reply.kind == "result":
                note(state, reply)

        self._session.ask("snap", self._body(state), answer, {"segments": picture})

    def _body(self, state: DocumentState) -> dict[str, Any]:
        # Without a model the engine finds the palette in the layer: a new colour is fine then.
        model = self._own(state)
        palette = model.palette if model is not None else ()
        return {"palette": [list(colour) for colour in palette]} if palette else {}
