"""Edges of a picture, as lines one pixel wide: a first drawing for the artist to edit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, map_coordinates
from skimage.color import rgb2lab
from skimage.draw import line
from skimage.feature import canny
from skimage.filters import apply_hysteresis_threshold, gaussian
from skimage.measure import label
from skimage.morphology import remove_small_objects, skeletonize

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Mask, Pixels, as_pixels, check_memory, over_white

METHODS = ("canny", "hed")
DEFAULT_SIGMA = 2.0
MAX_SIGMA = 50.0

_CANNY_LOW, _CANNY_HIGH = 0.05, 0.12
"""Gradient thresholds, in shares of the range of lightness."""
_COLOUR_SHARE = 0.7
"""How much less a step of colour counts than the same step (delta E) of lightness."""
_HED_LOW, _HED_HIGH = 0.12, 0.4
"""Edge probabilities that a line may sink to, and must reach somewhere."""
_LEAST_BEND = 0.005
"""Second derivative of the probability, per pixel squared, below which there is no crest."""
_RIM = 16
"""Pixels by which HED's picture is continued on each side."""
_GAP = 4
"""Pixels that a line may be broken over."""
_AHEAD = 0.85
"""Cosine of the angle within which the gap must lie in the line's direction."""
_BYTES_PER_PIXEL = 130
"""What Canny needs at its peak, measured at 16 million pixels, and a third more."""
_SHORTEST = 6
"""Lines of fewer pixels are specks."""


def extract_edges(
    image: Any, method: str = "canny", sigma: float = DEFAULT_SIGMA, device: str = "cpu"
) -> Mask:
    """Draw the edges of a picture.

    Args:
        image: Pillow image or array (H, W), (H, W, 3) or (H, W, 4), uint8.
        method: "canny" (every clear step of lightness or colour) or "hed" (fewer lines, as a
            person would draw them; needs the HED weights).
        sigma: smoothing in pixels; more gives fewer and smoother lines.
        device: where HED computes.

    Returns:
        (H, W) bool, lines one pixel wide.

    Raises:
        InputError: unknown method, sigma out of range, no weights, too large for the memory, no
            edges found.
    """
    if method not in METHODS:
        raise InputError(f"There is no edge method {method!r}; choose one of {', '.join(METHODS)}.")
    if not 0 <= sigma <= MAX_SIGMA:
        raise InputError(f"Sigma is {sigma:g}: it must be from 0 to {MAX_SIGMA:g} pixels.")
    colour = over_white(as_pixels(image))
    check_memory(_BYTES_PER_PIXEL * colour[..., 0].size, "Finding edges")
    lines = _canny(colour, sigma) if method == "canny" else _hed(colour, sigma, device)
    lines = remove_small_objects(skeletonize(lines), max_size=_SHORTEST - 1, connectivity=2)
    if not lines.any():
        raise InputError(
            f"No edges were found with {method} at sigma {sigma:g}: try a smaller sigma."
        )
    return np.asarray(lines, dtype=bool)


def draw(edges: Mask) -> Pixels:
    """The lines as a layer (H, W, 4): black on transparent."""
    layer = np.zeros((*edges.shape, 4), np.uint8)
    layer[edges, 3] = 255
    return layer


def _canny(colour: Pixels, sigma: float) -> Mask:
    """Canny on lightness and on both colour axes, so that equally light colours have borders."""
    lab = rgb2lab(colour.astype(np.float32) / np.float32(255)) / 100  # float32 halves the time
    found = [
        canny(plane, sigma=sigma, low_threshold=_CANNY_LOW, high_threshold=_CANNY_HIGH)
        for plane in (lab[..., 0], lab[..., 1] * _COLOUR_SHARE, lab[..., 2] * _COLOUR_SHARE)
    ]
    return _merge_doubles(found[0], found[1] | found[2])


def _merge_doubles(main: Mask, other: Mask) -> Mask:
    """`main` and those lines of `other` that do not run beside one of `main`."""
    near = gaussian(main.astype(np.float32), sigma=2, mode="nearest") > 0.02
    return main | (other & ~near)


def _hed(colour: Pixels, sigma: float, device: str) -> Mask:
    """The crests of HED's soft edges, from where they are strong to where they fade."""
    from deepsim_engine import devices  # noqa: PLC0415 - torch takes seconds and Canny needs none
    from deepsim_engine.backbones.hed import edge_probability  # noqa: PLC0415

    # HED takes the picture's own rim for an edge: let the picture go on behind it.
    margins = ((_RIM, _RIM), (_RIM, _RIM), (0, 0))
    wide = edge_probability(np.pad(colour, margins, mode="symmetric"), devices.pick(device))
    probability = wide[_RIM:-_RIM, _RIM:-_RIM]
    strength = gaussian(probability, sigma=sigma / 2)
    crest = _crest(gaussian(probability, sigma=max(1.0, 0.75 * sigma)))
    lines = apply_hysteresis_threshold(strength * crest, _HED_LOW, _HED_HIGH)
    return _join(np.asarray(skeletonize(lines), dtype=bool))


def _crest(height: NDArray[np.float32]) -> Mask:
    """Pixels not lower than their two neighbours across the line that they lie on.

    Across is where the surface bends down most: the eigenvector of the smallest eigenvalue of its
    Hessian. Unlike a threshold this leaves no bridges between lines that run side by side.
    """
    down, right = np.gradient(height)
    yy, xy = np.gradient(down)
    xx = np.gradient(right, axis=1)
    mean = (xx + yy) / 2
    bend = mean - np.hypot((xx - yy) / 2, xy)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    y, x = np.mgrid[: height.shape[0], : height.shape[1]].astype(np.float32)
    crest = (bend < -_LEAST_BEND) & (mean <= 0)  # in a valley it bends up more than down
    for side in (-1, 1):
        beside = (y + side * np.sin(angle), x + side * np.cos(angle))
        crest &= height >= map_coordinates(height, beside, order=1, mode="nearest")
    return np.asarray(crest, dtype=bool)


def _join(lines: Mask) -> Mask:
    """Bring loose ends to another line that lies ahead, at most a small gap away."""
    parts = label(lines, connectivity=2)
    around = convolve(lines.astype(np.int8), np.ones((3, 3), np.int8), mode="constant")
    joined = lines.copy()
    for y, x in np.argwhere(lines & (around == 2)):  # itself and one neighbour
        top, left = max(0, y - _GAP), max(0, x - _GAP)
        window = parts[top : y + _GAP + 1, left : x + _GAP + 1]
        end = np.array([y - top, x - left])
        ahead = end - np.argwhere(window == parts[y, x]).mean(0)
        others = np.argwhere((window > 0) & (window != parts[y, x]))
        distance = np.hypot(*(others - end).T)
        forward = (others - end) @ ahead > _AHEAD * distance * np.hypot(*ahead)
        if forward.any():
            target_y, target_x = others[np.where(forward, distance, np.inf).argmin()]
            joined[line(y, x, top + target_y, left + target_x)] = True
    return joined
