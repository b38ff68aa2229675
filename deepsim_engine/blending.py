"""Keeping the artist's pixels: the result is taken only where the drawing was changed."""

import numpy as np
from numpy.typing import NDArray

from deepsim_engine.primitive import Primitive

REACH = 0.03  # of the longer side: how far from a changed pixel the result is taken whole
FEATHER = 0.04  # of the longer side: width of the seam behind that
LEAST = 6.0  # pixels, for both


def changed(before: Primitive, after: Primitive) -> NDArray[np.bool_]:
    """(H, W) bool: where two primitives of the same kind, size and palette differ."""
    layers = [
        (before.classes, after.classes),
        (before.edges, after.edges),
        (before.painting, after.painting),
    ]
    width, height = before.size
    different = np.zeros((height, width), np.bool_)
    for old, new in layers:
        if old is not None and new is not None:
            apart = old != new
            different |= apart.any(2) if apart.ndim == 3 else apart
    return different


def influence(different: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W) float32: 1 near changed pixels, smoothly down to exactly 0 beyond the seam."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415  (slow to import)

    if not different.any():
        return np.zeros(different.shape, np.float32)
    reach = max(LEAST, REACH * max(different.shape))
    feather = max(LEAST, FEATHER * max(different.shape))
    share = np.clip((reach + feather - distance_transform_edt(~different)) / feather, 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def blend(
    original: NDArray[np.uint8], result: NDArray[np.uint8], weight: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """(H, W, 3): the original where `weight` is 0, bit for bit; the result where it is 1."""
    share = weight[:, :, None]
    mixed = original.astype(np.float32) * (1 - share) + result.astype(np.float32) * share
    return np.where(share > 0, np.round(mixed).astype(np.uint8), original)
