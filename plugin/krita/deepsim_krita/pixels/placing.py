"""Making a layer of a picture in the document's colour space, without keeping the UI thread."""

from __future__ import annotations

from typing import Any, Sequence

from ..state import Picture
from ..steps import WorkFor
from ..text import _
from .colour import SRGB8, Band, Loss, band_of, convert, loss, rgba_of, space_of, warm
from .lanes import equal_runs
from .pace import Bands

NEAR = {"CMYKA", "YCbCrA"}
"""Models whose profiles are tables: there and back a colour is some steps off."""


def fill(
    copy: Any,
    node: Any,
    picture: Picture,
    place: tuple[int, int] = (0, 0),
    original: Any | None = None,
) -> WorkFor[str]:
    """Fills a new layer, which is not in the document yet, with a picture.

    Where the picture is what the layer `original` shows in 8-bit sRGB, the new layer gets that
    layer's very values: 16 bits stay 16 bits, and values above 1 stay.

    Args:
        copy: a document that nobody sees, of the same colour space as the new layer.
        node: the new layer.
        picture: what it is to show.
        place: where its left top corner comes on the canvas.
        original: a layer of `copy`.

    Returns:
        A sentence about what of the original was lost where the picture differs; empty if nothing.
    """
    space, width, (left, above) = space_of(node), picture.width, place
    lost, near = Loss(), space[0] in NEAR
    if original is not None and (space == SRGB8 or space_of(original) != space):
        original = None
    if space != SRGB8:
        yield from warm(copy, SRGB8, space)
        yield from warm(copy, space, SRGB8)
    bands = Bands(width, picture.height, converting=space != SRGB8)
    for top, rows in bands:
        rgba = bytes(picture.rgba[4 * width * top : 4 * width * (top + rows)])
        band = yield from bands.through(convert(copy, band_of(rgba, width, rows), space))
        if original is not None:
            own = bytes(original.projectionPixelData(left, above + top, width, rows))
            kept = Band(own, width, rows, space)
            seen = yield from bands.through(convert(copy, kept, SRGB8))
            runs = list(equal_runs(rgba, rgba_of(seen)))
            if sum(end - start for start, end in runs) < width * rows:
                lost |= yield from bands.through(loss(copy, kept))
            band = _with_kept(band, kept, runs)
        node.setPixelData(band.raw, left, above + top, width, rows)
        yield from bands.pause()
    text = _("In this document's colour space the new colours are only nearly right.")
    return " ".join(part for part in (lost.text, text if near else "") if part)


def _with_kept(band: Band, kept: Band, runs: Sequence[tuple[int, int]]) -> Band:
    """The rows with the values of `kept` in the given runs of pixels."""
    each = len(band.raw) // (band.width * band.rows)
    merged = bytearray(band.raw)
    for start, end in runs:
        merged[each * start : each * end] = kept.raw[each * start : each * end]
    return Band(bytes(merged), band.width, band.rows, band.space)
