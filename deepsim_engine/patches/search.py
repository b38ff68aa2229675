"""Nearest neighbours between descriptors: exhaustive, and by propagation and random search.

The second is the vectorised form of PatchMatch (Barnes et al. 2009): every pixel tries what its
neighbours found, shifted by their distance, and random places around its own best.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from deepsim_engine.patches.window import Window

_PART = 32
"""Components that are compared before it is asked whether a candidate can still be the nearest."""


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

    def copy(self) -> "Field":
        """One of its own that may be changed."""
        return Field(
            *(part.contiguous().clone() for part in (self.row, self.column, self.distance))
        )

    def cut(self, window: Window) -> "Field":
        """That part of it, not copied."""
        return Field(*(window.cut(part) for part in (self.row, self.column, self.distance)))

    def pairs(
        self, row: Tensor, column: Tensor, distance: Tensor
    ) -> tuple[tuple[Tensor, Tensor], ...]:
        """Each of its parts, and a new value for it."""
        return (self.row, row), (self.column, column), (self.distance, distance)


@dataclass(frozen=True)
class Keys:
    """Descriptors of every pixel of the S stacked sources.

    Attributes:
        parts: (S*height*width, D_i) float32 each, together the descriptors; where a distance by
            the first parts is too large the others are not looked at, so these should be short
            and say much.
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

    @cached_property
    def prepared(self) -> tuple[Tensor, Tensor, Tensor]:
        """The mean of all keys (D,), and for a matrix product of queries from which it was taken:
        squared lengths and penalties (N,), and -2 times the keys (D, N)."""
        values = torch.cat(self.parts, 1)
        centre = values.mean(0)
        centred = values - centre
        norms = centred.square().sum(1)
        norms += self.penalty.repeat_interleave(self.height * self.width)
        return centre, norms, centred.T.contiguous().mul_(-2)


def parted(descriptors: Tensor) -> tuple[Tensor, ...]:
    """Descriptors (N, D), what says most first, as `Keys.parts` and `Search.queries` want them."""
    return tuple(part.contiguous() for part in descriptors.split(_PART, 1))


@dataclass(frozen=True)
class Search:
    """The search for the nearest keys of some pixels of a field of `shape` (h, w).

    Attributes:
        queries: (n, D_i) each, parted as the keys.
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
        """The nearest key of every query; meant for small levels, the cost is n times S*H*W."""
        keys = self.keys
        centre, norms, table = keys.prepared
        nearest, distances = [], []
        for part in torch.cat(self.queries, 1).split(max(1, self.chunk * 64 // len(norms))):
            query = part - centre
            best = torch.addmm(norms, query, table).min(1)
            nearest.append(best.indices)
            distances.append(best.values + query.square().sum(1))
        index = torch.cat(nearest)
        row = torch.div(index, keys.width, rounding_mode="floor")
        return self._put(
            field, self.at, row.int(), (index % keys.width).int(), torch.cat(distances).clamp_min(0)
        )

    def measure(self, field: Field) -> Field:
        """`field` with the distances that its pixels have to these keys."""
        every = torch.arange(len(self.at), device=self.at.device)
        row, column = field.row.view(-1)[self.at], field.column.view(-1)[self.at]
        index = row * self.keys.width + column
        distance = self.keys.penalty[self.keys.source(row)]
        for part in range(len(self.queries)):
            distance = distance + self._apart(part, every, index)
        return self._put(field, self.at, row, column, distance)

    def improve(self, field: Field, rounds: int, radius: int, generator: torch.Generator) -> Field:
        """Propagation and random search, `rounds` times; no distance grows."""
        for turn in range(rounds):
            for jump in (1, 2, 4) if turn == 0 else (1,):
                field = self.propagate(field, jump)
            field = self.wander(field, radius, generator)
        return field

    def propagate(self, field: Field, jump: int) -> Field:
        """Every pixel tries what the four pixels `jump` away found; no distance grows."""
        field, (height, width) = field.copy(), self.shape
        y, x = torch.div(self.at, width, rounding_mode="floor"), self.at % width
        for dy, dx in ((0, jump), (jump, 0), (0, -jump), (-jump, 0)):
            there = (y - dy).clamp(0, height - 1) * width + (x - dx).clamp(0, width - 1)
            row, column = field.row.view(-1)[there], field.column.view(-1)[there]
            self._better(field, *self.keys.inside(row + dy, column + dx, self.keys.source(row)))
        return field

    def wander(self, field: Field, radius: int, generator: torch.Generator) -> Field:
        """Every pixel tries random places, ever nearer to what it has; no distance grows."""
        field = field.copy()
        while radius >= 1:
            step = torch.randint(
                -radius, radius + 1, (2, len(self.at)), generator=generator, dtype=torch.int32
            ).to(self.at.device)
            row, column = field.row.view(-1)[self.at], field.column.view(-1)[self.at]
            near = self.keys.inside(row + step[0], column + step[1], self.keys.source(row))
            self._better(field, *near)
            radius //= 4
        return field

    def _better(self, field: Field, row: Tensor, column: Tensor) -> None:
        """Puts the nearer ones of the candidates (n,) into `field`, which is changed.

        Only those that differ from it are measured.
        """
        known = field.distance.view(-1)[self.at]
        index = row * self.keys.width + column
        mine = field.row.view(-1)[self.at] * self.keys.width + field.column.view(-1)[self.at]
        which = (index != mine).nonzero()[:, 0]
        index, known = index[which], known[which]
        distance = self.keys.penalty[self.keys.source(row[which])]
        for part in range(len(self.queries)):
            if not len(which):
                return
            distance = distance + self._apart(part, which, index)
            near = (distance < known).nonzero()[:, 0]
            which, index, known, distance = which[near], index[near], known[near], distance[near]
        for old, new in field.pairs(row[which], column[which], distance):
            old.view(-1).index_copy_(0, self.at[which], new)

    def _apart(self, part: int, which: Tensor, index: Tensor) -> Tensor:
        """Squared distances (m,) by one part of the descriptors of queries `which` to keys."""
        queries, keys = self.queries[part], self.keys.parts[part]

        def apart(which: Tensor, index: Tensor) -> Tensor:
            away = queries.index_select(0, which)
            away -= keys.index_select(0, index)
            return away.square_().sum(1)

        step = self.chunk // 4
        if len(which) <= step:
            return apart(which, index)
        steps = zip(which.split(step), index.split(step), strict=True)
        return torch.cat([apart(*each) for each in steps])

    def _put(
        self, field: Field, at: Tensor, row: Tensor, column: Tensor, distance: Tensor
    ) -> Field:
        """`field` with new values at the flat pixels `at`."""
        pairs = field.pairs(row, column, distance)
        return Field(
            *(old.reshape(-1).index_copy(0, at, new).view(self.shape) for old, new in pairs)
        )


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
