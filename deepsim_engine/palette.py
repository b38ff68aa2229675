"""The colours of a segmentation map, and which of them each pixel means.

Segments are classes, not colours, but they come as painted colours: brushes soften borders and
JPEG adds noise. Everything here is measured as distance in CIELAB (CIE 1976 delta E, about 2.3
being the smallest difference that people notice), computed once per distinct colour.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from deepsim_engine.colours import (
    STRIP,
    ColourTable,
    hex_colour,
    is_mixture,
    is_mixture_of_any,
    parts,
    to_lab,
    triple,
)
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Mask, Pixels, alpha_of, part_around, split_alpha
from deepsim_engine.true_colours import MAX_COLOURS, NEAR, true_colours

UNPAINTED_BELOW = 128
"""Segment pixels with less alpha than this are unpainted."""

_FAR = 20.0
"""Delta E from which a pixel means no colour of the palette, unless it is a softened border."""
_DOT = 9
"""Fewest pixels of one stray colour worth a word: a dot of 3 x 3."""
_FLAT = 2.0
"""Delta E up to which neighbouring pixels are of one colour."""
_BLEND = 60.0
"""Distance in RGB up to which a pixel counts as a mixture of the classes beside it."""


@dataclass(frozen=True)
class FarColours:
    """Pixels of a map whose colour belongs to no class: which, how many, and one to show.

    Attributes:
        count: number of such pixels.
        share: their share of the painted pixels, 0 to 1.
        colour: the commonest such colour.
        taken_as: the palette colour that pixels of it became.
        box: (x, y, width, height) around all pixels of that colour.
        mask: (H, W) bool, all the pixels that are counted.
    """

    count: int
    share: float
    colour: tuple[int, int, int]
    taken_as: tuple[int, int, int]
    box: tuple[int, int, int, int]
    mask: Mask = field(repr=False, compare=False)

    def sentence(self) -> str:
        """For the artist: how many, which colour, where, and what becomes of it."""
        x, y, width, height = self.box
        return (
            f"{self.count} pixels of the segments ({self.share:.1%}) have a colour that is not in "
            f"the palette, such as {hex_colour(self.colour)} within {width} x {height} pixels at "
            f"({x}, {y}): it is taken as {hex_colour(self.taken_as)}."
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
        colours = true_colours(colour, painted)
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
        alpha, table = alpha_of(segments), ColourTable.of(segments)
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
        table: ColourTable,
        distance: NDArray[np.float32],
        painted: NDArray[np.bool_],
    ) -> FarColours | None:
        """Decide, in place, the pixels whose colour is not exactly one of the palette."""
        # nobody looks farther than two pixels and one more around them
        window = part_around(off, 3)
        off, here, index = off[window], classes[window], table.index[window]
        unsure = off & ((distance > NEAR)[index] | _lonely(here))
        nobody = len(self.colours)  # marks a neighbour that has no say
        sure = np.where(painted[window] & ~unsure, here, np.uint8(nobody))
        sure = np.pad(sure, 2, mode="edge")
        rows, columns = np.nonzero(unsure)
        far = np.zeros(len(rows), bool)
        colours = np.vstack([self.colours, [[0, 0, 0]]]).astype(np.float32)
        labs = np.vstack([self.lab, np.full((1, 3), np.inf, np.float32)])
        for part in parts(len(rows), STRIP // 64):
            y, x = rows[part], columns[part]
            around = np.stack([sure[y + i, x + j] for i in range(5) for j in range(5)], axis=1)
            colour = index[y, x]
            apart = ((table.lab[colour][:, None] - labs[around]) ** 2).sum(2)
            choice = around[np.arange(len(y)), apart.argmin(1)]
            known = choice != nobody
            here[y[known], x[known]] = choice[known]
            mixed = is_mixture(
                table.colours[colour].astype(np.float32),
                colours[np.where(known, choice, 0)][:, None],
                colours[np.where(around == nobody, choice[:, None], around)],
                _BLEND,
            )
            far[part] = (distance[colour] > _FAR) & ~(known & mixed)
        rows, columns = rows + window[0].start, columns + window[1].start
        far[far] = ~self._soft(table, rows[far], columns[far])
        return self._report(classes, rows[far], columns[far], table, int(painted.sum()))

    def _soft(
        self, table: ColourTable, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Which pixels belong to wide soft borders: mixtures of two classes that are not flat."""
        own, at = np.unique(table.index[rows, columns], return_inverse=True)
        mixed = is_mixture_of_any(table.colours[own], self.colours, _BLEND)[at]
        height, width = table.index.shape
        flat = np.ones(len(rows), bool)
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            y, x = (rows + down).clip(0, height - 1), (columns + right).clip(0, width - 1)
            apart = table.lab[table.index[y, x]] - table.lab[table.index[rows, columns]]
            flat &= (apart**2).sum(1) <= _FLAT**2
        return mixed & ~flat

    def _report(
        self,
        classes: NDArray[np.uint8],
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        table: ColourTable,
        painted: int,
    ) -> FarColours | None:
        """What to say of stray pixels; None where they are the corners of soft borders, or noise.

        Paint of a wrong colour is many pixels of one colour, or very many of similar ones.
        """
        counts = np.bincount(table.index[rows, columns], minlength=1)
        commonest = counts.argmax()
        dot = max(_DOT, 2e-5 * painted)
        if counts[commonest] < dot and len(rows) < 1e-3 * painted:
            return None
        alike = table.index[rows, columns] == commonest
        first = int(np.flatnonzero(alike)[0])
        y, x = int(rows[first]), int(columns[first])
        left, top = int(columns[alike].min()), int(rows[alike].min())
        right, bottom = int(columns[alike].max()), int(rows[alike].max())
        mask = np.zeros(classes.shape, np.bool_)
        mask[rows, columns] = True
        return FarColours(
            count=len(rows),
            share=len(rows) / painted,
            colour=triple(table.colours[commonest]),
            taken_as=triple(self.colours[classes[y, x]]),
            box=(left, top, right - left + 1, bottom - top + 1),
            mask=mask,
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
