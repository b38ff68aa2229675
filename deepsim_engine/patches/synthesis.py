"""The picture of an edited primitive, made of patches of the one training picture."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine.errors import InputError
from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.features import (
    PatchBasis,
    enlarge,
    fit_basis,
    position,
    principal_axes,
    pyramid,
)
from deepsim_engine.patches.search import Field, Keys, Search, enlarge_field
from deepsim_engine.patches.vote import Blending

_AXES_SAMPLE = 20000
_POLISH_RADIUS = 4
_PLACE = 2
"""Number of the leading descriptor components that hold a pixel's place."""


@dataclass(frozen=True)
class Correspondence:
    """Which training pixel every pixel of a result came from.

    Attributes:
        row, column: (h, w) int64, the pixel of the training picture.
        mirrored: (h, w) bool, whether the patch around it was taken from the mirrored picture.
        distance: (h, w) float32 from 0, how unlike the training patch is to what was asked for:
            high where the picture holds nothing that fits.
    """

    row: Tensor
    column: Tensor
    mirrored: Tensor
    distance: Tensor


@dataclass(frozen=True)
class _Searchable:
    """Descriptors of one level of the training pair; `guide` (S*H*W, D), `picture` (S*H*W, E).

    `axes` (F, D) reduces full descriptors of primitives to the D components kept.
    """

    axes: Tensor
    guide: Tensor
    picture: Tensor
    picture_basis: PatchBasis


class PatchSynthesizer:
    """Training-free synthesis by guided nearest-neighbour patches, coarse to fine.

    Built once from a training pair; `synthesize` then makes the picture of any primitive of the
    same kind, of any size. The same inputs and seed give the same result on the same device.

    Args:
        image: training picture, (3, H, W) float32 in [-1, 1].
        primitive: its primitive, (C, H, W) float32 (one-hot classes and edges, or a painting in
            [-1, 1]).
        config: settings.
        device: where the keys are kept and the work is done.

    Raises:
        InputError: the shapes do not fit together.
    """

    def __init__(
        self,
        image: Tensor,
        primitive: Tensor,
        *,
        config: PatchConfig | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if image.ndim != 3 or image.shape[0] != 3 or primitive.shape[1:] != image.shape[1:]:
            raise InputError(
                f"The picture {tuple(image.shape)} and the primitive {tuple(primitive.shape)} do "
                "not cover the same pixels; give both as (channels, height, width) of one size."
            )
        self.config = config or PatchConfig()
        self.device = torch.device(device)
        self.channels = primitive.shape[0]
        with torch.no_grad():
            self._build(image.detach().to(self.device), primitive.detach().to(self.device))

    def _build(self, image: Tensor, primitive: Tensor) -> None:
        c = self.config
        generator = torch.Generator().manual_seed(c.seed)
        levels = _levels(max(image.shape[-2:]), c.search_side)
        guides = pyramid(primitive, levels + c.context_levels - 1)
        finest = _levels(max(image.shape[-2:]), max(c.refine_side, c.polish_side)) - 1
        self._refined = _levels(max(image.shape[-2:]), c.refine_side) - 1
        self._bases = {
            k: fit_basis(guides[k], c.guide_patch, c.guide_dims, generator)
            for k in range(finest, len(guides))
        }
        self._penalty = torch.tensor(
            [0.0, c.flip_penalty] if c.flips else [0.0], device=self.device
        )
        self._sizes: list[tuple[int, int]] = []
        self._pictures: list[Tensor] = []
        self._searchable: dict[int, _Searchable] = {}
        for k, picture in enumerate(pyramid(image, levels)):
            pictures = [picture, picture.flip(2)] if c.flips else [picture]
            self._sizes.append((picture.shape[-2], picture.shape[-1]))
            self._pictures.append(torch.cat(pictures, 1))
            if k < finest:
                continue
            described = [self._describe(guides[k:], k)]
            if c.flips:
                mirrored = self._describe([g.flip(2) for g in guides[k:]], k)
                # a mirrored patch keeps the place it was taken from
                mirrored[:_PLACE] = described[0][:_PLACE].flip(2)
                described.append(mirrored)
            basis = fit_basis(picture, c.picture_patch, c.picture_dims, generator)
            rows = torch.cat([_rows(x) for x in described])
            step = max(1, len(rows) // _AXES_SAMPLE)
            dims = c.search_dims if k >= self._refined else c.polish_dims
            axes = principal_axes(rows[::step], dims, generator)[1]
            self._searchable[k] = _Searchable(
                axes,
                rows @ axes,
                torch.cat([_rows(basis(x)) for x in pictures]) * c.picture_weight**0.5,
                basis,
            )

    def _describe(self, guides: list[Tensor], level: int) -> Tensor:
        """Descriptor of every pixel of a level from its own and coarser patches: (D, h, w)."""
        c = self.config
        shape = (guides[0].shape[-2], guides[0].shape[-1])
        parts = [position(*shape, self.device) * c.position_weight**0.5]
        contexts = c.context_levels if level >= self._refined else 1
        for k, guide in enumerate(guides[:contexts]):
            described = self._bases[level + k](guide)
            parts.append(enlarge(described, shape) * c.context_weight ** (k / 2))
        return torch.cat(parts)

    def synthesize(self, primitive: Tensor) -> Tensor:
        """The picture of a primitive.

        Args:
            primitive: (C, h, w) float32, of the kind and channels of the training primitive.

        Returns:
            (3, h, w) float32 in [-1, 1] on the synthesizer's device.

        Raises:
            InputError: the channels differ from the training primitive's.
        """
        return self.synthesize_with_correspondence(primitive)[0]

    @torch.no_grad()
    def synthesize_with_correspondence(self, primitive: Tensor) -> tuple[Tensor, Correspondence]:
        """As `synthesize`, and where each pixel came from."""
        if primitive.ndim != 3 or primitive.shape[0] != self.channels:
            raise InputError(
                f"The primitive has the shape {tuple(primitive.shape)}, but this model was made "
                f"from one with {self.channels} channels; use the same layers and palette."
            )
        c = self.config
        generator = torch.Generator().manual_seed(c.seed)
        levels = len(self._sizes)
        guides = pyramid(primitive.detach().to(self.device), levels + c.context_levels - 1)
        start = min(levels, _levels(max(primitive.shape[-2:]), c.search_side)) - 1
        start = max(start, self._refined)
        field, picture = self._first(guides, start, generator)
        for k in range(start - 1, -1, -1):
            shape = (guides[k].shape[-2], guides[k].shape[-1])
            field = enlarge_field(field, shape, self._sizes[k + 1], self._sizes[k])
            if k >= self._refined:
                field, picture = self._refine(field, guides, k, generator)
            elif k in self._searchable:
                field, picture = self._polish(field, guides, k, generator)
            else:
                picture = self._blend(field, k)
        height, width = self._sizes[0]
        mirrored = field.row >= height
        column = torch.where(mirrored, width - 1 - field.column, field.column)
        return picture.clamp(-1, 1), Correspondence(
            field.row % height, column, mirrored, field.distance
        )

    def _first(
        self, guides: list[Tensor], level: int, generator: torch.Generator
    ) -> tuple[Field, Tensor]:
        """Exhaustive search at the coarsest level, then refinement."""
        shape = (guides[level].shape[-2], guides[level].shape[-1])
        queries = self._queries(guides, level)
        keys = Keys(self._searchable[level].guide, self._penalty, *self._sizes[level])
        field = Search(queries, keys, shape, self.config.chunk).exhaustive()
        return self._refine(field, guides, level, generator)

    def _refine(
        self, field: Field, guides: list[Tensor], level: int, generator: torch.Generator
    ) -> tuple[Field, Tensor]:
        """Improve the field by the primitive alone, then also by how the result so far looks."""
        c = self.config
        here = self._searchable[level]
        shape = (guides[level].shape[-2], guides[level].shape[-1])
        queries = self._queries(guides, level)
        search = Search(
            queries, Keys(here.guide, self._penalty, *self._sizes[level]), shape, c.chunk
        )
        field = search.improve(search.measure(field.row, field.column), c.iterations, generator)
        picture = self._blend(field, level)
        keys = Keys(torch.cat([here.guide, here.picture], 1), self._penalty, *self._sizes[level])
        for _ in range(c.refinements):
            seen = _rows(here.picture_basis(picture)) * c.picture_weight**0.5
            search = Search(torch.cat([queries, seen], 1), keys, shape, c.chunk)
            field = search.improve(search.measure(field.row, field.column), c.iterations, generator)
            picture = self._blend(field, level)
        return field, picture

    def _polish(
        self, field: Field, guides: list[Tensor], level: int, generator: torch.Generator
    ) -> tuple[Field, Tensor]:
        """Mend a field that was enlarged: from close by, by primitive and appearance at once."""
        c = self.config
        here = self._searchable[level]
        shape = (guides[level].shape[-2], guides[level].shape[-1])
        queries = self._queries(guides, level)
        keys = Keys(torch.cat([here.guide, here.picture], 1), self._penalty, *self._sizes[level])
        picture = self._blend(field, level)
        for _ in range(c.polish_rounds):
            seen = _rows(here.picture_basis(picture)) * c.picture_weight**0.5
            search = Search(torch.cat([queries, seen], 1), keys, shape, c.chunk)
            field = search.propagate(search.measure(field.row, field.column), 1)
            field = search.wander(field, _POLISH_RADIUS, generator)
            picture = self._blend(field, level)
        return field, picture

    def _queries(self, guides: list[Tensor], level: int) -> Tensor:
        """What to look for at every pixel of a level: (h*w, D)."""
        return _rows(self._describe(guides[level:], level)) @ self._searchable[level].axes

    def _blend(self, field: Field, level: int) -> Tensor:
        c = self.config
        blending = Blending(c.vote_patch, c.vote_sigma, c.vote_sharpness, c.chunk)
        return blending(field, self._pictures[level], self._sizes[level][0])


def _levels(side: int, limit: int) -> int:
    """How many levels, each half the one before, bring `side` down to `limit`."""
    count = 1
    while side > limit:
        side = (side + 1) // 2
        count += 1
    return count


def _rows(x: Tensor) -> Tensor:
    """(D, h, w) -> (h*w, D), contiguous."""
    return x.flatten(1).T.contiguous()
