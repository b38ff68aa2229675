"""Where an edit of the drawing may change the picture: all else stays the artist's, bit for bit."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Box, Mask, Part, Pixels, box_of, part_around
from deepsim_engine.primitive import Primitive

REACH = 0.03  # of the longer side: how far from a changed pixel the result is taken whole
FARTHEST = 0.12  # of the longer side: how far the result is followed where it goes on to differ
FEATHER = 0.04  # of the longer side: width of the seam behind that
LEAST = 6.0  # pixels, for reach and feather
_APART = 28.0  # of 255; from there on the result shows something else than the original
_LOOK = 1024  # pixels; larger pictures are looked at in this size


def changed(before: Primitive, after: Primitive) -> Mask:
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


def farthest_box(different: Mask) -> Box | None:
    """Around everything that `influence` may make more than 0; None where nothing changed."""
    box = box_of(different)
    if box is None:
        return None
    far = int(np.ceil(sum(_lengths(different.shape)))) + 2 * _stride(different.shape)
    left, top, width, height = box
    right, bottom = min(different.shape[1], left + width + far), top + height + far
    bottom = min(different.shape[0], bottom)
    left, top = max(0, left - far), max(0, top - far)
    return left, top, right - left, bottom - top


def influence(different: Mask, original: Pixels, result: Pixels) -> NDArray[np.float32]:
    """(H, W) float32: 1 near changed pixels, smoothly down to exactly 0 beyond the seam.

    Where the result goes on to show something else than the original, without a gap from the
    edit (a shadow, an arm that follows its hand, patches that came along), it is followed for a
    while, so that the seam lies where the two agree.

    Args:
        different: (H, W) where the drawing was changed.
        original, result: (H, W, 3) the picture, and what the model painted.
    """
    from scipy.ndimage import (  # noqa: PLC0415  (slow to import)
        binary_fill_holes,
        binary_propagation,
        distance_transform_edt,
    )

    if not different.any():
        return np.zeros(different.shape, np.float32)
    stride = _stride(different.shape)
    small = _any_of(different, stride)
    reach, farthest, feather = (length / stride for length in _lengths(different.shape))
    weight: NDArray[np.float32] = np.zeros(small.shape, np.float32)
    # Whatever happens farther away from the edit than that is nothing.
    part = part_around(small, math.ceil(reach + farthest + feather) + 2)
    distance = distance_transform_edt(~small[part])
    near = distance <= reach
    apart = _apart(original[::stride, ::stride], result[::stride, ::stride], part)
    followed = near | ((apart > _APART) & (distance <= reach + farthest))
    whole = binary_fill_holes(binary_propagation(near, mask=followed))
    share = np.clip((feather - distance_transform_edt(~whole)) / feather, 0, 1)
    weight[part] = share * share * (3 - 2 * share)
    if stride == 1:
        return weight
    height, width = different.shape
    size = (small.shape[1] * stride, small.shape[0] * stride)
    enlarged = Image.fromarray(weight).resize(size, Image.Resampling.BILINEAR)
    weight = np.array(enlarged)[:height, :width]
    weight[different] = 1
    return weight


def check_box(box: Box, size: tuple[int, int]) -> None:
    """Refuse, with an InputError, a box that does not lie in a picture of `size`."""
    left, top, width, height = box
    inside = left >= 0 and top >= 0 and left + width <= size[0] and top + height <= size[1]
    if width < 1 or height < 1 or not inside:
        raise InputError(
            f"The region {width} x {height} at ({left}, {top}) does not lie in the picture, which"
            f" is {size[0]} x {size[1]} pixels."
        )


def intersection(box: Box, other: Box) -> Box:
    """What two boxes have in common; the first pixel of `box` if that is nothing."""
    left, top = max(box[0], other[0]), max(box[1], other[1])
    right = min(box[0] + box[2], other[0] + other[2])
    bottom = min(box[1] + box[3], other[1] + other[3])
    if left >= right or top >= bottom:
        return box[0], box[1], 1, 1
    return left, top, right - left, bottom - top


def _apart(original: Pixels, result: Pixels, part: Part) -> NDArray[np.float32]:
    """(h, w), in a part: difference of two pictures without what is finer than a few pixels."""
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415  (slow to import)

    sigma = max(1.0, 0.006 * max(original.shape))
    margin = math.ceil(4 * sigma) + 1  # as far as the filter looks
    tops = [max(0, place.start - margin) for place in part]
    wide = tuple(slice(top, p.stop + margin) for top, p in zip(tops, part, strict=True))
    difference = original[wide].astype(np.float32) - result[wide]
    found = np.abs(gaussian_filter(difference, (sigma, sigma, 0))).max(2)
    sizes = [p.stop - p.start for p in part]
    rows, columns = (
        slice(p.start - top, p.start - top + size)
        for p, top, size in zip(part, tops, sizes, strict=True)
    )
    return found[rows, columns]


def _lengths(shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Reach, farthest and feather in pixels of a picture (H, W)."""
    longest = max(shape)
    return max(LEAST, REACH * longest), FARTHEST * longest, max(LEAST, FEATHER * longest)


def _stride(shape: tuple[int, ...]) -> int:
    return -(-max(shape) // _LOOK)


def _any_of(mask: Mask, stride: int) -> Mask:
    """Reduced by `stride`: whether any pixel of a block is set."""
    if stride == 1:
        return mask
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], stride), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], stride), axis=1)
