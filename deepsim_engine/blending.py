"""Keeping the artist's pixels: the result is taken only where the drawing was changed."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsim_engine.imaging import Pixels, box_of
from deepsim_engine.influence import FEATHER, LEAST, REACH

MOST_TINT = 16.0  # of 255; more is a difference of content, not of tone


def blend(original: Pixels, result: Pixels, weight: NDArray[np.float32]) -> Pixels:
    """(H, W, 3): the original where `weight` is 0, bit for bit; the result where it is 1.

    The result is tinted towards the original first: by what the two differ in the seam, on
    average over a little more than its width. So a seam does not show where the network is a
    shade off. Where `weight` is 0 the result need not be painted.
    """
    box = box_of(weight)
    if box is None:
        return original
    sigma = max(LEAST, (REACH + FEATHER) * max(weight.shape))
    left, top, width, height = box
    here = (slice(top, top + height), slice(left, left + width))
    share = weight[here][:, :, None]
    before, after = original[here], result[here].astype(np.float32)
    after += _tint(before, result[here], weight[here], sigma)
    mixed = np.clip(before * (1 - share) + after * share, 0, 255)
    blended = original.copy()
    blended[here] = np.where(share > 0, np.round(mixed).astype(np.uint8), before)
    return blended


def _tint(
    original: Pixels, result: Pixels, weight: NDArray[np.float32], sigma: float
) -> NDArray[np.float32]:
    """(H, W, 3): local mean of original - result over the seam, most where it is mostly kept.

    It is smooth, so every few pixels are enough to compute it from.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  (slow to import)

    stride = max(1, round(sigma / 6))
    thin = (slice(None, None, stride), slice(None, None, stride))
    kept = np.where(weight[thin] > 0, 1 - weight[thin], 0)
    if kept.max() < 0.5:
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
