"""Blending: every pixel is made of the picture patches that the pixels around it point at."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.patches.search import Field
from deepsim_engine.patches.window import Window

_CHANNELS = 4
"""Red, green, blue, and 1 where there is a picture: the sum of the weights falls out beside."""
_AROUND = 7
"""Pixels of a side of the square over which it is asked how well patches fit."""
_LARGEST = 60.0
"""Logarithm of the largest weight next to a pixel's own: sums stay finite."""


@dataclass(frozen=True)
class Sources:
    """S pictures of one size, laid out for fetching patches of `patch` x `patch` pixels.

    Attributes:
        table: (N, 4 + K) float32, the pixels row by row, and what else is known of each; around
            every picture, and behind the last, lie zeros, so that every patch around a pixel can
            be read.
        nowhere: index of a row whose whole patch is zeros.
        width, height: of one picture.
        patch: side of the patches (odd).
    """

    table: Tensor
    nowhere: int
    height: int
    width: int
    patch: int

    @classmethod
    def of(cls, pictures: list[Tensor], patch: int, marks: list[Tensor] | None = None) -> "Sources":
        """Lay out pictures (3, H, W), all of one size, beside them `marks` (K, H, W) of each."""
        height, width = pictures[0].shape[-2:]
        known = _CHANNELS + (0 if marks is None else len(marks[0]))
        empty = cls(pictures[0].new_zeros(0, known), 0, height, width, patch)
        return empty.with_more(pictures, marks)

    def with_more(self, pictures: list[Tensor], marks: list[Tensor] | None = None) -> "Sources":
        """These and more of the same size behind them, laid out anew."""
        reach, own = self.patch // 2, max(0, self.nowhere - self._beyond)
        high, wide = self.height + 2 * reach, self.width + 2 * reach
        rows = own + len(pictures) * high * wide
        table = self.table.new_zeros(rows + 2 * self._beyond + 1, self.table.shape[1])
        table[:own] = self.table[:own]
        added = table[own:rows].view(len(pictures), high, wide, -1)
        inside = added[:, reach : reach + self.height, reach : reach + self.width]
        for number, picture in enumerate(pictures):
            inside[number, ..., : _CHANNELS - 1] = picture.permute(1, 2, 0)
            if marks is not None:
                inside[number, ..., _CHANNELS:] = marks[number].permute(1, 2, 0)
        inside[..., _CHANNELS - 1] = 1
        return replace(self, table=table, nowhere=rows + self._beyond)

    @property
    def _beyond(self) -> int:
        """How many rows of the table a patch reaches before and behind its pixel's row."""
        reach = self.patch // 2
        return reach * (self.width + 2 * reach) + reach

    def index(self, row: Tensor, column: Tensor) -> Tensor:
        """Rows of the table for stacked rows and columns (as in `Field`)."""
        reach = self.patch // 2
        source = torch.div(row, self.height, rounding_mode="floor")
        return (row + (2 * source + 1) * reach) * (self.width + 2 * reach) + column + reach


def blend(field: Field, sources: Sources, at: Tensor, sigma: float, chunk: int) -> Tensor:
    """What `field` (h, w) makes of the sources at the pixels `at` (n,) int64: (n, 3).

    Pixel by pixel the weighted mean of what the patches around it propose; the weights are a
    Gaussian of standard deviation `sigma` (pixels) around a patch's centre. `chunk` pixels are
    made at a time.
    """
    patch = sources.patch
    reach = patch // 2
    field, at = _near(field, at, reach)
    width = field.row.shape[1]
    along = torch.arange(-reach, reach + 1, device=at.device, dtype=torch.int32)
    offset = (along[:, None] * (sources.width + 2 * reach) + along[None]).view(1, -1)
    bell = torch.exp(-along.float().square() / (2 * sigma**2))
    weight = (bell[:, None] * bell[None]).view(1, -1)
    centres = F.pad(sources.index(field.row, field.column), (reach,) * 4, value=sources.nowhere)
    windows = centres.unfold(0, patch, 1).unfold(1, patch, 1)
    found = [sources.table.new_empty(0, 3)]
    for part in at.split(chunk):
        row = torch.div(part, width, rounding_mode="floor")
        votes = windows[row, part % width].view(-1, patch * patch) - offset
        shares = weight.expand(votes.shape).contiguous()
        total = F.embedding_bag(votes, sources.table, mode="sum", per_sample_weights=shares)
        found.append(total[:, :3] / total[:, 3:])
    return torch.cat(found)


@dataclass(frozen=True)
class Choice:
    """How strictly `choose` weighs proposals; a weight is the exponential of minus these together.

    Attributes:
        patch: side of the patches (odd), at most that of the sources.
        sigma: standard deviation, in pixels, of the distance from a patch's centre.
        mark: weight of the squared difference of marks.
        fit: weight of how unlike the patch is to what was asked for (`Field.distance`).
        lenient: how unlike patches are, on average around a pixel, where the two weights above are
            halved: where nothing fits, no proposal is much better than another.
        step: only every so many neighbours along each axis are asked: next to each other they
            mostly propose the same.
    """

    patch: int
    sigma: float
    mark: float
    fit: float
    lenient: float
    step: int


def choose(
    field: Field, sources: Sources, asked: Tensor, at: Tensor, choice: Choice, *, chunk: int
) -> Tensor:
    """As `blend`, but proposals count as much as they fit: (n, 3).

    A patch of which only a part lies where it should proposes only that part: a proposal counts
    less where the drawing at the source pixel is unlike the drawing here, and where its patch as
    a whole fits badly. So patches can be large without a blur.

    Args:
        field, at, chunk: as in `blend`.
        sources: with marks.
        asked: (n, K) what the marks should be at the pixels `at`.
        choice: see there.
    """
    reach = choice.patch // 2
    field, at = _near(field, at, max(reach, _AROUND // 2))
    width = field.row.shape[1]
    stride, source_stride = width + 2 * reach, sources.width + 2 * (sources.patch // 2)
    centres = F.pad(
        sources.index(field.row, field.column), (reach,) * 4, value=sources.nowhere
    ).view(-1)
    along = range(-(reach - reach % choice.step), reach + 1, choice.step)
    unlike = F.pad(field.distance, (reach,) * 4).view(-1) * choice.fit
    around = F.avg_pool2d(
        field.distance[None], _AROUND, 1, _AROUND // 2, count_include_pad=False
    ).view(-1)
    found = [sources.table.new_empty(0, 3)]
    for part, wanted in zip(at.split(chunk), asked.split(chunk), strict=True):
        here = (torch.div(part, width, rounding_mode="floor") + reach) * stride
        here = here + part % width + reach
        strict = 1 / (1 + around[part] / choice.lenient)

        def proposed(
            dy: int,
            dx: int,
            here: Tensor = here,
            wanted: Tensor = wanted,
            strict: Tensor = strict,
        ) -> tuple[Tensor, Tensor]:
            """What the neighbour there proposes, and how little it fits."""
            there = here + (dy * stride + dx)
            votes = sources.table.index_select(0, centres[there] - (dy * source_stride + dx))
            cost = (votes[:, _CHANNELS:] - wanted).square_().sum(1).mul_(choice.mark)
            cost += unlike[there]
            cost *= strict
            cost += (dy * dy + dx * dx) / (2 * choice.sigma**2)
            return votes, cost

        own = proposed(0, 0)[1]
        total = sources.table.new_zeros(len(part), 3)
        weights = sources.table.new_zeros(len(part), 1)
        for dy in along:
            for dx in along:
                votes, cost = proposed(dy, dx)
                weight = (own - cost).clamp_(max=_LARGEST).exp_().mul_(votes[:, 3])[:, None]
                total += votes[:, :3] * weight
                weights += weight
        found.append(total / weights)
    return torch.cat(found)


def _near(field: Field, at: Tensor, reach: int) -> tuple[Field, Tensor]:
    """The part of a field at most `reach` from the pixels `at` (n,), and their numbers there."""
    if not len(at):
        return field, at
    height, width = field.row.shape
    window = Window.around(at // width, at % width).grown(reach, (height, width))
    return field.cut(window), window.number(at, width)
