"""Edges of a picture, as lines one pixel wide: a first drawing for the artist to edit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.feature import canny
from skimage.filters import apply_hysteresis_threshold, gaussian
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
_HED_LOW, _HED_HIGH = 0.2, 0.5
"""Edge probabilities that a line may sink to, and must reach somewhere."""
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
    """HED's soft edges, smoothed and cut where they fade; their middle lines remain."""
    from deepsim_engine import devices  # noqa: PLC0415 - torch takes seconds and Canny needs none
    from deepsim_engine.backbones.hed import edge_probability  # noqa: PLC0415

    probability: NDArray[np.float32] = edge_probability(colour, devices.pick(device))
    smooth = gaussian(probability, sigma=sigma / 2)
    ridge = smooth > gaussian(probability, sigma=sigma + 4)  # higher than around: the line itself
    strong = apply_hysteresis_threshold(smooth, _HED_LOW, _HED_HIGH)
    return np.asarray(strong & ridge, dtype=bool)
