"""Windows: the rectangular part of a level outside of which nothing needs to be done."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """The rows from `top` to before `bottom`, the columns from `left` to before `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def of(cls, mask: Tensor) -> "Window":
        """Around all that is set in a mask (h, w); without a pixel where nothing is."""
        rows, columns = (mask.any(axis).nonzero()[:, 0] for axis in (1, 0))
        if not len(rows):
            return cls(0, 0, 0, 0)
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    @classmethod
    def around(cls, rows: Tensor, columns: Tensor) -> "Window":
        """Around pixels (n,), of which there are some."""
        (top, bottom), (left, right) = (each.aminmax() for each in (rows, columns))
        return cls(int(top), int(left), int(bottom) + 1, int(right) + 1)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, pixels: int, shape: tuple[int, int]) -> "Window":
        """Larger by `pixels` on every side, as far as a level of `shape` (h, w) goes."""
        return Window(
            max(0, self.top - pixels),
            max(0, self.left - pixels),
            min(shape[0], self.bottom + pixels),
            min(shape[1], self.right + pixels),
        )

    def halved(self) -> "Window":
        """What lies over it at the next coarser level."""
        return Window(self.top // 2, self.left // 2, -(-self.bottom // 2), -(-self.right // 2))

    def halvings(self, levels: int) -> tuple["Window", ...]:
        """It and what lies over it at coarser levels, finest first, `levels` in all."""
        result = [self]
        while len(result) < levels:
            result.append(result[-1].halved())
        return tuple(result)

    def doubled(self) -> "Window":
        """What lies under it at the next finer level; that may end before."""
        return Window(2 * self.top, 2 * self.left, 2 * self.bottom, 2 * self.right)

    def cut(self, planes: Tensor) -> Tensor:
        """That part of planes (..., h, w), not copied."""
        return planes[..., self.top : self.bottom, self.left : self.right]

    def number(self, at: Tensor, width: int) -> Tensor:
        """Pixels (n,) of a level of that width, numbered row by row, as they count in here."""
        row = torch.div(at, width, rounding_mode="floor")
        return (row - self.top) * (self.right - self.left) + at % width - self.left


def grown_mask(mask: Tensor, pixels: int) -> Tensor:
    """(h, w) bool: the pixels at most `pixels` rows and columns from one of `mask`."""
    grown, window = torch.zeros_like(mask), Window.of(mask)
    if not window.area:
        return grown
    window = window.grown(pixels, (mask.shape[0], mask.shape[1]))
    side, plane = 2 * pixels + 1, window.cut(mask)[None].float()
    plane = F.max_pool2d(plane, (side, 1), 1, (pixels, 0))
    plane = F.max_pool2d(plane, (1, side), 1, (0, pixels))
    window.cut(grown).copy_(plane[0] > 0)
    return grown
