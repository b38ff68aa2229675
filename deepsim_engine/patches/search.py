"""Nearest neighbours between descriptors: exhaustive, and by propagation and random search.

The second is the vectorised form of PatchMatch (Barnes et al. 2009): every pixel tries what its
neighbours found, shifted by their distance, and random places around its own best.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Field:
    """A nearest-neighbour field: which source pixel every output pixel comes from.

    Attributes:
        row, column: (h, w) int64; sources are stacked, so row // source height is the source.
        distance: (h, w) float32, squared.
    """

    row: Tensor
    column: Tensor
    distance: Tensor


@dataclass(frozen=True)
class Keys:
    """Descriptors of every pixel of the S stacked sources.

    Attributes:
        values: (S*height*width, D) float32.
        penalty: (S,) float32, added to the distances to a source.
        height, width: size of one source.
    """

    values: Tensor
    penalty: Tensor
    height: int
    width: int

    def inside(self, row: Tensor, column: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns clamped into their source."""
        top = source * self.height
        row = torch.maximum(torch.minimum(row, top + self.height - 1), top)
        return row, column.clamp(0, self.width - 1)


@dataclass(frozen=True)
class Search:
    """The search for the nearest keys of `queries` (h*w, D), for a field of `shape` (h, w).

    `chunk` queries are handled at a time, which bounds the memory and leaves the result as it is.
    """

    queries: Tensor
    keys: Keys
    shape: tuple[int, int]
    chunk: int

    def exhaustive(self) -> Field:
        """The nearest key of every query; meant for small levels, the cost is h*w times S*H*W."""
        keys = self.keys
        count = keys.values.shape[0]
        penalty = keys.penalty.repeat_interleave(keys.height * keys.width)
        centre = keys.values.mean(0)
        centred = keys.values - centre
        norms = centred.square().sum(1) + penalty
        table = centred.T.contiguous() * -2
        indices, distances = [], []
        for part in self.queries.split(max(1, self.chunk * 64 // count)):
            query = part - centre
            nearest = torch.addmm(norms, query, table).min(1)
            indices.append(nearest.indices)
            distances.append(nearest.values + query.square().sum(1))
        index = torch.cat(indices).view(self.shape)
        distance = torch.cat(distances).clamp_min(0).view(self.shape)
        return Field(index // keys.width, index % keys.width, distance)

    def measure(self, row: Tensor, column: Tensor) -> Field:
        """The field of these rows and columns (h, w), with its distances."""
        every = torch.arange(row.numel(), device=row.device)
        distance = self._distances(every, row.reshape(-1), column.reshape(-1))
        return Field(row, column, distance.view(self.shape))

    def _distances(self, which: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Squared distances (n,) of the queries `which` to the keys at `row` and `column`."""
        keys = self.keys
        distances = [self.queries.new_empty(0)]
        parts = (x.split(self.chunk) for x in (which, row, column))
        for query, r, c in zip(*parts, strict=True):
            away = self.queries.index_select(0, query)
            away -= keys.values.index_select(0, r * keys.width + c)
            distances.append(away.square_().sum(1) + keys.penalty[r // keys.height])
        return torch.cat(distances)

    def improve(self, field: Field, rounds: int, generator: torch.Generator) -> Field:
        """Propagation and random search, `rounds` times; no distance grows."""
        for turn in range(rounds):
            for jump in (1, 2, 4) if turn == 0 else (1,):
                field = self.propagate(field, jump)
            field = self.wander(field, max(self.keys.height, self.keys.width) // 4, generator)
        return field

    def propagate(self, field: Field, jump: int) -> Field:
        """Every pixel tries what the four pixels `jump` away found; no distance grows."""
        for dy, dx in ((0, jump), (jump, 0), (0, -jump), (-jump, 0)):
            field = self._better(field, *self._neighbours(field, dy, dx))
        return field

    def wander(self, field: Field, radius: int, generator: torch.Generator) -> Field:
        """Every pixel tries random places, ever nearer to what it has; no distance grows."""
        while radius >= 1:
            step = torch.randint(-radius, radius + 1, (2, *self.shape), generator=generator)
            row, column = step.to(field.row.device)
            source = field.row // self.keys.height
            near = self.keys.inside(field.row + row, field.column + column, source)
            field = self._better(field, *near)
            radius //= 4
        return field

    def _neighbours(self, field: Field, dy: int, dx: int) -> tuple[Tensor, Tensor]:
        """Where each pixel would come from if it moved with the pixel at (-dy, -dx) from it."""
        y = (torch.arange(self.shape[0], device=field.row.device) - dy).clamp(0, self.shape[0] - 1)
        x = (torch.arange(self.shape[1], device=field.row.device) - dx).clamp(0, self.shape[1] - 1)
        row, column = field.row[y[:, None], x[None]], field.column[y[:, None], x[None]]
        return self.keys.inside(row + dy, column + dx, row // self.keys.height)

    def _better(self, field: Field, row: Tensor, column: Tensor) -> Field:
        """`field` with the nearer candidates; only those that differ from it are measured."""
        new = ((row != field.row) | (column != field.column)).view(-1).nonzero()[:, 0]
        row, column = row.reshape(-1)[new], column.reshape(-1)[new]
        distance = self._distances(new, row, column)
        better = distance < field.distance.view(-1)[new]
        which = new[better]
        pairs = ((field.row, row), (field.column, column), (field.distance, distance))
        return Field(
            *(
                old.reshape(-1).index_copy(0, which, value[better]).view(self.shape)
                for old, value in pairs
            )
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
    y = torch.arange(shape[0], device=field.row.device)
    x = torch.arange(shape[1], device=field.row.device)
    at = (y[:, None] // 2, x[None] // 2)
    source = field.row[at] // coarse[0]
    row = (field.row[at] - source * coarse[0]) * 2 + (y % 2)[:, None]
    column = field.column[at] * 2 + (x % 2)[None]
    row = row.clamp(max=fine[0] - 1) + source * fine[0]
    return Field(row, column.clamp(max=fine[1] - 1), field.distance[at])
