"""Blending: every pixel is made of the picture patches that the pixels around it point at."""

import math
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
            votes, weights = self._votes(field, flat, sources, strip)
            mean = (votes * weights).sum(0) / weights.sum(0)
            if self.sharpness > 0:
                away = (votes - mean).square().mean(2, keepdim=True)
                weights = weights * (torch.exp(-away / (2 * self.sharpness**2)) + 1e-8)
                mean = (votes * weights).sum(0) / weights.sum(0)
            result[:, strip.start : strip.stop] = mean.T.view(3, len(strip), width)
        return result

    def _votes(
        self, field: Field, flat: Tensor, sources: tuple[int, int], strip: range
    ) -> tuple[Tensor, Tensor]:
        """What each patch proposes for the n pixels of a strip of rows, and its weight.

        Returns (p*p, n, 3) and (p*p, n, 1).
        """
        rows, columns = field.row.shape
        height, width = sources
        votes, weights = [], []
        reach = range(-(self.patch // 2), self.patch // 2 + 1)
        for dy in reach:
            y = torch.arange(strip.start, strip.stop, device=flat.device) + dy
            for dx in reach:
                x = torch.arange(columns, device=flat.device) + dx
                inside = ((y >= 0) & (y < rows))[:, None] & ((x >= 0) & (x < columns))[None]
                at = (y.clamp(0, rows - 1)[:, None], x.clamp(0, columns - 1)[None])
                row, column = field.row[at] - dy, field.column[at] - dx
                first = field.row[at] // height * height
                inside &= (row >= first) & (row < first + height)
                inside &= (column >= 0) & (column < width)
                index = (row * width + column).clamp(0, len(flat) - 1)
                votes.append(flat.index_select(0, index.view(-1)))
                near = math.exp(-(dy * dy + dx * dx) / (2 * self.sigma**2))
                weights.append(inside.view(-1) * near)
        return torch.stack(votes), torch.stack(weights)[:, :, None]
