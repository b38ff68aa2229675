"""Making a layer of a picture in the document's colour space, without keeping the UI thread."""

from __future__ import annotations

from typing import Any, Generator, Iterator

from ..state import Picture
from .colour import SRGB8, Band, band_of, convert, rgba_of, space_of, warm
from .lanes import equal_runs
from .pace import Bands


def fill(
    copy: Any, node: Any, picture: Picture, original: Any | None = None
) -> Generator[None, None, None]:
    """Fills a new layer, which is not in the document yet, with a picture.

    Where the picture is what the layer `original` shows in 8-bit sRGB, the new layer gets that
    layer's very values: 16 bits stay 16 bits, and values above 1 stay.

    Args:
        copy: a document that nobody sees, of the same colour space as the new layer.
        node: the new layer.
        picture: what it is to show.
        original: a layer of `copy`.
    """
    space, width = space_of(node), picture.width
    if original is not None and (space == SRGB8 or space_of(original) != space):
        original = None
    if space != SRGB8:
        yield from warm(copy, SRGB8, space)
        yield from warm(copy, space, SRGB8)
    bands = Bands(width, picture.height)
    for top, rows in bands:
        rgba = picture.rgba[4 * width * top : 4 * width * (top + rows)]
        band = yield from bands.through(convert(copy, band_of(rgba, width, rows), space))
        if original is not None:
            own = bytes(original.projectionPixelData(0, top, width, rows))
            kept = Band(own, width, rows, space)
            seen = yield from bands.through(convert(copy, kept, SRGB8))
            band = _with_kept(band, kept, equal_runs(rgba, rgba_of(seen)))
        node.setPixelData(band.raw, 0, top, width, rows)
        yield from bands.pause()


def _with_kept(band: Band, kept: Band, runs: Iterator[tuple[int, int]]) -> Band:
    """The rows with the values of `kept` in the given runs of pixels."""
    each = len(band.raw) // (band.width * band.rows)
    merged = bytearray(band.raw)
    for start, end in runs:
        merged[each * start : each * end] = kept.raw[each * start : each * end]
    return Band(bytes(merged), band.width, band.rows, band.space)
