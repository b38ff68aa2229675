"""The picture of an edited primitive, made of patches of the one training picture."""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.errors import InputError
from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import Drawing
from deepsim_engine.patches.features import pyramid
from deepsim_engine.patches.pair import Pair, level_count
from deepsim_engine.patches.search import Field, Keys, Search, enlarge_field, identity_field, parted
from deepsim_engine.patches.vote import blend

_POLISH_RADIUS = 4
_SAME = 1e-4
"""Values of primitives that differ by less are equal."""


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
            self._pair = Pair.of(
                image.detach().to(self.device), primitive.detach().to(self.device), self.config
            )

    def synthesize(self, primitive: Tensor, *, within: Tensor | None = None) -> Tensor:
        """The picture of a primitive.

        Where a primitive of the training primitive's size equals it, the result is the training
        picture, but for the surroundings of what was changed.

        Args:
            primitive: (C, h, w) float32, of the kind and channels of the training primitive.
            within: (h, w) bool, what is wanted: elsewhere, but for a narrow rim, the result is
                the training picture whatever the primitive shows. Saves time. Only for
                primitives of the training primitive's size.

        Returns:
            (3, h, w) float32 in [-1, 1] on the synthesizer's device.

        Raises:
            InputError: the channels differ from the training primitive's, or `within` does not
                fit.
        """
        return self.synthesize_with_correspondence(primitive, within=within)[0]

    @torch.no_grad()
    def synthesize_with_correspondence(
        self, primitive: Tensor, *, within: Tensor | None = None
    ) -> tuple[Tensor, Correspondence]:
        """As `synthesize`, and where each pixel came from."""
        if primitive.ndim != 3 or primitive.shape[0] != self.channels:
            raise InputError(
                f"The primitive has the shape {tuple(primitive.shape)}, but this model was made "
                f"from one with {self.channels} channels; use the same layers and palette."
            )
        levels = self._pair.levels
        size = levels[0].size
        if within is not None and not within.shape == primitive.shape[1:] == size:
            raise InputError(
                "Part of a picture can only be made anew for a primitive of the training "
                f"primitive's size, {size[1]} x {size[0]} pixels."
            )
        drawing = Drawing(
            pyramid(
                primitive.detach().to(self.device), len(levels) + self.config.context_levels - 1
            ),
            self._pair.describer,
        )
        field, picture = _Synthesis(self._pair, self.config, drawing, within).run()
        height, width = size
        mirrored = field.row >= height
        column = torch.where(mirrored, width - 1 - field.column, field.column)
        return picture.clamp(-1, 1), Correspondence(
            (field.row % height).long(), column.long(), mirrored, field.distance
        )


class _Synthesis:
    """One synthesis, coarse to fine."""

    def __init__(
        self, pair: Pair, config: PatchConfig, drawing: Drawing, within: Tensor | None
    ) -> None:
        self.pair, self.config, self.drawing = pair, config, drawing
        self.same_size = drawing.shape(0) == pair.levels[0].size
        self.settles = self.same_size and (config.settle > 0 or within is not None)
        self.within = within
        self.generator = torch.Generator().manual_seed(config.seed)

    def run(self) -> tuple[Field, Tensor]:
        """The field and the picture of the finest level."""
        c, levels = self.config, self.pair.levels
        start = min(len(levels), level_count(max(self.drawing.shape(0)), c.search_side)) - 1
        start = max(start, self.pair.refined)
        field = identity_field(self.drawing.shape(start), levels[start].picture.device)
        for k in range(start, -1, -1):
            if k < start:
                shape = self.drawing.shape(k)
                field = enlarge_field(field, shape, levels[k + 1].size, levels[k].size)
            field, at = self._unsettled(field, k)
            if k >= self.pair.refined:
                field, picture = self._refine(field, k, at, anew=k == start)
            elif levels[k].keys is not None:
                field, picture = self._polish(field, k, at)
            else:
                picture = self._blend(field, k, at)
        return field, picture

    def _unsettled(self, field: Field, k: int) -> tuple[Field, Tensor]:
        """The flat numbers (n,) int64 of the pixels to search for; `field`, settled elsewhere."""
        level, shape = self.pair.levels[k], self.drawing.shape(k)
        if not self.settles:
            return field, torch.arange(shape[0] * shape[1], device=level.picture.device)
        settle = self.config.settle
        itself = identity_field(shape, level.picture.device)
        open_ = (field.row != itself.row) | (field.column != itself.column)
        if settle > 0:
            apart = (self.drawing.guides[k] - level.drawing).abs().amax(0)
            open_ |= _grown(apart > _SAME, settle)
        else:
            open_ |= True
        if self.within is not None:
            wanted = self.within.to(open_.device)
            for _ in range(k):
                wanted = _halved(wanted)
            open_ &= _grown(wanted, settle)
        kept = zip(
            (field.row, field.column, field.distance),
            (itself.row, itself.column, itself.distance),
            strict=True,
        )
        field = Field(*(torch.where(open_, old, own) for old, own in kept))
        return field, open_.view(-1).nonzero()[:, 0]

    def _refine(self, field: Field, k: int, at: Tensor, *, anew: bool) -> tuple[Field, Tensor]:
        """Improve the field by the primitive alone, then also by how the result so far looks.

        With `anew` it begins with an exhaustive search.
        """
        c, (guide, every) = self.config, self._keys(k)
        queries = self._queries(k, at)
        radius = max(guide.height, guide.width) // 4 if anew or not c.wander else c.wander
        search = Search(queries, guide, at, self.drawing.shape(k), c.chunk)
        field = search.exhaustive(field) if anew else search.measure(field)
        field = search.improve(field, c.iterations, radius, self.generator)
        picture = self._blend(field, k, at)
        for _ in range(c.refinements):
            search = self._seeing(queries, every, picture, k, at)
            field = search.improve(search.measure(field), c.iterations, radius, self.generator)
            picture = self._blend(field, k, at)
        return field, picture

    def _polish(self, field: Field, k: int, at: Tensor) -> tuple[Field, Tensor]:
        """Mend a field that was enlarged: from close by, by primitive and appearance at once."""
        _, every = self._keys(k)
        queries = self._queries(k, at)
        picture = self._blend(field, k, at)
        for _ in range(self.config.polish_rounds):
            search = self._seeing(queries, every, picture, k, at)
            field = search.propagate(search.measure(field), 1)
            field = search.wander(field, _POLISH_RADIUS, self.generator)
            picture = self._blend(field, k, at)
        return field, picture

    def _keys(self, k: int) -> tuple[Keys, Keys]:
        """Keys of the primitive alone, and of primitive and picture."""
        keys = self.pair.levels[k].keys
        assert keys is not None  # noqa: S101  (asked for at levels that are searched)
        return dataclasses.replace(keys, parts=keys.parts[:-1]), keys

    def _queries(self, k: int, at: Tensor) -> tuple[Tensor, ...]:
        """What to look for at the pixels `at`, as `Search.queries`."""
        axes = self.pair.levels[k].axes
        assert axes is not None  # noqa: S101  (asked for at levels that are searched)
        return parted(self.drawing.describe(k, at) @ axes)

    def _seeing(
        self, queries: tuple[Tensor, ...], keys: Keys, picture: Tensor, k: int, at: Tensor
    ) -> Search:
        """A search by the primitive and by how `picture` looks so far."""
        look = self.pair.levels[k].look
        assert look is not None  # noqa: S101  (asked for at levels that are searched)
        seen = look(picture, at) * self.config.picture_weight**0.5
        return Search((*queries, seen), keys, at, self.drawing.shape(k), self.config.chunk)

    def _blend(self, field: Field, k: int, at: Tensor) -> Tensor:
        """The picture (3, h, w) of a level: the training picture where the field is settled."""
        c, level = self.config, self.pair.levels[k]
        if not self.settles:
            return blend(field, level.sources, at, c.vote_sigma, c.chunk).T.reshape(
                3, *field.row.shape
            )
        moved = torch.zeros(field.row.numel(), dtype=torch.bool, device=at.device)
        moved[at] = True
        near = _grown(moved.view(field.row.shape), c.vote_patch // 2).view(-1).nonzero()[:, 0]
        picture = level.picture.clone()
        picture.view(3, -1)[:, near] = blend(field, level.sources, near, c.vote_sigma, c.chunk).T
        return picture


def _grown(mask: Tensor, pixels: int) -> Tensor:
    """(h, w) bool: the pixels at most `pixels` rows and columns from one of `mask`."""
    side, plane = 2 * pixels + 1, mask[None].float()
    plane = F.max_pool2d(plane, (side, 1), 1, (pixels, 0))
    return F.max_pool2d(plane, (1, side), 1, (0, pixels))[0] > 0


def _halved(mask: Tensor) -> Tensor:
    """Half the size (rounded up); true where any of the four pixels is."""
    return F.max_pool2d(mask[None].float(), 2, ceil_mode=True)[0] > 0
