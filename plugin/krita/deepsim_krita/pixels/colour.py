"""Between any colour space of Krita and 8-bit sRGB, by Krita's own colour management.

A layer that belongs to no document's tree is converted at once and alone. So bands of pixels go
through such layers of a copy of the document: in the document itself it would be an undo step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Tuple

from ..qt import QImage, image_bytes, image_from_pixels
from ..steps import Work, WorkFor
from ..text import _
from .lanes import any_above_one, any_outside_unit

Space = Tuple[str, str, str]
"""Colour model, depth and profile, by Krita's names."""

SRGB8: Space = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
"""The space whose bytes need no conversion (in memory B, G, R, A)."""
LINEAR: Space = ("RGBA", "F32", "sRGB-elle-V2-g10.icc")
"""sRGB's primaries without limits: what sRGB cannot hold is below 0 or above 1 here."""
FLOAT_BYTES = {"F16": 2, "F32": 4}
GAMUT_ROWS = 8
"""Colours are looked at in one row of so many: a colour area is hardly ever thinner."""


def space_of(thing: Any) -> Space:
    """The colour space of a document or layer."""
    return thing.colorModel(), thing.colorDepth(), thing.colorProfile()


@dataclass(frozen=True)
class Band:
    """Some rows of pixels in a colour space, as setPixelData and pixelData know them."""

    raw: bytes
    width: int
    rows: int
    space: Space


@dataclass(frozen=True)
class Loss:
    """What 8-bit sRGB could not hold of a picture."""

    above_one: bool = False
    gamut: bool = False

    def __or__(self, other: Loss) -> Loss:
        return Loss(self.above_one or other.above_one, self.gamut or other.gamut)

    @property
    def text(self) -> str:
        """A sentence for the artist; empty when nothing was lost."""
        if self.above_one:
            return _("Values above 1 (HDR) are clipped to 1.")
        if self.gamut:
            return _("Colours that sRGB does not have are clipped to the nearest.")
        return ""


def _layer(copy: Any, space: Space) -> Any:
    layer = copy.createNode("pixels", "paintlayer")
    if space_of(layer) != space:
        layer.setColorSpace(*space)
    return layer


def _step(copy: Any, band: Band, target: Space) -> Band:
    layer = _layer(copy, band.space)
    layer.setPixelData(band.raw, 0, 0, band.width, band.rows)
    layer.setColorSpace(*target)
    raw = bytes(layer.pixelData(0, 0, band.width, band.rows))
    return Band(raw, band.width, band.rows, target)


def _way(source: Space, target: Space) -> tuple[Space, ...]:
    """The spaces to go through, the target last.

    From integers to integers the colour engine (Little CMS) may look up a coarse grid: 15 steps of
    8 bits off in Adobe RGB of 16 bits. By way of floats it computes, exactly.
    """
    if source == target:
        return ()
    by_curve = source[0] == target[0] and source[2] == target[2]
    if by_curve or source[1] in FLOAT_BYTES or target[1] in FLOAT_BYTES:
        return (target,)
    return LINEAR, target


def convert(copy: Any, band: Band, target: Space) -> WorkFor[Band]:
    """The same rows in another colour space, with a yield after each piece of the work.

    `copy` is a document that nobody sees; it is left as it is.
    """
    for space in _way(band.space, target):
        band = _step(copy, band, space)
        yield None
    return band


def warm(copy: Any, source: Space, target: Space) -> Work:
    """Has Krita prepare a conversion, in pieces: the first use of one takes up to 0.2 s."""
    pixel = bytes(_layer(copy, source).pixelData(0, 0, 1, 1))
    yield from convert(copy, Band(pixel, 1, 1, source), target)


def rgba_of(band: Band) -> bytes:
    """R, G, B, A of rows in SRGB8."""
    stride = band.width * 4
    image = QImage(band.raw, band.width, band.rows, stride, QImage.Format.Format_ARGB32)
    return image_bytes(image.convertToFormat(QImage.Format.Format_RGBA8888))


def band_of(rgba: bytes, width: int, rows: int) -> Band:
    """R, G, B, A as rows in SRGB8."""
    image = image_from_pixels(rgba, width, rows)
    return Band(image_bytes(image.convertToFormat(QImage.Format.Format_ARGB32)), width, rows, SRGB8)


def loss(copy: Any, band: Band) -> WorkFor[Loss]:
    """What of the rows 8-bit sRGB cannot hold, with a yield after each piece of the work."""
    model, depth, profile = band.space
    # Of Lab's numbers 1 is none in particular, and the others have no room above it.
    by_number = model in {"RGBA", "GRAYA"}
    if by_number and depth in FLOAT_BYTES and any_above_one(band.raw, FLOAT_BYTES[depth]):
        return Loss(above_one=True)
    if by_number and depth not in FLOAT_BYTES and (model == "GRAYA" or "srgb" in profile.lower()):
        return Loss()
    stride = len(band.raw) // band.rows
    some = range(0, band.rows, GAMUT_ROWS)
    raw = b"".join(band.raw[y * stride : (y + 1) * stride] for y in some)
    some_rows = Band(raw, band.width, len(some), band.space)
    linear = yield from convert(copy, some_rows, LINEAR)
    return Loss(gamut=any_outside_unit(linear.raw))
