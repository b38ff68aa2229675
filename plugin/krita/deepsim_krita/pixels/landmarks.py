"""Knowing again how a canvas lies: whether it was turned, mirrored, cropped or scaled since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Tuple

from ..text import _

GRID = 8
"""Landmarks in a row, and rows of them."""
KNOWN = 0.75
"""The part of them that must be found again: some may have been painted over."""


@dataclass(frozen=True)
class Landmarks:
    """The canvas's size, and pixels of the layer `uid` that tell how it lies on the canvas.

    `pixels` are GRID rows of GRID, in the layer's own colour space; none without such a layer.
    """

    uid: str
    size: tuple[int, int]
    pixels: tuple[bytes, ...] = ()

    def advice(self, later: Landmarks) -> str:
        """What to do with a layer that was made for the canvas as it was; empty: nothing."""
        if self._turned(later):
            return _(
                "The canvas was turned or mirrored meanwhile: turn or mirror what was added, too."
            )
        if later.size != self.size:
            return _("The canvas was changed meanwhile: move or scale what was added to its place.")
        return ""

    def _turned(self, later: Landmarks) -> bool:
        """Whether what was on the canvas is on it now, but turned or mirrored.

        That is so only where that explains it better than that it lies as it did.
        """
        if len(self.pixels) != GRID**2 or len(later.pixels) != GRID**2:
            return False
        still, found = 0.0, [0.0]
        if later.size == self.size:
            still, *found = (self._found(later, where) for where in _UPRIGHT)
        if later.size == self.size[::-1]:
            found += [self._found(later, where) for where in _LYING]
        return max(found) >= KNOWN and max(found) > still

    def _found(self, later: Landmarks, where: Where) -> float:
        """The part of the landmarks that are now where this says."""
        now = (where(row, column) for row in range(GRID) for column in range(GRID))
        there = (later.pixels[GRID * row + column] for row, column in now)
        return sum(map(bytes.__eq__, self.pixels, there)) / GRID**2


def places(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Where the landmarks of a canvas are, as (x, y), row by row.

    However the canvas is turned or mirrored, each comes where another one was.
    """
    columns, rows = (_along(side) for side in size)
    return ((x, y) for y in rows for x in columns)


def _along(side: int) -> list[int]:
    first = [(2 * place + 1) * side // (2 * GRID) for place in range(GRID // 2)]
    return first + [side - 1 - place for place in reversed(first)]


Where = Callable[[int, int], Tuple[int, int]]
"""The row and column to which a landmark has come from a row and column."""

_LAST = GRID - 1
_UPRIGHT: tuple[Where, ...] = (
    lambda row, column: (row, column),
    lambda row, column: (row, _LAST - column),
    lambda row, column: (_LAST - row, column),
    lambda row, column: (_LAST - row, _LAST - column),
)
"""As it was; mirrored from side to side, and from top to bottom; turned upside down."""
_LYING: tuple[Where, ...] = (
    lambda row, column: (column, row),
    lambda row, column: (column, _LAST - row),
    lambda row, column: (_LAST - column, row),
    lambda row, column: (_LAST - column, _LAST - row),
)
"""Mirrored and turned; turned to the right; turned to the left; mirrored and turned."""
