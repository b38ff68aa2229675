"""Reading a layer of any kind as 8-bit sRGB, without keeping the UI thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from ..editor import GoneError
from ..state import Picture
from ..steps import WAITING, Work, WorkFor
from ..text import _
from .colour import SRGB8, Band, Loss, convert, loss, rgba_of, space_of, warm
from .pace import Bands


def quiet(document: Any) -> Work:
    """Waits until Krita has no work left on a document, such as a stroke of the brush.

    Raises:
        GoneError: it was closed.
    """
    while True:
        if document.rootNode() is None:
            raise GoneError(_("The document was closed."))
        if document.tryBarrierLock():
            document.unlock()
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


def read(copy: Any, node: Any, width: int, height: int) -> WorkFor[Picture]:
    """A layer of any kind over the canvas, masks applied; `node` is one of the document `copy`.

    The layer's own opacity and visibility do not matter, so hidden drawings can be read.
    """
    space, lost = space_of(node), Loss()
    if space != SRGB8:
        yield from warm(copy, space, SRGB8)
    rgba = bytearray(4 * width * height)
    bands = Bands(width, height)
    for top, rows in bands:
        raw = bytes(node.projectionPixelData(0, top, width, rows))
        band = Band(raw, width, rows, space)
        if space != SRGB8:
            lost |= yield from bands.through(loss(copy, band))
            band = yield from bands.through(convert(copy, band, SRGB8))
        rgba[4 * width * top : 4 * width * (top + rows)] = rgba_of(band)
        yield from bands.pause()
    return Picture(width, height, bytes(rgba), lost.text)
