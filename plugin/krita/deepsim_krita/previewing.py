"""The preview layer of Live: pixels that come and go without a trace in the undo history."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from .nodes import find
from .pixels.colour import SRGB8, band_of, convert, space_of
from .pixels.pace import MOST_PIXELS, Bands
from .pixels.reading import copied, quiet
from .state import Picture
from .steps import Work


def show(document: Any, uid: str, picture: Picture, place: tuple[int, int]) -> Work:
    """Puts a picture on a layer in place of everything that is on it, in steps.

    Raises:
        GoneError: the layer was deleted, or the document closed, before the end.
    """
    space, width, (left, above) = space_of(find(document, uid)), picture.width, place
    yield from quiet(document)
    found = []
    with nullcontext() if space == SRGB8 else copied(document) as copy:
        bands = Bands(width, picture.height, converting=space != SRGB8)
        for top, rows in bands:
            rgba = bytes(picture.rgba[4 * width * top : 4 * width * (top + rows)])
            band = band_of(rgba, width, rows)
            found.append((top, (yield from bands.through(convert(copy, band, space)))))
            yield from bands.pause()
    yield from quiet(document)
    if space_of(find(document, uid)) != space:  # it was converted meanwhile
        yield from show(document, uid, picture, place)
        return
    yield from erasing(document, uid)
    for top, band in found:
        find(document, uid).setPixelData(band.raw, left, above + top, width, band.rows)
        yield None
    yield from quiet(document)
    find(document, uid)  # it may have been deleted last
    document.refreshProjection()


def erasing(document: Any, uid: str) -> Work:
    """Makes a paint layer transparent where it has pixels, wherever the canvas has come to lie.

    Raises:
        GoneError: the layer was deleted, or the document closed, before the end.
    """
    node = find(document, uid)
    bounds = node.bounds()
    left, above, width, height = bounds.x(), bounds.y(), bounds.width(), bounds.height()
    if bounds.isEmpty():
        return
    one = len(bytes(node.pixelData(left, above, 1, 1)))
    tallest = max(1, MOST_PIXELS // width)
    for top in range(0, height, tallest):
        rows = min(tallest, height - top)
        find(document, uid).setPixelData(bytes(one * width * rows), left, above + top, width, rows)
        yield None
