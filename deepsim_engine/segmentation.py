"""A first-draft segmentation: few flat regions, in colours that the artist recognises.

Superpixels (SLIC) of a reduced copy are merged pair by pair, always the neighbours whose union
loses least, until the wanted number of regions is left (Ward's criterion on a region adjacency
graph); guided filters (He, Sun, Tang 2013) bring the borders back to full size.
"""

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter
from skimage.color import rgb2lab
from skimage.segmentation import slic

from deepsim_engine.colours import to_lab
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels, as_pixels, check_memory, over_white
from deepsim_engine.true_colours import MAX_COLOURS

DEFAULT_REGIONS = 12

_LONGEST = 512
"""Side to which large pictures are reduced for finding regions."""
_BYTES_PER_PIXEL = 50
"""What fitting borders needs at its peak, measured at 16 million pixels, and a third more."""
_SUPERPIXELS = 1200
_KINSHIP = 2
"""Neighbours alone are merged down to this many times the wanted regions; then also regions that
lie apart, because a class need not be connected."""
_SENSE = np.array([0.75, 1.5, 1.5])
"""Weights of lightness and colour when regions are compared: shade falls across one thing."""
_VIVID = 1.6
"""How much more colourful than the picture its regions are painted."""
_APART = 32.0
"""Delta E that two region colours keep if they can."""


def segment(image: Any, regions: int = DEFAULT_REGIONS) -> Pixels:
    """Divide a picture into flat regions.

    Args:
        image: Pillow image or array (H, W), (H, W, 3) or (H, W, 4), uint8.
        regions: how many, 2 to 64 (fewer come back where the picture has less to tell apart).

    Returns:
        (H, W, 3) uint8, one colour per region, each near the region's own hue and at a clear
        distance from the others.

    Raises:
        InputError: bad number; a picture of one colour, or too large for the memory.
    """
    if not 2 <= regions <= MAX_COLOURS:
        raise InputError(f"{regions} regions are wanted: it must be 2 to {MAX_COLOURS}.")
    colour = over_white(as_pixels(image))
    check_memory(_BYTES_PER_PIXEL * colour[..., 0].size, "Finding regions")
    reduced = _reduce(colour)
    lab = rgb2lab(reduced)
    labels = _regions(reduced, lab, regions)
    count = int(labels.max()) + 1
    if count < 2:
        raise InputError("The picture has a single colour: there is nothing to divide.")
    means = np.array([lab[labels == k].mean(0) for k in range(count)])
    sizes = np.bincount(labels.ravel(), minlength=count)
    return _recognisable(means, sizes)[_full_size(labels, lab[..., 0], colour)]


def _reduce(colour: Pixels) -> Pixels:
    image = Image.fromarray(colour)
    image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BOX)
    return np.asarray(image)


def _regions(reduced: Pixels, lab: NDArray[np.float64], wanted: int) -> NDArray[np.intp]:
    """Labels 0, 1, ... of at most `wanted` regions of a picture, given in RGB and in Lab."""
    pieces = _superpixels(reduced)
    _, pieces = np.unique(pieces, return_inverse=True)
    pieces = pieces.reshape(lab.shape[:2])
    graph = _Regions(pieces, lab * _SENSE)
    graph.merge(_KINSHIP * wanted)
    graph.join_alike()
    graph.merge(wanted)
    return graph.labels()[pieces]


def _superpixels(reduced: Pixels) -> NDArray[np.intp]:
    height, width = reduced.shape[:2]
    if height * width <= _SUPERPIXELS:
        return np.arange(height * width).reshape(height, width)
    count = min(_SUPERPIXELS, height * width // 4)
    return slic(reduced, n_segments=count, compactness=8.0, sigma=1.0, start_label=0)


class _Regions:
    """Regions as sets of pieces, and what merging two of them would cost."""

    def __init__(self, pieces: NDArray[np.intp], lab: NDArray[np.float64]) -> None:
        flat = pieces.ravel()
        count = int(flat.max()) + 1
        self.parent = list(range(count))
        self.weight = np.bincount(flat, minlength=count).astype(float)
        sums = [np.bincount(flat, lab[..., i].ravel(), count) for i in range(3)]
        self.mean = np.stack(sums, axis=1) / self.weight[:, None]
        self.total = float(self.weight.sum())
        self.alive = set(range(count))
        self.borders = _borders(pieces, lab)

    def cost(self, a: int, b: int) -> float:
        """What is lost if a and b become one: their difference, weighed by the smaller one's size.

        Half of the difference is that of the means, half is the step seen along the common
        border, so that a sky which grows lighter slowly stays one region. Size counts by its
        root: a small spot that stands out (an eye) may live, where Ward's criterion drops it.
        """
        step, length = self.borders[a][b]
        apart = float(np.sqrt(((self.mean[a] - self.mean[b]) ** 2).sum()))
        difference = apart if length == 0 else 0.5 * (apart + step / length)
        harmonic = self.weight[a] * self.weight[b] / (self.weight[a] + self.weight[b])
        return difference**2 * (harmonic / self.total) ** 0.5

    def merge(self, wanted: int) -> None:
        """Merge the cheapest pairs until `wanted` regions are left; identical ones always."""
        heap = [(self.cost(a, b), a, b) for a in self.alive for b in self.borders[a] if a < b]
        heapq.heapify(heap)
        while heap:
            cost, a, b = heapq.heappop(heap)
            if not {a, b} <= self.alive or cost != self.cost(a, b):
                continue  # stale: one of them has been merged since
            if len(self.alive) <= wanted and cost > 1e-9:
                break
            self._unite(a, b)
            for n in self.borders[a]:
                heapq.heappush(heap, (self.cost(a, n), a, n))

    def join_alike(self) -> None:
        """Let regions be merged across others: both halves of a table are one thing."""
        for a in self.alive:
            for b in self.alive:
                if a != b:
                    self.borders[a].setdefault(b, (0.0, 0))

    def labels(self) -> NDArray[np.intp]:
        """Region 0, 1, ... of each piece."""
        roots = np.array([self._root(piece) for piece in range(len(self.parent))])
        return np.unique(roots, return_inverse=True)[1]

    def _unite(self, a: int, b: int) -> None:
        weight = self.weight[a] + self.weight[b]
        self.mean[a] = (self.weight[a] * self.mean[a] + self.weight[b] * self.mean[b]) / weight
        self.weight[a] = weight
        self.parent[b] = a
        self.alive.remove(b)
        for n, (step, length) in self.borders[b].items():
            del self.borders[n][b]
            if n != a:
                known_step, known_length = self.borders[a].get(n, (0.0, 0))
                joined = (known_step + step, known_length + length)
                self.borders[a][n] = self.borders[n][a] = joined
        self.borders[b] = {}

    def _root(self, piece: int) -> int:
        while self.parent[piece] != piece:
            piece = self.parent[piece]
        return piece


def _borders(
    pieces: NDArray[np.intp], lab: NDArray[np.float64]
) -> list[dict[int, tuple[float, int]]]:
    """For each piece and neighbour: summed delta E across their border, and its length."""
    count = int(pieces.max()) + 1
    borders: list[dict[int, tuple[float, int]]] = [{} for _ in range(count)]
    keys, steps = [], []
    for one, other in (
        ((slice(None), slice(2, None)), (slice(None), slice(None, -2))),
        ((slice(2, None), slice(None)), (slice(None, -2), slice(None))),
    ):  # two pixels apart, because borders in photographs are soft
        unlike = pieces[one] != pieces[other]
        pair = np.sort(np.stack([pieces[one][unlike], pieces[other][unlike]]), axis=0)
        keys.append(pair[0] * count + pair[1])
        steps.append(np.sqrt(((lab[one][unlike] - lab[other][unlike]) ** 2).sum(1)))
    key, at = np.unique(np.concatenate(keys), return_inverse=True)
    sums = np.bincount(at, np.concatenate(steps))
    lengths = np.bincount(at)
    for pair_key, step, length in zip(key.tolist(), sums.tolist(), lengths.tolist(), strict=True):
        a, b = divmod(pair_key, count)
        borders[a][b] = borders[b][a] = (step, length)
    return borders


def _full_size(
    labels: NDArray[np.intp], lightness: NDArray[np.float64], colour: Pixels
) -> NDArray[np.uint8]:
    """Labels at the picture's size, their borders drawn to its own edges.

    Each region's mask is fitted as a linear function of lightness in small windows, at reduced
    size; the functions, enlarged, are evaluated on the full picture. The largest value wins.
    """
    height, width = colour.shape[:2]
    full = (colour.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)) / 255
    reduced = np.asarray(
        Image.fromarray(full).resize(labels.shape[::-1], Image.Resampling.BOX), np.float32
    )
    best = np.full((height, width), -np.inf, np.float32)
    winner = np.zeros((height, width), np.uint8)
    window = 7
    mean = uniform_filter(reduced, window)
    spread = uniform_filter(reduced * reduced, window) - mean**2
    for k in range(int(labels.max()) + 1):
        mask = (labels == k).astype(np.float32)
        share = uniform_filter(mask, window)
        slope = (uniform_filter(mask * reduced, window) - mean * share) / (spread + 1e-3)
        offset = share - slope * mean
        slope, offset = uniform_filter(slope, window), uniform_filter(offset, window)
        value = _enlarge(slope, (width, height)) * full + _enlarge(offset, (width, height))
        better = value > best
        best[better], winner[better] = value[better], k
    return winner


def _enlarge(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))


def _recognisable(means: NDArray[np.float64], sizes: NDArray[np.intp]) -> Pixels:
    """A colour (K, 3) per region: its mean made vivid, moved until all are told apart easily."""
    levels = np.linspace(0, 255, 14).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    grid_lab = to_lab(grid)
    wanted = means.astype(np.float32) * np.array([1, _VIVID, _VIVID], np.float32)
    chosen: NDArray[np.intp] = np.zeros(len(means), np.intp)
    clearance = np.full(len(grid), np.inf, np.float32)
    for k in np.argsort(-sizes):
        distance = np.sqrt(((grid_lab - wanted[k]) ** 2).sum(1))
        apart = _APART
        while not (free := clearance >= apart).any():
            apart *= 0.8
        chosen[k] = np.flatnonzero(free)[distance[free].argmin()]
        moved = np.sqrt(((grid_lab - grid_lab[chosen[k]]) ** 2).sum(1))
        clearance = np.minimum(clearance, moved)
    return grid[chosen]
