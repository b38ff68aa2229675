"""Turned copies of the training pair: patches for parts that an edit turned."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import PLACE, Drawing
from deepsim_engine.patches.features import places, rows
from deepsim_engine.patches.pair import Level, Pair, mark_planes
from deepsim_engine.patches.search import Keys, part_sides

_NEVER = 4.0
"""Descriptor of what lies beyond the border of a turned picture: far from all others, but not so
far that small distances are lost in rounding."""
_KEPT = 2_000_000
"""Pixels of turned levels that are kept: all levels of one angle at 1024 px, or many small ones."""


def turned(x: Tensor, angle: float) -> Tensor:
    """`x` (C, H, W) turned about its centre by `angle` degrees, counter-clockwise as seen.

    Bilinear; what comes from beyond the border repeats it.
    """
    height, width = x.shape[-2:]
    row, column = origins(height, width, angle, x.device)
    # centres of pixels, -1 to 1 over the picture
    grid = torch.stack([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1], -1)
    return F.grid_sample(x[None], grid[None], padding_mode="border", align_corners=False)[0]


def origins(height: int, width: int, angle: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Which row and column (H, W) float32 each pixel of the turned picture comes from."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    y = torch.arange(height, device=device)[:, None] - (height - 1) / 2
    x = torch.arange(width, device=device)[None] - (width - 1) / 2
    row = y * cosine + x * sine + (height - 1) / 2
    column = x * cosine - y * sine + (width - 1) / 2
    return row, column


def inside(height: int, width: int, angle: float, device: torch.device) -> Tensor:
    """(H, W) bool: which pixels of the turned picture come from within the picture."""
    row, column = origins(height, width, angle, device)
    return (row >= 0) & (row <= height - 1) & (column >= 0) & (column <= width - 1)


class Turns:
    """The training pair's sources with turned ones behind them, made when they are asked for."""

    def __init__(self, pair: Pair, config: PatchConfig) -> None:
        self.pair, self.config = pair, config
        self._made: OrderedDict[tuple[int, int], _Turned] = OrderedDict()

    def level(self, level: int, angles: tuple[int, ...]) -> Level:
        """A level of the pair with sources turned by `angles` (degrees) behind its own."""
        plain = self.pair.levels[level]
        if not angles:
            return plain
        added = [self.source(level, angle) for angle in angles]
        pictures = [each.picture for each in added]
        sources = plain.sources.with_more(pictures)
        if plain.keys is None:
            return replace(plain, pictures=plain.pictures + pictures, sources=sources)
        every = [plain.keys, *(self.keys(level, angle) for angle in angles)]
        parts = tuple(map(torch.cat, zip(*(keys.parts for keys in every), strict=True)))
        keys = replace(plain.keys, parts=parts, penalty=torch.cat([k.penalty for k in every]))
        marked = plain.marked
        if marked is not None and plain.marks is not None:
            drawings = (turned(plain.drawing, angle) for angle in angles)
            marks = [mark_planes(plain.marks, drawing) for drawing in drawings]
            marked = marked.with_more(pictures, marks)
        pictures = plain.pictures + pictures
        return replace(plain, pictures=pictures, sources=sources, keys=keys, marked=marked)

    def keys(self, level: int, angle: int) -> Keys:
        """Those of the training pair at a level that is searched, turned."""
        keys = self.source(level, angle).keys
        assert keys is not None  # noqa: S101
        return keys

    def source(self, level: int, angle: int) -> "_Turned":
        """The training pair at a level, turned."""
        if (level, angle) not in self._made:
            self._made[level, angle] = self._turned(level, angle)
            while len(self._made) > 1 and self._kept > _KEPT:
                self._made.popitem(last=False)
        return self._made[level, angle]

    @property
    def _kept(self) -> int:
        return sum(each.picture[0].numel() for each in self._made.values())

    def _turned(self, k: int, angle: int) -> "_Turned":
        level, describer = self.pair.levels[k], self.pair.describer
        picture = turned(level.picture, angle)
        if level.keys is None or level.axes is None or level.look is None:
            return _Turned(picture)
        seen_levels = range(k, k + describer.contexts[k])
        guides = [
            turned(guide, angle) if j in seen_levels else guide
            for j, guide in enumerate(self.pair.guides)
        ]
        height, width = level.size
        every = torch.arange(height * width, device=picture.device)
        # a turned patch keeps the place it was taken from
        place = rows(turned(places(height, width, every).T.view(PLACE, height, width), angle))
        drawing = Drawing(guides, describer, places=lambda _height, _width, at: place[at])
        sides = part_sides(level.axes.shape[1])
        kind = level.keys.parts[0].dtype
        parts = tuple(place.new_empty(height * width, side, dtype=kind) for side in sides)
        drawing.reduce(k, level.axes, parts, self.config.chunk)
        parts[0][~inside(height, width, angle, picture.device).view(-1)] = _NEVER
        parts = (*parts, level.look(picture).mul_(self.config.picture_weight**0.5).to(kind))
        penalty = picture.new_tensor([self.config.turn_penalty])
        return _Turned(picture, Keys(parts, penalty, *level.size))


@dataclass(frozen=True)
class _Turned:
    """A turned picture (3, H, W), and its keys at levels that are searched."""

    picture: Tensor
    keys: Keys | None = None
