"""Blending: every pixel is made of the picture patches that the pixels around it point at."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine.patches.search import Field


@dataclass(frozen=True)
class Blending:
    """How patches are blended.

    Attributes:
        patch: side of the patches (odd).
        sigma: standard deviation of the Gaussian weights around a patch's centre, in pixels.
        sharpness: standard deviation, in picture values, by which patches count less the further
            they are from the plain mean, so that outliers do not blur the result; 0 for plain.
        chunk: pixels made at a time.
    """

    patch: int
    sigma: float
    sharpness: float
    chunk: int

    def __call__(self, field: Field, pictures: Tensor, source_height: int) -> Tensor:
        """The picture (3, h, w) that `field` (h, w) makes of the sources.

        `pictures` (3, S*source_height, W) holds the sources, stacked.
        """
        flat = pictures.flatten(1).T.contiguous()
        sources = (source_height, pictures.shape[-1])
        height, width = field.row.shape
        result = torch.empty(3, height, width, device=flat.device)
        rows = max(1, self.chunk // width)
        for top in range(0, height, rows):
            strip = range(top, min(top + rows, height))
            mean = self._mean(field, flat, sources, strip)
            if self.sharpness > 0:
                mean = self._mean(field, flat, sources, strip, near=mean)
            result[:, strip.start : strip.stop] = mean.T.view(3, len(strip), width)
        return result

    def _mean(
        self,
        field: Field,
        flat: Tensor,
        sources: tuple[int, int],
        strip: range,
        near: Tensor | None = None,
    ) -> Tensor:
        """Weighted mean (n, 3) of the votes for a strip; only those close to `near` if given."""
        total = flat.new_zeros(len(strip) * field.row.shape[1], 3)
        count = flat.new_zeros(len(total), 1)
        for vote, weight in self._votes(field, flat, sources, strip):
            if near is not None:
                away = (vote - near).square().mean(1, keepdim=True)
                weight = weight * (torch.exp(-away / (2 * self.sharpness**2)) + 1e-8)  # noqa: PLW2901
            total.addcmul_(vote, weight)
            count += weight
        return total / count

    def _votes(
        self, field: Field, flat: Tensor, sources: tuple[int, int], strip: range
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """What each patch proposes for the n pixels of a strip (n, 3), and its weight (n, 1)."""
        rows, columns = field.row.shape
        height, width = sources
        low = field.row // height * height
        reach = range(-(self.patch // 2), self.patch // 2 + 1)
        for dy in reach:
            y = torch.arange(strip.start, strip.stop, device=flat.device) + dy
            yc = y.clamp(0, rows - 1)
            centre, source, across = field.row[yc], low[yc], field.column[yc]
            for dx in reach:
                x = torch.arange(columns, device=flat.device) + dx
                xc = x.clamp(0, columns - 1)
                row, column = centre[:, xc] - dy, across[:, xc] - dx
                first = source[:, xc]
                inside = ((y == yc)[:, None] & (x == xc)[None]).float()
                inside *= (row >= first) & (row < first + height)
                inside *= (column >= 0) & (column < width)
                index = (row * width + column).clamp_(0, len(flat) - 1)
                near = math.exp(-(dy * dy + dx * dx) / (2 * self.sigma**2))
                yield flat.index_select(0, index.view(-1)), (inside * near).view(-1, 1)
