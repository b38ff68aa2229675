"""Pictures cut to a mask."""

from __future__ import annotations

from ..state import Mask, Picture
from ..steps import WorkFor
from .pace import Bands


def masked(picture: Picture, mask: Mask, place: tuple[int, int]) -> WorkFor[Picture]:
    """The picture with its alpha multiplied by a mask, rounded; nothing outside the mask's box.

    Both are in canvas coordinates: the picture's left top corner is at `place`.
    """
    left, above, width, height = mask.box
    start, end = max(0, left - place[0]), min(picture.width, left + width - place[0])
    rgba = bytearray()
    bands = Bands(picture.width, picture.height)
    for top, rows in bands:
        for row in range(top, top + rows):
            line = place[1] + row - above
            if not 0 <= line < height or end <= start:
                rgba += bytes(4 * picture.width)
                continue
            first = 4 * (picture.width * row + start)
            part = bytearray(picture.rgba[first : first + 4 * (end - start)])
            offset = width * line + start + place[0] - left
            values = bytes(mask.values[offset : offset + end - start])
            part[3::4] = _product(bytes(part[3::4]), values)
            rgba += bytes(4 * start) + part + bytes(4 * (picture.width - end))
        yield from bands.pause()
    return Picture(picture.width, picture.height, rgba, picture.lost)


def _product(alphas: bytes, values: bytes) -> bytes:
    if alphas.count(255) == len(alphas):
        return values
    return bytes((2 * a * v + 255) // 510 for a, v in zip(alphas, values))
