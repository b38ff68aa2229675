"""Frames for a model that learned a part of the canvas: they show all of it, or just that part."""

from __future__ import annotations

from typing import Mapping

from ..document_state import DocumentState
from ..editor import GoneError
from ..pixels.parts import cropped, pasted
from ..session import RefusalError, Session
from ..state import Box, Picture
from ..steps import WorkFor
from ..text import _


class LearnedPart:
    """What is done with frames, one after another: `cut` a drawing, then `filled` its picture.

    Args:
        box: the part of the canvas that the model learned.
        around: the layer of the document that a picture of the whole canvas shows beside it.
    """

    def __init__(self, session: Session, state: DocumentState, box: Box, around: str) -> None:
        self._session, self._state = session, state
        self._box, self._canvas = box, state.size
        self._layer = around
        self._around: Picture | None = None
        self._whole = False

    def cut(self, name: str, drawing: Mapping[str, Picture]) -> WorkFor[Mapping[str, Picture]]:
        """The drawing of the part, given one of the canvas or of the part; in steps.

        Raises:
            RefusalError: it is of neither.
            GoneError: the document was closed, or its picture deleted, and it is needed.
        """
        sizes = {(picture.width, picture.height) for picture in drawing.values()}
        self._whole = sizes == {self._canvas}
        if self._whole:
            if self._around is None:
                document = self._session.editor.find(self._state.uid)
                if document is None:
                    raise GoneError(_("The document was closed."))
                self._around = yield from document.reading(self._layer)
            parts = {}
            for part, picture in drawing.items():
                parts[part] = yield from cropped(picture, self._box)
            return parts
        if sizes != {self._box[2:]}:
            text = _(
                "“{name}” is {size}, but has to be {canvas} as the canvas, "
                "or {part} as the part that the model learned."
            )
            found = ", ".join(_size(size) for size in sorted(sizes))
            canvas, part = _size(self._canvas), _size(self._box[2:])
            raise RefusalError(text.format(name=name, size=found, canvas=canvas, part=part))
        return drawing

    def filled(self, picture: Picture) -> WorkFor[Picture]:
        """The picture of the drawing that was cut last, as large as that was; in steps."""
        if not self._whole or self._around is None:
            return picture
        return (yield from pasted(self._around, picture, self._box[:2]))


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
