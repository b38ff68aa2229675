"""Reading a layer of any kind as 8-bit sRGB, without keeping the UI thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, TypeVar

from ..editor import GoneError
from ..nodes import find
from ..state import Box, Mask, Picture
from ..steps import WAITING, Work, WorkFor
from ..text import _
from .colour import SRGB8, Band, Loss, convert, loss, rgba_of, space_of, warm
from .pace import Bands

T = TypeVar("T")


def is_quiet(document: Any) -> bool:
    """Whether Krita has no work left on an open document."""
    free = bool(document.tryBarrierLock())
    if free:
        document.unlock()
    return free


def quiet(document: Any) -> Work:
    """Waits until Krita has no work left on a document, such as a stroke of the brush.

    Raises:
        GoneError: it was closed.
    """
    while True:
        if document.rootNode() is None:
            raise GoneError(_("The document was closed."))
        if is_quiet(document):
            return
        yield WAITING


@contextmanager
def copied(document: Any) -> Iterator[Any]:
    """A copy of a quiet document that nobody sees, for the time of the with block.

    It shares its pixels with the document, so it costs milliseconds at any size; while it is read,
    the artist may paint on.
    """
    copy = document.clone()
    copy.setBatchmode(True)
    try:
        yield copy
    finally:
        copy.setModified(False)
        copy.close()


def while_open(document: Any, work: WorkFor[T]) -> WorkFor[T]:
    """Does a work, and gives what it gives, for as long as the document is open.

    Raises:
        GoneError: it was closed.
    """
    while document.rootNode() is not None:
        try:
            said = next(work)
        except StopIteration as e:
            result: T = e.value
            return result
        yield said
    work.close()
    raise GoneError(_("The document was closed."))


def reading_now(document: Any, uid: str, box: Box | None) -> WorkFor[Picture]:
    """A layer as it is when this begins, in a part of the canvas (None: all of it), in steps.

    The document is quiet.

    Raises:
        GoneError: there is no such layer, or the document closed before the end.
    """
    node = find(document, uid)
    if box is None:
        box = (0, 0, document.width(), document.height())
    if is_plain(node):
        # A copy of the layer alone, of no document's tree, costs a tenth of the document's.
        return (yield from while_open(document, read(None, node.duplicate(), box)))
    with copied(document) as copy:
        yield None
        return (yield from read(copy, find(copy, uid), box))


def is_plain(node: Any) -> bool:
    """Whether what a layer shows are its own pixels, and those need no conversion."""
    alone = node.type() == "paintlayer" and not node.animated() and not node.childNodes()
    return alone and space_of(node) == SRGB8


def read(copy: Any, node: Any, box: Box) -> WorkFor[Picture]:
    """A layer of any kind in a part of the canvas, masks applied; `node` is one of `copy`.

    The layer's own opacity and visibility do not matter, so hidden drawings can be read. Without
    a need for conversions `copy` may be None.
    """
    left, above, width, height = box
    space, lost = space_of(node), Loss()
    if space != SRGB8:
        yield from warm(copy, space, SRGB8)
    rgba = bytearray()  # grown, because filling so much with zeros would take its time
    bands = Bands(width, height, converting=space != SRGB8)
    for top, rows in bands:
        raw = bytes(node.projectionPixelData(left, above + top, width, rows))
        band = Band(raw, width, rows, space)
        if space != SRGB8:
            lost |= yield from bands.through(loss(copy, band))
            band = yield from bands.through(convert(copy, band, SRGB8))
        rgba += rgba_of(band)
        yield from bands.pause()
    return Picture(width, height, rgba, lost.text)


def read_selection(document: Any) -> WorkFor[Mask | None]:
    """The selection on the canvas, None when there is none; its box is empty when it is beside."""
    selection = document.selection()
    if selection is None:
        return None
    selection = selection.duplicate()  # the artist may go on selecting
    left, top = max(0, selection.x()), max(0, selection.y())
    right = min(document.width(), selection.x() + selection.width())
    bottom = min(document.height(), selection.y() + selection.height())
    width, height = max(0, right - left), max(0, bottom - top)
    values = bytearray()
    bands = Bands(width, height)
    for row, rows in bands:
        values += bytes(selection.pixelData(left, top + row, width, rows))
        yield from bands.pause()
    return Mask((left, top, width, height), values)
