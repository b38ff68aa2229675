"""The preview layer of Live: pixels that come and go without a trace in the undo history."""

from __future__ import annotations

from typing import Any, Callable

from .pixels.colour import SRGB8, band_of, convert, space_of
from .pixels.reading import copied, quiet
from .state import Box, Picture
from .steps import Work


def show(
    document: Any,
    find: Callable[[], Any],
    picture: Picture,
    place: tuple[int, int],
    before: Box,
) -> Work:
    """Puts a picture on a layer in place of what is in the box `before`, in steps.

    `find` looks up the layer: between two steps it may have been deleted, and it raises GoneError.
    """
    space, (left, top) = space_of(find()), place
    band = band_of(bytes(picture.rgba), picture.width, picture.height) if picture.rgba else None
    if band is not None and space != SRGB8:
        yield from quiet(document)
        with copied(document) as copy:
            band = yield from convert(copy, band, space)
    yield from quiet(document)
    node = find()
    x, y, width, height = before
    if width and height:
        one = len(bytes(node.pixelData(x, y, 1, 1)))
        node.setPixelData(bytes(one * width * height), x, y, width, height)
    if band is not None:
        node.setPixelData(band.raw, left, top, picture.width, picture.height)
    document.refreshProjection()
