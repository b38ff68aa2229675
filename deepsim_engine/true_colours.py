"""Finding the few colours that a segmentation map was painted in, below soft borders and noise.

A true colour fills flat places. Softened borders and JPEG's noise do not, and what little of
them does is mixed of two true colours or close to one.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from deepsim_engine.colours import (
    STRIP,
    ColourTable,
    is_mixture_of_any,
    parts,
    to_lab,
    triple,
    weighted_median,
)
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Mask, Pixels

Colour: TypeAlias = tuple[int, int, int]

MAX_COLOURS = 64
NEAR = 6.0
"""Delta E up to which a pixel surely means its nearest colour, whatever surrounds it."""

_SAME = 1.7
"""Delta E up to which two colours of a noiseless map are one class (3 gray levels are 1.3)."""
_SHADED = 0.18
"""Share of in-between colours that no map has (softened JPEGs: below 0.1; photographs: 0.2 up)."""
_CANDIDATES = 20_000
"""Distinct colours that are considered for thin lines: the commonest."""
_BLEND = 40.0
"""Distance in RGB up to which a colour counts as a mixture of two others, wherever they are."""


def true_colours(colour: Pixels, painted: Mask) -> NDArray[np.uint8]:
    """Colours (K, 3) that fill flat places or exact thin lines, most used first.

    Args:
        colour: the map, (H, W, 3).
        painted: where it counts, (H, W).

    Raises:
        InputError: more than 64 colours, or a map that is shaded like a photograph.
    """
    table = ColourTable.of(colour)
    noise = _noise(table, painted)
    flat = _flat_counts(table, painted, tolerance=max(1.0, 2 * noise))
    total = np.bincount(table.index[painted], minlength=len(table.colours))
    radius = float(np.clip(4 * noise, _SAME, 12.0))
    area = int(painted.sum())
    speck = max(1, round(2e-6 * area)) if noise == 0 else max(8, round(2e-4 * area))
    fill = _group(table, flat, total, radius, fewest=speck)
    fill = [group for at, group in enumerate(fill) if not _is_fringe(group, fill[:at])]
    foreign = _foreign(table, total, [group.colour for group in fill], max(2 * NEAR, 2 * radius))
    thin = _group(table, foreign, total, radius, fewest=max(8, 2 * speck, round(2e-5 * area)))
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
    colours: list[Colour],
    radius: float,
) -> None:
    """Refuse a map whose colours leave much unexplained: soft shading cannot mean classes."""
    off = total[_distance_to(table, colours) > max(NEAR, radius)].sum() / total.sum()
    if off > _SHADED:
        raise InputError(
            f"The segments are not flat: {off:.0%} of their pixels have in-between colours, as in "
            "a photograph; paint flat colours with a hard brush, or let *Segment Layer* "
            "(`deepsim segment`) make a first draft."
        )


def _noise(table: ColourTable, painted: Mask) -> float:
    """Usual delta E between unlike neighbours of one class: 0 for a clean map, more after JPEG.

    A clean map has few colours, or unlike neighbours only where classes meet: few pixels.
    """
    if len(table.colours) <= MAX_COLOURS:
        return 0.0
    step = max(1, painted.size // STRIP)
    index, inside = table.index[::step], painted[::step]
    beside = inside[:, 1:] & inside[:, :-1]
    pairs = table.lab[index[:, 1:][beside]] - table.lab[index[:, :-1][beside]]
    apart = np.sqrt((pairs**2).sum(1))
    within = apart[(apart > 0) & (apart < 15.0)]  # larger steps are borders between classes
    return float(np.median(within)) if within.size > 0.02 * apart.size else 0.0


def _flat_counts(table: ColourTable, painted: Mask, tolerance: float) -> NDArray[np.int64]:
    """How often each distinct colour stands where the four neighbours look alike."""
    counts = np.zeros(len(table.colours), np.int64)
    height, width = painted.shape
    for rows in parts(height, max(1, STRIP // width)):
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

    colour: Colour
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
            median = triple([weighted_median(chosen[:, i], weights) for i in range(3)])
            if all(median != group.colour for group in groups):
                groups.append(_Group(median, int(total[members].sum()), float(weights.sum())))
        left[members] = 0
        _refuse_too_many(len(groups) // 4)  # some will turn out to be borders, never so many
    return groups


def _foreign(
    table: ColourTable, total: NDArray[np.int64], known: list[Colour], apart: float
) -> NDArray[np.int64]:
    """Pixels per distinct colour, but 0 for those near a known colour or between two of them."""
    foreign = np.where(_distance_to(table, known) > apart, total, 0)
    candidates = np.flatnonzero(foreign)
    commonest = candidates[np.argsort(-foreign[candidates])][:_CANDIDATES]
    kept = np.zeros_like(foreign)
    kept[commonest] = foreign[commonest]
    between = is_mixture_of_any(table.colours[commonest], np.array(known, np.uint8), _BLEND)
    kept[commonest[between]] = 0
    return kept


def _is_fringe(group: _Group, heavier: list[_Group]) -> bool:
    """Whether a group is the softened border of two others rather than a class of its own."""
    return group.flat < 0.3 * group.total and _is_between(
        group.colour, [other.colour for other in heavier]
    )


def _distance_to(table: ColourTable, colours: list[Colour]) -> NDArray[np.float32]:
    """Delta E from each distinct colour to the closest of `colours`; infinite if there are none."""
    closest = np.full(len(table.colours), np.inf, np.float32)
    for lab in to_lab(np.array(colours, np.uint8).reshape(-1, 3)):
        closest = np.minimum(closest, np.sqrt(((table.lab - lab) ** 2).sum(1)))
    return closest


def _is_between(colour: Colour, others: list[Colour]) -> bool:
    if len(others) < 2:
        return False
    ends = np.array(others, np.uint8)
    return bool(is_mixture_of_any(np.array([colour], np.uint8), ends, _BLEND)[0])


def _refuse_too_many(found: int) -> None:
    if found > MAX_COLOURS:
        raise InputError(
            f"The segments have more than {MAX_COLOURS} colours: paint them with a hard brush in "
            "few flat colours, or let *Segment Layer* (`deepsim segment`) make a first draft."
        )
