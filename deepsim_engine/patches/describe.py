"""Descriptors of a drawing's pixels, from its own and coarser patches around each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from deepsim_engine.patches.features import (
    Between,
    PatchBasis,
    edited_pyramid,
    places,
    pyramid,
)
from deepsim_engine.patches.window import Window

PLACE = 2
"""Number of the leading components that hold a pixel's place."""
_SMALL = 4
"""A window of a level is described by itself where the level has this many times its pixels."""


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
    """A primitive, its halvings, and how they are described.

    Attributes:
        guides: finest first, each (C, h, w).
        describer: see there.
        edited: for each of them where, at most, it differs from the training pair's; empty where
            nothing is known.
        places: (height, width, pixels (n,)) -> (n, 2), where in the picture pixels of a level
            were taken from.
    """

    guides: list[Tensor]
    describer: Describer
    edited: tuple[Window, ...] = ()
    places: Callable[[int, int, Tensor], Tensor] = places
    _coarse: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def beside(cls, known: list[Tensor], describer: Describer, primitive: Tensor) -> "Drawing":
        """A primitive (C, h, w), beside the training primitive and its halvings."""
        if primitive.shape != known[0].shape:
            return cls(pyramid(primitive, len(known)), describer)
        edited = Window.of((primitive != known[0]).any(0)).halvings(len(known))
        return cls(edited_pyramid(primitive, known, edited), describer, edited)

    def shape(self, level: int) -> tuple[int, int]:
        """(height, width) of a level."""
        return self.guides[level].shape[-2], self.guides[level].shape[-1]

    def describe(self, level: int, at: Tensor) -> Tensor:
        """Descriptors (n, D) of the pixels `at` (n,) int64 of a level, numbered row by row."""
        how = self.describer
        shape = self.shape(level)
        parts = [
            self.places(*shape, at) * how.position_weight**0.5,
            how.bases[level](self.guides[level], at),
        ]
        for k in range(1, how.contexts[level]):
            wide = self._enlarged(level + k, shape, at)
            parts.append(wide * how.context_weight ** (k / 2))
        return torch.cat(parts, 1)

    def reduce(self, level: int, axes: Tensor, into: Iterable[Tensor], chunk: int) -> None:
        """Put the descriptors of all pixels of a level, times `axes` (F, D), into tensors.

        These are (h*w, D_i) and together take D components; `chunk` pixels are made at a time.
        """
        into = list(into)
        height, width = self.shape(level)
        for at in torch.arange(height * width, device=axes.device).split(chunk):
            found = (self.describe(level, at) @ axes).split([len(part[0]) for part in into], 1)
            for part, components in zip(into, found, strict=True):
                part[at[0] : at[-1] + 1] = components

    def _enlarged(self, level: int, shape: tuple[int, int], at: Tensor) -> Tensor:
        """(n, D) of a coarser level at the pixels `at` of a level of `shape`."""
        height, width = self.shape(level)
        between = Between.of((height, width), shape, at)
        window = Window(0, 0, height, width)
        if level not in self._coarse and len(at):
            near = between.window
            if near.area * _SMALL < height * width:
                basis = self.describer.bases[level]
                return between.enlarge(basis.within(self.guides[level], near), near)
        return between.enlarge(self._whole(level), window)

    def _whole(self, level: int) -> Tensor:
        """(h*w, D) of all pixels of a level, made once: several finer levels look at it."""
        if level not in self._coarse:
            self._coarse[level] = self.describer.bases[level](self.guides[level])
        return self._coarse[level]
