"""Selections: training and applying inside of one, and selecting what a result has changed."""

from __future__ import annotations

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Document
from ..session import RefusalError, Session
from ..state import Box, Mask
from ..steps import WorkFor
from ..text import _


def selected_part(document: Document, state: DocumentState) -> WorkFor[Mask | None]:
    """The selection, None when there is none; refuses one that is beside the canvas."""
    selected = yield from document.selecting()
    if selected == state.pointed_out:
        return None
    if selected is not None and not any(selected.values):
        raise RefusalError(_("The selection holds nothing of the canvas: change or remove it."))
    return selected


def fits(box: Box | None, size: tuple[int, int]) -> bool:
    """Whether a canvas of this size has a part; it always has all of itself, None."""
    return box is None or (box[0] + box[2] <= size[0] and box[1] + box[3] <= size[1])


def meet(one: Box, other: Box) -> bool:
    """Whether two parts of the canvas have a pixel in common."""
    return all(
        one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in range(2)
    )


def changed_of(reply: Reply, box: Box | None) -> Mask | None:
    """What a result changed, in canvas coordinates; None when the engine did not say."""
    frame = reply.frame("influence")
    if frame is None:
        return None
    height, width = frame.shape[:2]
    left, top = (box[0], box[1]) if box is not None else (0, 0)
    return Mask((left, top, width, height), bytes(frame.data))


class Selecting:
    """What the last result changed, as a selection."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def select_changed(self) -> None:
        """Selects what the last result changed, or refuses with a notice."""
        self._session.attempt(self._select)

    def _select(self) -> None:
        document, state = self._session.document()
        changed = state.changed_by_apply
        if changed is None:
            raise RefusalError(_("There is no result yet whose change could be selected."), "apply")
        if not any(changed.values):
            raise RefusalError(_("The last result changed nothing."))
        document.select(changed)
