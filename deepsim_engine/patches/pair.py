"""The training pair, described level by level, ready to be searched."""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import Describer, Drawing
from deepsim_engine.patches.features import (
    PatchBasis,
    fit_basis,
    mirrored_places,
    principal_axes,
    pyramid,
)
from deepsim_engine.patches.search import Keys, part_sides
from deepsim_engine.patches.vote import Sources

_AXES_SAMPLE = 20000


@dataclass(frozen=True)
class Level:
    """One level of the training pair: S sources (the picture, and its mirror image).

    Attributes:
        size: (height, width) of a source.
        drawing: the training primitive (C, height, width).
        pictures: the sources (3, height, width), the training picture first.
        sources: these, as they are blended.
        keys: descriptors: of the primitive, then of the picture; None at levels that are not
            searched.
        axes: (F, D) reduces full descriptors of primitives to the D components kept.
        look: describes pictures.
        marks: describes the drawing closely, where it is asked which proposals fit; None at all
            levels but the finest, and there too where it is not searched.
        marked: the sources with these marks.
    """

    size: tuple[int, int]
    drawing: Tensor
    pictures: list[Tensor]
    sources: Sources
    keys: Keys | None = None
    axes: Tensor | None = None
    look: PatchBasis | None = None
    marks: PatchBasis | None = None
    marked: Sources | None = None

    @property
    def picture(self) -> Tensor:
        """The training picture (3, height, width)."""
        return self.pictures[0]


@dataclass(frozen=True)
class Pair:
    """A training pair at all levels, finest first.

    Attributes:
        levels: see Level.
        guides: the training primitive and its halvings, finest first; some more than `levels`.
        describer: how drawings are described.
        refined: the finest level that is searched fully.
    """

    levels: list[Level]
    guides: list[Tensor]
    describer: Describer
    refined: int

    @classmethod
    def of(cls, image: Tensor, primitive: Tensor, c: PatchConfig) -> "Pair":
        """Describe a picture (3, H, W) and its primitive (C, H, W)."""
        generator = torch.Generator().manual_seed(c.seed)
        longest = max(image.shape[-2:])
        levels = level_count(longest, c.search_side)
        guides = pyramid(primitive, levels + c.context_levels - 1)
        finest = level_count(longest, max(c.refine_side, c.polish_side)) - 1
        refined = level_count(longest, c.refine_side) - 1
        bases = {
            k: fit_basis(
                guides[k],
                c.guide_patch,
                c.guide_dims if k >= refined else c.polish_dims,
                generator,
            )
            for k in range(finest, len(guides))
        }
        contexts = {k: c.context_levels if k >= refined else 1 for k in range(levels)}
        describer = Describer(bases, contexts, c.context_weight, c.position_weight)
        drawings = [Drawing(guides, describer)]
        if c.flips:
            mirrored = [guide.flip(2) for guide in guides]
            drawings.append(Drawing(mirrored, describer, places=mirrored_places))
        described = []
        for k, picture in enumerate(pyramid(image, levels)):
            level = _plain(k, picture, drawings, c)
            if k >= finest:
                level = _searchable(level, k, drawings, refined, c=c, generator=generator)
            if k == finest == 0 and c.choice_patch:
                level = _marked(level, [drawing.guides[0] for drawing in drawings], c, generator)
            described.append(level)
        return cls(described, guides, describer, refined)


def level_count(side: int, limit: int) -> int:
    """How many levels, each half the one before, bring `side` down to `limit`."""
    count = 1
    while side > limit:
        side = (side + 1) // 2
        count += 1
    return count


def _plain(k: int, picture: Tensor, drawings: list[Drawing], c: PatchConfig) -> Level:
    pictures = [picture, picture.flip(2)][: len(drawings)]
    sources = Sources.of(pictures, c.vote_patch)
    return Level(drawings[0].shape(k), drawings[0].guides[k], pictures, sources)


def _searchable(
    level: Level,
    k: int,
    drawings: list[Drawing],
    refined: int,
    *,
    c: PatchConfig,
    generator: torch.Generator,
) -> Level:
    """Level number `k` with its keys, of the drawings of its sources."""
    dims = c.search_dims if k >= refined else c.polish_dims
    height, width = level.size
    one = height * width
    step = max(1, len(drawings) * one // _AXES_SAMPLE)
    some = torch.arange(0, len(drawings) * one, step, device=level.picture.device)
    sample = [d.describe(k, some[some // one == i] % one) for i, d in enumerate(drawings)]
    axes = principal_axes(torch.cat(sample), dims, generator)[1]
    look = fit_basis(level.picture, c.picture_patch, c.picture_dims, generator)
    sides = (*part_sides(axes.shape[1]), look.dims)
    # Where fields are only mended, tables are as large as the picture: half precision there.
    kind = torch.float32 if k >= refined else torch.float16
    parts = tuple(axes.new_empty(len(drawings) * one, side, dtype=kind) for side in sides)
    for number, (drawing, picture) in enumerate(zip(drawings, level.pictures, strict=True)):
        here = slice(number * one, (number + 1) * one)
        drawing.reduce(k, axes, (part[here] for part in parts[:-1]), c.chunk)
        parts[-1][here] = look(picture).mul_(c.picture_weight**0.5)
    penalty = level.picture.new_tensor([0.0, c.flip_penalty][: len(drawings)])
    return dataclasses.replace(
        level, keys=Keys(parts, penalty, height, width), axes=axes, look=look
    )


def _marked(
    level: Level, drawings: list[Tensor], c: PatchConfig, generator: torch.Generator
) -> Level:
    """`level` with marks of the drawing (C, height, width) of every source."""
    marks = fit_basis(level.drawing, c.mark_patch, c.mark_dims, generator)
    planes = [mark_planes(marks, drawing) for drawing in drawings]
    marked = Sources.of(level.pictures, max(c.choice_patch, c.tone_patch), planes)
    return dataclasses.replace(level, marks=marks, marked=marked)


def mark_planes(marks: PatchBasis, drawing: Tensor) -> Tensor:
    """Marks (K, height, width) of a drawing (C, height, width)."""
    return marks(drawing).T.reshape(-1, *drawing.shape[-2:])
