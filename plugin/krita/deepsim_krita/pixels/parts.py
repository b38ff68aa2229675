"""Parts of pictures: cut out, and put back where they were."""

from __future__ import annotations

from ..state import Box, Picture
from ..steps import WorkFor
from .pace import Bands


def cropped(picture: Picture, box: Box) -> WorkFor[Picture]:
    """The part of a picture in a box, which lies within it; in steps."""
    left, above, width, height = box
    pixels, rgba = memoryview(picture.rgba), bytearray()
    bands = Bands(width, height)
    for top, rows in bands:
        for row in range(above + top, above + top + rows):
            start = 4 * (row * picture.width + left)
            rgba += pixels[start : start + 4 * width]
        yield from bands.pause()
    return Picture(width, height, rgba)


def pasted(picture: Picture, part: Picture, place: tuple[int, int]) -> WorkFor[Picture]:
    """A picture in which the pixels from `place` on are those of a part; in steps.

    The part lies within the picture.
    """
    left, above = place
    pixels, rgba = memoryview(part.rgba), bytearray()
    bands = Bands(picture.width, picture.height)
    for top, rows in bands:
        first = 4 * picture.width * top
        band = bytearray(picture.rgba[first : first + 4 * picture.width * rows])
        for row in range(max(top, above), min(top + rows, above + part.height)):
            start = 4 * (picture.width * (row - top) + left)
            line = 4 * part.width * (row - above)
            band[start : start + 4 * part.width] = pixels[line : line + 4 * part.width]
        rgba += band
        yield from bands.pause()
    return Picture(picture.width, picture.height, rgba, picture.lost)
