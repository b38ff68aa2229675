"""Looking at many pixel values at once: a whole band as one long integer.

Krita's Python has no numpy, and a loop over values is a hundred times too slow. An IEEE number that
is not negative is ordered like the integer of its bits, so adding to each lane what is missing
from a limit to its sign bit sets that bit exactly where the limit is passed.
"""

from __future__ import annotations

import re
from typing import Iterator

ABOVE_ONE = {4: 0x3F804000, 2: 0x3C02}
"""Bits of 1 + 1/512, for 32-bit and 16-bit floats: half a step of eight bits above 1."""
BELOW_ZERO = 0x3A800000
"""Bits of 1/1024 as a 32-bit float."""


def _lanes(value: int, bytes_each: int, count: int) -> int:
    return int.from_bytes(value.to_bytes(bytes_each, "little") * count, "little")


def _above(number: int, limit: int, bytes_each: int, count: int) -> int:
    """The sign bit of each lane whose value is positive and greater than the limit's bits."""
    sign = 1 << (8 * bytes_each - 1)
    signs = _lanes(sign, bytes_each, count)
    missing = _lanes(sign - 1 - limit, bytes_each, count)
    return ((number & ~signs) + missing) & signs & ~number


def any_above_one(data: bytes, bytes_each: int) -> bool:
    """Whether any float of `bytes_each` (2 or 4) bytes, little-endian, is clearly above 1."""
    count = len(data) // bytes_each
    number = int.from_bytes(data, "little")
    return _above(number, ABOVE_ONE[bytes_each], bytes_each, count) != 0


def any_outside_unit(rgba: bytes) -> bool:
    """Whether a visible pixel has a colour clearly below 0 or above 1.

    Args:
        rgba: R, G, B, A as 32-bit floats, little-endian.
    """
    count = len(rgba) // 4
    number = int.from_bytes(rgba, "little")
    signs = _lanes(1 << 31, 4, count)
    above = _above(number, ABOVE_ONE[4], 4, count)
    below = _above(number ^ signs, BELOW_ZERO, 4, count)
    alphas = int.from_bytes((b"\0" * 12 + b"\xff" * 4) * (count // 4), "little")
    visible = _above(number & alphas, 0, 4, count)
    colours = visible >> 32 | visible >> 64 | visible >> 96
    return (above | below) & colours != 0


def equal_runs(a: bytes, b: bytes) -> Iterator[tuple[int, int]]:
    """Where two pictures of four bytes a pixel agree, as (first pixel, end) in order."""
    count = len(a) // 4
    difference = int.from_bytes(a, "little") ^ int.from_bytes(b, "little")
    differs = difference.to_bytes(4 * count, "little")
    merged = 0
    for channel in range(4):
        merged |= int.from_bytes(differs[channel::4], "little")
    for run in re.finditer(rb"\0+", merged.to_bytes(count, "little")):
        yield run.span()
