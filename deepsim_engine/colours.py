"""Colours as numbers: CIELAB, distinct colours, mixtures.

Distances are CIE 1976 delta E, about 2.3 being the smallest difference that people notice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from deepsim_engine.imaging import Pixels

STRIP = 2**21
"""Pixels worked on at once, so that memory does not grow with the canvas."""

_RUN = 4
"""Runs of one colour that are shorter on average are not worth their own treatment."""
_FEW = 2**17
"""So many numbers are sorted sooner than looked up in a table of all there are."""


def to_lab(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB (N, 3) uint8 to CIELAB (N, 3) float32: L 0 to 100, white point D65."""
    return rgb2lab(colours.astype(np.float32)[None] / np.float32(255))[0].astype(np.float32)


def distinct_colours(pixels: Pixels) -> NDArray[np.uint8]:
    """The colours (U, 3) that occur in a picture (H, W, 3 or 4)."""
    return ColourTable.of(pixels).colours


def hex_colour(colour: NDArray[np.uint8] | tuple[int, int, int]) -> str:
    """`#ff8000` for (255, 128, 0)."""
    red, green, blue = (int(value) for value in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


def triple(colour: NDArray[np.uint8] | list[int]) -> tuple[int, int, int]:
    """A colour as three plain numbers."""
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


@dataclass(frozen=True)
class ColourTable:
    """The distinct colours of a picture: colours (U, 3), their Lab, and each pixel's index."""

    colours: NDArray[np.uint8]
    lab: NDArray[np.float32]
    index: NDArray[np.int32]

    @classmethod
    def of(cls, pixels: Pixels) -> "ColourTable":
        codes = pixels[:, :, 0].astype(np.int32)
        for channel in (1, 2):
            codes <<= 8
            codes |= pixels[:, :, channel]
        # Drawings are flat: their pixels are some thousand runs of one colour.
        line = codes.ravel()
        starts = np.flatnonzero(line[1:] != line[:-1]) + 1
        if len(starts) < len(line) // _RUN:
            starts = np.concatenate([[0], starts])
            present, rank = _ranked(line[starts])
            rank = np.repeat(rank, np.diff(starts, append=len(line)))
        else:
            del starts
            present, rank = _ranked(line)
        index = rank.reshape(codes.shape)
        colours = np.stack([present >> 16, (present >> 8) & 255, present & 255], axis=1)
        return cls(colours.astype(np.uint8), to_lab(colours.astype(np.uint8)), index)


def _ranked(codes: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The values below 2^24 that occur, in order, and the rank of each of `codes` among them."""
    if len(codes) < _FEW:
        values, ranks = np.unique(codes, return_inverse=True)
        return values.astype(np.intp), ranks.astype(np.int32)
    # A table over all values beats sorting: linear, and its untouched pages are free.
    seen = np.zeros(2**24, np.bool_)
    seen[codes] = True
    present = np.flatnonzero(seen)
    rank = np.zeros(2**24, np.int32)
    rank[present] = np.arange(len(present), dtype=np.int32)
    return present, rank[codes]


def is_mixture(
    colour: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Whether colours (N, 3) lie near the line from `first` (N, 1, 3) to any `second` (N, M, 3)."""
    along = second - first
    length = (along**2).sum(-1)
    offset = colour[:, None] - first
    share = np.clip((offset * along).sum(-1) / np.maximum(length, 1), 0, 1)
    apart = ((offset - share[..., None] * along) ** 2).sum(-1)
    return ((length > 0) & (apart <= tolerance**2)).any(-1)


def is_mixture_of_any(
    colours: NDArray[np.uint8], ends: NDArray[np.uint8], tolerance: float
) -> NDArray[np.bool_]:
    """Whether colours (N, 3) lie, in RGB, near the line between any two of `ends` (K, 3)."""
    pixels, corners = colours.astype(np.float32), ends.astype(np.float32)
    mixed = np.zeros(len(pixels), bool)
    for corner in corners:
        mixed |= is_mixture(pixels, corner[None, None], corners[None], tolerance)
    return mixed


def weighted_median(values: NDArray[np.uint8], weights: NDArray[Any]) -> int:
    """The value with half of the weight on either side of it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return int(values[order[int(np.searchsorted(reached, reached[-1] / 2))]])


def parts(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `range(count)`."""
    return (slice(start, min(count, start + size)) for start in range(0, count, size))
