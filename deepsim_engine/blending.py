"""Keeping the artist's pixels: the result is taken only where the drawing was changed."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsim_engine.primitive import Primitive

REACH = 0.03  # of the longer side: how far from a changed pixel the result is taken whole
FEATHER = 0.04  # of the longer side: width of the seam behind that
LEAST = 6.0  # pixels, for both
MOST_TINT = 16.0  # of 255; more is a difference of content, not of tone


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
    """(H, W, 3): the original where `weight` is 0, bit for bit; the result where it is 1.

    The result is tinted towards the original first: by what the two differ around the edit, on
    average over the seam's width. So a seam does not show where the network is a shade off.
    """
    share = weight[:, :, None]
    tinted = result.astype(np.float32) + _tint(original, result, weight)
    mixed = np.clip(original.astype(np.float32) * (1 - share) + tinted * share, 0, 255)
    return np.where(share > 0, np.round(mixed).astype(np.uint8), original)


def _tint(
    original: NDArray[np.uint8], result: NDArray[np.uint8], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(H, W, 3): local mean of original - result over the pixels that are mostly kept.

    It is smooth, so every few pixels are enough to compute it from.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  (slow to import)

    sigma = max(LEAST, (REACH + FEATHER) * max(weight.shape))
    stride = max(1, round(sigma / 6))
    thin = (slice(None, None, stride), slice(None, None, stride))
    kept = 1 - weight[thin]
    if kept.min() > 0.5 or kept.max() < 0.5:
        return np.zeros((*weight.shape, 3), np.float32)
    near = gaussian_filter(kept, sigma / stride)
    certain = np.clip(near / 0.05, 0, 1)  # fades out where no kept pixel is in sight
    height, width = weight.shape
    tint = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        apart = original[thin][:, :, channel].astype(np.float32) - result[thin][:, :, channel]
        mean = gaussian_filter(apart * kept, sigma / stride) / np.maximum(near, 1e-4)
        plane = Image.fromarray(np.clip(mean, -MOST_TINT, MOST_TINT) * certain)
        tint[:, :, channel] = np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR))
    return tint
