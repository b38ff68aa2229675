"""The colours of a segmentation map, and which of them each pixel means.

Segments are classes, not colours, but they come as painted colours: brushes soften borders and
JPEG adds noise. Everything here is measured as distance in CIELAB (CIE 1976 delta E, about 2.3
being the smallest difference that people notice), computed once per distinct colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.color import rgb2lab

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels, split_alpha

MAX_COLOURS = 64
UNPAINTED_BELOW = 128
"""Segment pixels with less alpha than this are unpainted."""

_SAME = 1.7
"""Delta E up to which two colours of a noiseless map are one class (3 gray levels are 1.3)."""
_NEAR = 6.0
"""Delta E up to which a pixel surely means its nearest colour, whatever surrounds it."""
_FAR = 20.0
"""Delta E from which a pixel means no colour of the palette, unless it is a softened border."""
_SPECK = 9
"""Fewest stray pixels worth a word: fewer than a dot of 3 x 3 are compression noise."""
_BLEND = 60.0
"""Distance in RGB up to which a border pixel counts as a mixture of the classes beside it."""
_BLEND_OF_ANY = 40.0
"""The same for a colour anywhere, which may be mixed of any two."""
_SHADED = 0.18
"""Share of in-between colours that no map has (softened JPEGs: below 0.1; photographs: 0.2 up)."""
_STRIP = 2**21
"""Pixels worked on at once, so that memory does not grow with the canvas."""


@dataclass(frozen=True)
class FarColours:
    """Pixels of a map whose colour belongs to no class: how many, and one to show.

    Attributes:
        count: number of such pixels.
        share: their share of the painted pixels, 0 to 1.
        colour: the commonest such colour.
        taken_as: the palette colour that pixels of it became.
        place: (x, y) of one pixel of that colour.
    """

    count: int
    share: float
    colour: tuple[int, int, int]
    taken_as: tuple[int, int, int]
    place: tuple[int, int]

    def sentence(self) -> str:
        return (
            f"{self.count} pixels of the segments ({self.share:.1%}) have a colour that is not in "
            f"the palette, such as {hex_colour(self.colour)} at {self.place}: it was taken as "
            f"{hex_colour(self.taken_as)}."
        )


@dataclass(frozen=True, eq=False)
class Palette:
    """The classes of a segmentation map, in a fixed order.

    Class k < K is `colours[k]`; class K, if `unpainted` is True, is "nothing painted here".

    Attributes:
        colours: (K, 3) uint8, sRGB, all different, 1 <= K <= 64.
        unpainted: whether unpainted pixels are a class.
    """

    colours: NDArray[np.uint8]
    unpainted: bool = False

    def __post_init__(self) -> None:
        colours = np.array(self.colours, dtype=np.uint8)
        if colours.ndim != 2 or colours.shape[1] != 3 or not 1 <= len(colours) <= MAX_COLOURS:
            raise InputError(f"A palette has 1 to {MAX_COLOURS} colours of three values each.")
        if len(np.unique(colours, axis=0)) != len(colours):
            raise InputError("A palette cannot hold the same colour twice.")
        colours.flags.writeable = False
        object.__setattr__(self, "colours", colours)
        object.__setattr__(self, "unpainted", bool(self.unpainted))

    def __len__(self) -> int:
        """Number of classes, the unpainted one included."""
        return len(self.colours) + self.unpainted

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Palette):
            return NotImplemented
        return self.unpainted == other.unpainted and np.array_equal(self.colours, other.colours)

    def __hash__(self) -> int:
        return hash((self.colours.tobytes(), self.unpainted))

    @cached_property
    def lab(self) -> NDArray[np.float32]:
        """The colours in CIELAB, (K, 3)."""
        return to_lab(self.colours)

    @classmethod
    def from_segments(cls, segments: Pixels) -> "Palette":
        """Find the few true colours of a painted map (H, W, 3 or 4), most used first.

        A true colour is one that fills flat places; softened borders and compression noise do
        not, and are left out. A thin line counts if it has one exact colour that is not a
        mixture of two others. Raises InputError for more than 64 colours, for one colour alone,
        and when nothing is painted.
        """
        colour, alpha = split_alpha(segments)
        painted = np.ones(colour.shape[:2], bool) if alpha is None else alpha >= UNPAINTED_BELOW
        if not painted.any():
            raise InputError("The segments layer is empty: paint flat colours on it.")
        colours = _true_colours(colour, painted)
        unpainted = not painted.all()
        if len(colours) == 1 and not unpainted:
            raise InputError(
                f"The segments have a single colour ({hex_colour(colours[0])}): "
                "paint the parts of the picture in different flat colours."
            )
        return cls(colours, unpainted)

    def snap(self, segments: Pixels) -> tuple[NDArray[np.uint8], FarColours | None]:
        """Say of each pixel of a map (H, W, 3 or 4) which class it means.

        A pixel close to a palette colour is that colour. Any other takes the closest of the
        colours around it, so that the softened border between two classes never becomes a line
        of a third that happens to lie between them; if there are none, the closest of all.
        Unpainted pixels are class K; where the palette knows no unpainted class they take the
        class of the nearest painted pixel.

        Returns classes (H, W) uint8, and what belonged to no class (None if all did). Raises
        InputError when nothing is painted and the palette knows no unpainted class.
        """
        colour, alpha = split_alpha(segments)
        table = ColourTable.of(colour)
        distance, nearest = self._nearest(table.lab)
        classes = nearest[table.index]
        painted = np.ones(classes.shape, bool) if alpha is None else alpha >= UNPAINTED_BELOW
        off = (distance > 0)[table.index] & painted
        far = self._settle(classes, off, table, distance, painted) if off.any() else None
        if not painted.all():
            classes = self._without_paint(classes, painted)
        return classes, far

    def paint(self, classes: NDArray[np.uint8]) -> Pixels:
        """The map (H, W, 4) that `classes` (H, W) stands for; unpainted is transparent."""
        table = np.zeros((len(self.colours) + 1, 4), np.uint8)
        table[:-1, :3] = self.colours
        table[:-1, 3] = 255
        return table[classes]

    def _nearest(self, lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Distance to, and index of, the closest colour for each row of (N, 3)."""
        best = np.full(len(lab), np.inf, np.float32)
        nearest = np.zeros(len(lab), np.uint8)
        for k, colour in enumerate(self.lab):
            distance = np.sqrt(((lab - colour) ** 2).sum(1))
            closer = distance < best
            best[closer], nearest[closer] = distance[closer], k
        return best, nearest

    def _settle(
        self,
        classes: NDArray[np.uint8],
        off: NDArray[np.bool_],
        table: "ColourTable",
        distance: NDArray[np.float32],
        painted: NDArray[np.bool_],
    ) -> FarColours | None:
        """Decide, in place, the pixels whose colour is not exactly one of the palette."""
        unsure = (off & ((distance > _NEAR)[table.index])) | (off & _lonely(classes))
        nobody = len(self.colours)  # marks a neighbour that has no say
        sure = np.pad(np.where(painted & ~unsure, classes, np.uint8(nobody)), 2, mode="edge")
        rows, columns = np.nonzero(unsure)
        far = np.zeros(len(rows), bool)
        colours = np.vstack([self.colours, [[0, 0, 0]]]).astype(np.float32)
        labs = np.vstack([self.lab, np.full((1, 3), np.inf, np.float32)])
        for part in _parts(len(rows), _STRIP // 64):
            y, x = rows[part], columns[part]
            around = np.stack([sure[y + i, x + j] for i in range(5) for j in range(5)], axis=1)
            colour = table.index[y, x]
            apart = ((table.lab[colour][:, None] - labs[around]) ** 2).sum(2)
            choice = around[np.arange(len(y)), apart.argmin(1)]
            known = choice != nobody
            classes[y[known], x[known]] = choice[known]
            mixed = _is_mixture(
                table.colours[colour].astype(np.float32),
                colours[np.where(known, choice, 0)][:, None],
                colours[np.where(around == nobody, choice[:, None], around)],
                _BLEND,
            )
            far[part] = (distance[colour] > _FAR) & ~(known & mixed)
        if np.count_nonzero(far) < _SPECK:
            return None
        return self._report(classes, rows[far], columns[far], table, int(painted.sum()))

    def _report(
        self,
        classes: NDArray[np.uint8],
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        table: "ColourTable",
        painted: int,
    ) -> FarColours:
        commonest = np.bincount(table.index[rows, columns]).argmax()
        first = int(np.flatnonzero(table.index[rows, columns] == commonest)[0])
        y, x = int(rows[first]), int(columns[first])
        return FarColours(
            count=len(rows),
            share=len(rows) / painted,
            colour=_triple(table.colours[commonest]),
            taken_as=_triple(self.colours[classes[y, x]]),
            place=(x, y),
        )

    def _without_paint(
        self, classes: NDArray[np.uint8], painted: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        if self.unpainted:
            return np.where(painted, classes, np.uint8(len(self.colours)))
        if not painted.any():
            raise InputError("The segments layer is empty: paint flat colours on it.")
        y, x = distance_transform_edt(~painted, return_distances=False, return_indices=True)
        return classes[y, x]


def to_lab(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB (N, 3) uint8 to CIELAB (N, 3) float32: L 0 to 100, white point D65."""
    return rgb2lab(colours.astype(np.float32)[None] / np.float32(255))[0].astype(np.float32)


def distinct_colours(pixels: Pixels) -> NDArray[np.uint8]:
    """The colours (U, 3) that occur in a picture (H, W, 3 or 4)."""
    return ColourTable.of(pixels).colours


def hex_colour(colour: NDArray[np.uint8] | tuple[int, int, int]) -> str:
    """`#ff8000` for (255, 128, 0)."""
    red, green, blue = (int(value) for value in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


@dataclass(frozen=True)
class ColourTable:
    """The distinct colours of a picture: colours (U, 3), their Lab, and each pixel's index."""

    colours: NDArray[np.uint8]
    lab: NDArray[np.float32]
    index: NDArray[np.int32]

    @classmethod
    def of(cls, pixels: Pixels) -> "ColourTable":
        # A table over all 2^24 colours beats sorting: linear, and its untouched pages are free.
        codes = pixels[:, :, 0].astype(np.int32)
        for channel in (1, 2):
            codes = (codes << 8) | pixels[:, :, channel]
        seen = np.zeros(2**24, np.bool_)
        seen[codes] = True
        present = np.flatnonzero(seen)
        rank = np.zeros(2**24, np.int32)
        rank[present] = np.arange(len(present), dtype=np.int32)
        colours = np.stack([present >> 16, (present >> 8) & 255, present & 255], axis=1)
        return cls(colours.astype(np.uint8), to_lab(colours.astype(np.uint8)), rank[codes])


def _true_colours(colour: Pixels, painted: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colours (K, 3) that fill flat places or exact thin lines, most used first."""
    table = ColourTable.of(colour)
    noise = _noise(table, painted)
    flat = _flat_counts(table, painted, tolerance=max(1.0, 2 * noise))
    total = np.bincount(table.index[painted], minlength=len(table.colours))
    radius = float(np.clip(4 * noise, _SAME, 12.0))
    speck = 1 if noise == 0 else max(8, round(2e-4 * painted.sum()))
    fill = _group(table, flat, total, radius, fewest=speck)
    fill = [group for at, group in enumerate(fill) if not _is_fringe(group, fill[:at])]
    apart = _distance_to(table, [group.colour for group in fill]) > max(2 * _NEAR, 2 * radius)
    thin = _group(table, np.where(apart, total, 0), total, radius, fewest=max(8, 2 * speck))
    for group in sorted(thin, key=lambda group: -group.total):
        if not _is_between(group.colour, [known.colour for known in fill]):
            fill.append(group)
    _refuse_too_many(len(fill))
    colours = [group.colour for group in sorted(fill, key=lambda group: -group.total)]
    _refuse_photograph(table, total, colours, radius)
    return np.array(colours, np.uint8)


def _refuse_photograph(
    table: ColourTable,
    total: NDArray[np.int64],
    colours: list[tuple[int, int, int]],
    radius: float,
) -> None:
    """Refuse a map whose colours leave much unexplained: soft shading cannot mean classes."""
    off = total[_distance_to(table, colours) > max(_NEAR, radius)].sum() / total.sum()
    if off > _SHADED:
        raise InputError(
            f"The segments are not flat: {off:.0%} of their pixels have in-between colours, as in "
            "a photograph; paint flat colours with a hard brush, or let *Segment Layer* "
            "(`deepsim segment`) make a first draft."
        )


def _noise(table: ColourTable, painted: NDArray[np.bool_]) -> float:
    """Usual delta E between unlike neighbours of one class: 0 for a clean map, more after JPEG.

    A clean map has unlike neighbours only where classes meet, which are few pixels.
    """
    step = max(1, painted.size // _STRIP)
    index, inside = table.index[::step], painted[::step]
    beside = inside[:, 1:] & inside[:, :-1]
    pairs = table.lab[index[:, 1:][beside]] - table.lab[index[:, :-1][beside]]
    apart = np.sqrt((pairs**2).sum(1))
    within = apart[(apart > 0) & (apart < 15.0)]  # larger steps are borders between classes
    return float(np.median(within)) if within.size > 0.02 * apart.size else 0.0


def _flat_counts(
    table: ColourTable, painted: NDArray[np.bool_], tolerance: float
) -> NDArray[np.int64]:
    """How often each distinct colour stands where the four neighbours look alike."""
    counts = np.zeros(len(table.colours), np.int64)
    height, width = painted.shape
    for rows in _parts(height, max(1, _STRIP // width)):
        top, bottom = max(0, rows.start - 1), min(height, rows.stop + 1)
        index, inside = table.index[top:bottom], painted[top:bottom]
        lab = table.lab[index]
        flat = inside.copy()
        across = ((lab[:, 1:] - lab[:, :-1]) ** 2).sum(2) <= tolerance**2
        down = ((lab[1:] - lab[:-1]) ** 2).sum(2) <= tolerance**2
        flat[:, 1:] &= across & inside[:, :-1]
        flat[:, :-1] &= across & inside[:, 1:]
        flat[1:] &= down & inside[:-1]
        flat[:-1] &= down & inside[1:]
        own = slice(rows.start - top, rows.stop - top)
        counts += np.bincount(index[own][flat[own]], minlength=len(counts))
    return counts


@dataclass(frozen=True)
class _Group:
    """Colours gathered into one: its median, how many pixels, how many of them in flat places."""

    colour: tuple[int, int, int]
    total: int
    flat: float


def _group(
    table: ColourTable,
    weight: NDArray[np.int64],
    total: NDArray[np.int64],
    radius: float,
    fewest: int,
) -> list[_Group]:
    """Gather weighted colours into groups of the given radius, none lighter than `fewest`."""
    left = weight.astype(np.float64)
    groups: list[_Group] = []
    for _ in range(16 * MAX_COLOURS):  # a map needs few rounds; a photograph would need thousands
        seed = int(left.argmax())
        if left[seed] == 0:
            break
        centre = table.lab[seed]
        members = ((table.lab - centre) ** 2).sum(1) <= radius**2
        for _ in range(3):  # move to the middle of the cloud, as mean shift does
            centre = np.average(table.lab[members], axis=0, weights=left[members])
            members = ((table.lab - centre) ** 2).sum(1) <= radius**2
            members[seed] = True
        weights = left[members]
        if weights.sum() >= fewest:
            chosen = table.colours[members]
            median = _triple([weighted_median(chosen[:, i], weights) for i in range(3)])
            if all(median != group.colour for group in groups):
                groups.append(_Group(median, int(total[members].sum()), float(weights.sum())))
        left[members] = 0
        _refuse_too_many(len(groups))
    return groups


def _is_fringe(group: _Group, heavier: list[_Group]) -> bool:
    """Whether a group is the softened border of two others rather than a class of its own."""
    return group.flat < 0.3 * group.total and _is_between(
        group.colour, [other.colour for other in heavier]
    )


def _distance_to(table: ColourTable, colours: list[tuple[int, int, int]]) -> NDArray[np.float32]:
    """Delta E from each distinct colour to the closest of `colours`; infinite if there are none."""
    closest = np.full(len(table.colours), np.inf, np.float32)
    for lab in to_lab(np.array(colours, np.uint8).reshape(-1, 3)):
        closest = np.minimum(closest, np.sqrt(((table.lab - lab) ** 2).sum(1)))
    return closest


def _is_between(colour: tuple[int, int, int], others: list[tuple[int, int, int]]) -> bool:
    if len(others) < 2:
        return False
    ends = np.array(others, np.float32)
    pixel = np.array([colour], np.float32)
    return any(
        bool(_is_mixture(pixel, end[None, None], ends[None], _BLEND_OF_ANY)[0]) for end in ends
    )


def _is_mixture(
    colour: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Whether colours (N, 3) lie near the line from `first` (N, 1, 3) to any `second` (N, M, 3)."""
    along = second - first
    length = (along**2).sum(-1)
    offset = colour[:, None] - first
    share = np.clip((offset * along).sum(-1) / np.maximum(length, 1), 0, 1)
    apart = ((offset - share[..., None] * along) ** 2).sum(-1)
    return ((length > 0) & (apart <= tolerance**2)).any(-1)


def _lonely(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of which fewer than 3 of the 8 neighbours have the same class."""
    height, width = classes.shape
    padded = np.pad(classes, 1, mode="edge")
    alike = np.zeros(classes.shape, np.uint8)
    for i in range(3):
        for j in range(3):
            if (i, j) != (1, 1):
                alike += padded[i : i + height, j : j + width] == classes
    return alike < 3


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(count, start + size)) for start in range(0, count, size))


def weighted_median(values: NDArray[np.uint8], weights: NDArray[Any]) -> int:
    """The value with half of the weight on either side of it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return int(values[order[int(np.searchsorted(reached, reached[-1] / 2))]])


def _triple(colour: NDArray[np.uint8] | list[int]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


def _refuse_too_many(found: int) -> None:
    if found > MAX_COLOURS:
        raise InputError(
            f"The segments have more than {MAX_COLOURS} colours: paint them with a hard brush in "
            "few flat colours, or let *Segment Layer* (`deepsim segment`) make a first draft."
        )
