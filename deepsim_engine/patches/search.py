"""Nearest neighbours between descriptors: exhaustive, and by propagation and random search.

The second is the vectorised form of PatchMatch (Barnes et al. 2009): every pixel tries what its
neighbours found, shifted by their distance, and random places around its own best.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from deepsim_engine.patches.window import Window

_PART = 32
"""Components that are compared before it is asked whether a candidate can still be the nearest."""
_KEPT = 1 << 15
"""Keys of which it is kept what a matrix product needs: two sources of 128 px."""
_FEW = 500
"""So few candidates are sooner compared in all components than sorted out in between."""


@dataclass(frozen=True)
class Field:
    """A nearest-neighbour field: which source pixel every output pixel comes from.

    Attributes:
        row, column: (h, w) int32; sources are stacked, so row // source height is the source.
        distance: (h, w) float32, squared.
    """

    row: Tensor
    column: Tensor
    distance: Tensor

    def cut(self, window: Window) -> "Field":
        """That part of it, not copied."""
        return Field(*(window.cut(part) for part in (self.row, self.column, self.distance)))


@dataclass(frozen=True)
class Keys:
    """Descriptors of every pixel of the S stacked sources.

    Attributes:
        parts: (S*height*width, D_i) each, float32 or, where fields are only mended, float16;
            together the descriptors, those of the picture last. Where a distance by the first
            parts is too large the others are not looked at, so these should be short and say much.
        penalty: (S,) float32, added to the distances to a source.
        height, width: size of one source.
    """

    parts: tuple[Tensor, ...]
    penalty: Tensor
    height: int
    width: int

    def inside(self, row: Tensor, column: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns clamped into their source."""
        top = source * self.height
        row = torch.maximum(torch.minimum(row, top + (self.height - 1)), top)
        return row, column.clamp(0, self.width - 1)

    def source(self, row: Tensor) -> Tensor:
        """Number of the source of every (stacked) row."""
        return torch.div(row, self.height, rounding_mode="floor")

    def source_at(self, place: Tensor) -> Tensor:
        """Number of the source of every key."""
        return torch.div(place, self.height * self.width, rounding_mode="floor")

    @cached_property
    def guide(self) -> "Keys":
        """Those without what describes the picture."""
        return replace(self, parts=self.parts[:-1])

    @property
    def prepared(self) -> tuple[Tensor, Tensor, Tensor]:
        """For `Search.nearest`, of float32 keys; kept where it is small.

        The mean of all keys (D,), and for a matrix product of queries from which it was taken:
        squared lengths and penalties (N,), and -2 times the keys (D, N).
        """
        return self._kept if len(self.parts[0]) <= _KEPT else self._prepare()

    @cached_property
    def _kept(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._prepare()

    def _prepare(self) -> tuple[Tensor, Tensor, Tensor]:
        values = torch.cat(self.parts, 1)
        centre = values.mean(0)
        centred = values - centre
        norms = centred.square().sum(1)
        norms += self.penalty.repeat_interleave(self.height * self.width)
        return centre, norms, centred.T.contiguous().mul_(-2)


def part_sides(dims: int) -> tuple[int, ...]:
    """How many of so many components are in each part."""
    return tuple(min(_PART, dims - first) for first in range(0, dims, _PART))


def parted(descriptors: Tensor) -> tuple[Tensor, ...]:
    """Descriptors (N, D), what says most first, as `Keys.parts` and `Search.queries` want them."""
    sides = part_sides(descriptors.shape[1])
    return tuple(part.contiguous() for part in descriptors.split(sides, 1))


@dataclass(frozen=True)
class Search:
    """The search for the nearest keys of some pixels of a field of `shape` (h, w).

    Attributes:
        queries: (n, D_i) float32 each, parted as the keys.
        keys: where is searched.
        at: (n,) int64, the flat numbers of the pixels that are searched for; others stay.
        shape: (h, w) of the field.
        chunk: queries handled at a time: bounds the memory, leaves the result as it is.
    """

    queries: tuple[Tensor, ...]
    keys: Keys
    at: Tensor
    shape: tuple[int, int]
    chunk: int

    def exhaustive(self, field: Field) -> Field:
        """The nearest key of every query, put into `field`; see `nearest`."""
        place, distance = self.nearest()
        row = torch.div(place, self.keys.width, rounding_mode="floor")
        return self._put(field, row.int(), (place % self.keys.width).int(), distance)

    def nearest(self) -> tuple[Tensor, Tensor]:
        """The nearest key (n,) int64 of every query, and its distance (n,).

        Meant for small levels: the cost is n times S*H*W.
        """
        centre, norms, table = self.keys.prepared
        nearest, distances = [], []
        for part in torch.cat(self.queries, 1).split(max(1, self.chunk * 64 // len(norms))):
            query = part - centre
            best = torch.addmm(norms, query, table).min(1)
            nearest.append(best.indices)
            distances.append(best.values + query.square().sum(1))
        return torch.cat(nearest), torch.cat(distances).clamp_min(0)

    def measure(self, field: Field) -> Field:
        """`field` with the distances that its pixels have to these keys."""
        every = torch.arange(len(self.at), device=self.at.device)
        row, column = field.row.view(-1)[self.at], field.column.view(-1)[self.at]
        index = row * self.keys.width + column
        distance = self.keys.penalty[self.keys.source(row)]
        for part in range(len(self.queries)):
            distance = distance + self._apart(part, every, index)
        return self._put(field, row, column, distance)

    def improve(self, field: Field, rounds: int, radius: int, generator: torch.Generator) -> Field:
        """Propagation and random search, `rounds` times; no distance grows."""
        best = _Best.of(field, self)
        for turn in range(rounds):
            for jump in (1, 2, 4) if turn == 0 else (1,):
                self._propagate(best, jump)
            self._wander(best, radius, generator)
        return best.as_field(field)

    def mend(self, field: Field, radius: int, generator: torch.Generator) -> Field:
        """Propagation from next to each pixel, and random search; no distance grows."""
        best = _Best.of(field, self)
        self._propagate(best, 1)
        self._wander(best, radius, generator)
        return best.as_field(field)

    def _propagate(self, best: "_Best", jump: int) -> None:
        """Every pixel tries what the four pixels `jump` away found."""
        width, height = self.keys.width, self.keys.height
        for axis, step in ((1, jump), (0, jump), (1, -jump), (0, -jump)):
            place = best.beside(axis, step)
            if axis:
                column = place % width
                place += (column + step).clamp_(0, width - 1).sub_(column)
            else:
                row = torch.div(place, width, rounding_mode="floor") % height
                place += (row + step).clamp_(0, height - 1).sub_(row).mul_(width)
            self._try(best, place)

    def _wander(self, best: "_Best", radius: int, generator: torch.Generator) -> None:
        """Every pixel tries random places, ever nearer to what it has."""
        width = self.keys.width
        while radius >= 1:
            step = torch.randint(
                -radius, radius + 1, (2, len(self.at)), generator=generator, dtype=torch.int32
            ).to(self.at.device)
            row = torch.div(best.place, width, rounding_mode="floor")
            column = best.place - row * width
            near = self.keys.inside(row + step[0], column + step[1], self.keys.source(row))
            self._try(best, near[0] * width + near[1])
            radius //= 4

    def _try(self, best: "_Best", place: Tensor) -> None:
        """Keeps those of the candidates (n,) that are nearer; only what is new is measured."""
        which = (place != best.place).nonzero()[:, 0]
        place, known = place[which], best.distance[which]
        distance = self.keys.penalty[self.keys.source_at(place)]
        last = len(self.queries) - 1
        for part in range(last + 1):
            if not len(which):
                return
            distance = distance + self._apart(part, which, place)
            if len(which) < _FEW and part != last:
                continue
            near = (distance < known).nonzero()[:, 0]
            which, place, distance = which[near], place[near], distance[near]
            if part != last:
                known = known[near]
        best.put(which, place, distance)

    def _apart(self, part: int, which: Tensor, place: Tensor) -> Tensor:
        """Squared distances (m,) by one part of the descriptors of queries `which` to keys."""
        queries, keys = self.queries[part], self.keys.parts[part]

        def apart(which: Tensor, place: Tensor) -> Tensor:
            away = queries.index_select(0, which)
            away -= keys.index_select(0, place)
            return away.square_().sum(1)

        step = self.chunk // 4
        if len(which) <= step:
            return apart(which, place)
        steps = zip(which.split(step), place.split(step), strict=True)
        return torch.cat([apart(*each) for each in steps])

    def _put(self, field: Field, row: Tensor, column: Tensor, distance: Tensor) -> Field:
        """`field` with new values at the pixels that are searched for."""
        values = ((field.row, row), (field.column, column), (field.distance, distance))
        return Field(
            *(old.reshape(-1).index_copy(0, self.at, new).view(self.shape) for old, new in values)
        )


@dataclass
class _Best:
    """The best found so far, in the layout that it is quickest to better.

    Attributes:
        search: what is searched for where.
        places: (h*w,) int32, the key (row * width + column) of every pixel of the field.
        place: (n,) int32, those of the pixels that are searched for.
        distance: (n,) float32.
    """

    search: Search
    places: Tensor
    place: Tensor
    distance: Tensor

    @classmethod
    def of(cls, known: Field, search: Search) -> "_Best":
        places = (known.row * search.keys.width + known.column).view(-1)
        return cls(search, places, places[search.at], known.distance.reshape(-1)[search.at])

    def beside(self, axis: int, step: int) -> Tensor:
        """(n,) what the pixel found that lies `step` before each along an axis."""
        (height, width), at = self.search.shape, self.search.at
        if axis:
            column = at % width
            return self.places[at + (column - step).clamp_(0, width - 1).sub_(column)]
        row = torch.div(at, width, rounding_mode="floor")
        return self.places[at + (row - step).clamp_(0, height - 1).sub_(row).mul_(width)]

    def put(self, which: Tensor, place: Tensor, distance: Tensor) -> None:
        """Better ones, of the pixels number `which`."""
        self.place.index_copy_(0, which, place)
        self.distance.index_copy_(0, which, distance)
        self.places.index_copy_(0, self.search.at[which], place)

    def as_field(self, known: Field) -> Field:
        """As a field; `known` where nothing was searched for."""
        row = torch.div(self.places, self.search.keys.width, rounding_mode="floor")
        column = self.places - row * self.search.keys.width
        distance = known.distance.reshape(-1).index_copy(0, self.search.at, self.distance)
        return Field(*(each.view(self.search.shape) for each in (row, column, distance)))


def identity_field(shape: tuple[int, int], device: torch.device) -> Field:
    """Every pixel comes from where it is, at distance 0."""
    row = torch.arange(shape[0], device=device, dtype=torch.int32)
    column = torch.arange(shape[1], device=device, dtype=torch.int32)
    return Field(
        row[:, None].repeat(1, shape[1]),
        column[None].repeat(shape[0], 1),
        torch.zeros(shape, device=device),
    )


def enlarge_field(
    field: Field, shape: tuple[int, int], coarse: tuple[int, int], fine: tuple[int, int]
) -> Field:
    """The field of a level twice as large: each pixel becomes its quarters.

    Args:
        field: the coarse field; its distances are carried over, to be taken anew.
        shape: (height, width) of the larger field.
        coarse, fine: (height, width) of one source at the two levels.
    """
    device = field.row.device
    y = torch.arange(shape[0], device=device, dtype=torch.int32)
    x = torch.arange(shape[1], device=device, dtype=torch.int32)

    def quartered(plane: Tensor) -> Tensor:
        height, width = plane.shape
        large = plane[:, None, :, None].expand(height, 2, width, 2)
        return large.reshape(2 * height, 2 * width)[: shape[0], : shape[1]]

    source = torch.div(field.row, coarse[0], rounding_mode="floor")
    row = quartered(2 * (field.row - source * coarse[0])) + (y % 2)[:, None]
    column = quartered(2 * field.column) + (x % 2)[None]
    row = row.clamp_(max=fine[0] - 1) + quartered(source * fine[0])
    return Field(row, column.clamp_(max=fine[1] - 1), quartered(field.distance))
