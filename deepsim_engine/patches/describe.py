"""Descriptors of a drawing's pixels, from its own and coarser patches around each."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from deepsim_engine.patches.features import PatchBasis, enlarged_at, places

PLACE = 2
"""Number of the leading components that hold a pixel's place."""


@dataclass(frozen=True)
class Describer:
    """How the pixels of a level are described.

    Attributes:
        bases: level -> principal components of the primitive's patches there.
        contexts: level -> how many levels, from this one on, describe its pixels.
        context_weight: weight of each coarser level relative to the one below it.
        position_weight: weight of the place in the picture (0 to 1).
    """

    bases: dict[int, PatchBasis]
    contexts: dict[int, int]
    context_weight: float
    position_weight: float


@dataclass(frozen=True)
class Drawing:
    """A primitive and its halvings, finest first, each (C, h, w)."""

    guides: list[Tensor]
    describer: Describer
    _coarse: dict[int, Tensor] = field(default_factory=dict)

    def shape(self, level: int) -> tuple[int, int]:
        """(height, width) of a level."""
        return self.guides[level].shape[-2], self.guides[level].shape[-1]

    def describe(self, level: int, at: Tensor) -> Tensor:
        """Descriptors (n, D) of the pixels `at` (n,) int64 of a level, numbered row by row."""
        how = self.describer
        shape = self.shape(level)
        parts = [
            places(*shape, at) * how.position_weight**0.5,
            how.bases[level](self.guides[level], at),
        ]
        for k in range(1, how.contexts[level]):
            wide = enlarged_at(self._whole(level + k), self.shape(level + k), shape, at)
            parts.append(wide * how.context_weight ** (k / 2))
        return torch.cat(parts, 1)

    def _whole(self, level: int) -> Tensor:
        """(h*w, D) of all pixels of a level, made once: several finer levels look at it."""
        if level not in self._coarse:
            self._coarse[level] = self.describer.bases[level](self.guides[level])
        return self._coarse[level]
