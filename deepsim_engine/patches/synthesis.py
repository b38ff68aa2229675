"""One drawing's synthesis: fields of nearest patches, coarse to fine, by several opinions."""

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine import devices
from deepsim_engine.patches.agreement import united
from deepsim_engine.patches.composing import Composer
from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import Drawing
from deepsim_engine.patches.pair import level_count
from deepsim_engine.patches.search import Field, Keys, Search, enlarge_field, identity_field, parted
from deepsim_engine.patches.turning import Turns
from deepsim_engine.patches.window import grown_mask

_POLISH_RADIUS = 4
_ASKED = 256
"""Pixels that are asked which angles they would like."""
_FIRST = 4
"""Every so many of them are asked at first, whether an angle is worth asking all."""
_SMALL = 1 << 15
"""Pixels of the window around an edit; one of fewer is not worth a second thread."""
_FITS = 0.2
"""Nobody is asked where nine tenths of the pixels have found something nearer than this."""
_RIM = 10
"""Pixels around what is wanted that are made as well: patches, and the smoothing of their tone,
reach beyond it."""
_SAME = 1e-4
"""Values of primitives that differ by less are equal."""


@dataclass(frozen=True)
class _Opinion:
    """One of the syntheses of which a picture is made together.

    Attributes:
        field: of the finest level.
        at: (n,) int64, its pixels that need not come from where they are.
        generator: of its random search.
    """

    field: Field
    at: Tensor
    generator: torch.Generator


class Synthesis:
    """The syntheses for one drawing, coarse to fine."""

    def __init__(
        self, turns: Turns, config: PatchConfig, drawing: Drawing, within: Tensor | None
    ) -> None:
        self.turns, self.pair, self.config, self.drawing = turns, turns.pair, config, drawing
        self.levels = self.pair.levels
        self.angles: tuple[int, ...] = ()
        self.within = within
        same_size = drawing.shape(0) == self.pair.levels[0].size
        self.settles = same_size and (config.settle > 0 or within is not None)
        self.small = same_size and config.settle > 0 and drawing.edited[0].area < _SMALL
        self.composer = Composer(self.levels, drawing, config, self.settles)

    def run(self) -> tuple[Field, Tensor]:
        """The field and the picture of the finest level."""
        c, levels = self.config, self.pair.levels
        start = min(len(levels), level_count(max(self.drawing.shape(0)), c.search_side)) - 1
        start = max(start, self.pair.refined)
        field = identity_field(self.drawing.shape(start), levels[start].picture.device)
        self.angles = self._angles(field, start)
        self.levels = [self.turns.level(k, self.angles) for k in range(start + 1)]
        self.composer = dataclasses.replace(self.composer, levels=self.levels)
        with devices.one_thread(self.small):
            return self._made(field, start)

    def _made(self, field: Field, start: int) -> tuple[Field, Tensor]:
        """From a level on, the first opinion's field and the picture of the finest."""
        opinions = [self._opinion(field, start, n) for n in range(self.config.opinions)]
        picture = self._mean(opinions)
        for _ in range(self.config.agreeing if self.levels[0].keys is not None else 0):
            opinions = [self._persuaded(opinion, picture) for opinion in opinions]
            picture = self._mean(opinions)
        return opinions[0].field, picture

    def _opinion(self, field: Field, start: int, number: int) -> _Opinion:
        """What a synthesis finds whose random search is the `number`th."""
        generator = torch.Generator().manual_seed(self.config.seed + number)
        at = field.row.new_empty(0)
        for k in range(start, -1, -1):
            field, at = self._level(field, k, generator, anew=k == start)
        if self.composer.finishes:
            at = self._unsettled(field, 0)
        return _Opinion(field, at, generator)

    def _mean(self, opinions: list[_Opinion]) -> Tensor:
        """The picture (3, h, w) that they make together."""
        return united([self.composer.picture(each.field, each.at) for each in opinions])

    def _persuaded(self, opinion: _Opinion, picture: Tensor) -> _Opinion:
        """It, improved by how `picture` looks."""
        _, every = self._keys(0)
        search = self._seeing(self._queries(0, opinion.at), every, picture, 0, opinion.at)
        field = search.measure(opinion.field)
        if self.pair.refined == 0:
            field = search.improve(field, 1, self.config.wander, opinion.generator)
        else:
            field = search.mend(field, _POLISH_RADIUS, opinion.generator)
        return dataclasses.replace(opinion, field=field)

    def _level(
        self, field: Field, k: int, generator: torch.Generator, *, anew: bool
    ) -> tuple[Field, Tensor]:
        """The field of a level, from that of the one above, and the pixels (n,) that were open."""
        levels = self.levels
        if not anew:
            field = enlarge_field(field, self.drawing.shape(k), levels[k + 1].size, levels[k].size)
        at = self._unsettled(field, k)
        if len(at) and k >= self.pair.refined:
            field = self._refine(field, k, at, generator, anew=anew)
        elif len(at) and levels[k].keys is not None:
            field = self._polish(field, k, at, generator)
        return field, at

    def _unsettled(self, field: Field, k: int) -> Tensor:
        """The flat numbers (n,) int64 of the pixels that need not come from where they are."""
        level, shape = self.pair.levels[k], self.drawing.shape(k)
        if not self.settles:
            return torch.arange(shape[0] * shape[1], device=level.picture.device)
        itself = identity_field(shape, level.picture.device)
        open_ = (field.row != itself.row) | (field.column != itself.column)
        if self.config.settle > 0:
            apart, window = torch.zeros_like(open_), self.drawing.edited[k]
            away = window.cut(self.drawing.guides[k]) - window.cut(level.drawing)
            window.cut(apart).copy_(away.abs().amax(0) > _SAME)
            open_ |= grown_mask(apart, self.config.settle)
        else:
            open_[:] = True
        if self.within is not None:
            wanted = self.within[None].float()
            for _ in range(k):
                wanted = F.max_pool2d(wanted, 2, ceil_mode=True)
            open_ &= grown_mask(wanted[0] > 0, _RIM)
        return open_.view(-1).nonzero()[:, 0]

    def _angles(self, field: Field, k: int) -> tuple[int, ...]:
        """The angle by which parts of the drawing were turned, if it is clear that they were."""
        c, shape = self.config, self.drawing.shape(k)
        at = self._unsettled(field, k)
        at = at[:: 1 + len(at) // _ASKED]
        if not c.turns or not len(at):
            return ()
        queries = self._queries(k, at)

        def distance(keys: Keys, some: slice = slice(None)) -> Tensor:
            """How far what is asked for lies from the nearest of some keys."""
            asked = tuple(part[some] for part in queries)
            return Search(asked, keys, at[some], shape, c.chunk).nearest()[1]

        known = distance(self._keys(k)[0])
        if known.quantile(0.9) < _FITS:
            return ()

        def gain(angle: int, some: slice = slice(None)) -> float:
            turned = distance(self.turns.keys(k, angle).guide, some)
            saved = (known[some] - turned).clamp_min(0).sum()
            return float(saved / known[some].sum().clamp_min(1e-6))

        first = slice(None, None, _FIRST)
        likely = [a for a in range(c.turns, 360, c.turns) if gain(a, first) > c.turn_gain / 4]
        gains = {angle: gain(angle) for angle in likely}
        best = max(gains, key=gains.__getitem__, default=0)
        if not gains or gains[best] < c.turn_gain / 2:
            return ()
        gains |= {angle: gain(angle) for angle in (best - c.turns // 2, best + c.turns // 2)}
        best = max(gains, key=gains.__getitem__)
        return (best,) if gains[best] > c.turn_gain else ()

    def _refine(
        self, field: Field, k: int, at: Tensor, generator: torch.Generator, *, anew: bool
    ) -> Field:
        """Improve the field by the primitive alone, then also by how the result so far looks.

        With `anew` it begins with an exhaustive search. The last round of the finest level looks
        at the picture as it will be finished, if that is asked for.
        """
        c, (guide, every) = self.config, self._keys(k)
        queries = self._queries(k, at)
        radius = max(guide.height, guide.width) // 4 if anew or not c.wander else c.wander
        search = Search(queries, guide, at, self.drawing.shape(k), c.chunk)
        field = search.exhaustive(field) if anew else search.measure(field)
        field = search.improve(field, c.iterations, radius, generator)
        rounds = [c.iterations] * c.refinements
        if rounds and k == 0 and self.composer.finishes and c.finishing:
            rounds[-1:] = [c.iterations - 1, 1]
        for number, iterations in enumerate(rounds):
            last = number == c.refinements
            picture = (
                self.composer.finished(field, at) if last else self.composer.blend(field, k, at)
            )
            search = self._seeing(queries, every, picture, k, at)
            field = search.improve(search.measure(field), iterations, radius, generator)
        return field

    def _polish(self, field: Field, k: int, at: Tensor, generator: torch.Generator) -> Field:
        """Mend a field that was enlarged: from close by, by primitive and appearance at once."""
        _, every = self._keys(k)
        queries = self._queries(k, at)
        for _ in range(self.config.polish_rounds):
            search = self._seeing(queries, every, self.composer.blend(field, k, at), k, at)
            field = search.mend(search.measure(field), _POLISH_RADIUS, generator)
        return field

    def _keys(self, k: int) -> tuple[Keys, Keys]:
        """Keys of the primitive alone, and of primitive and picture."""
        every = self.levels[k].keys
        assert every is not None  # noqa: S101  (asked for at levels that are searched)
        return every.guide, every

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
