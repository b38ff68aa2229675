"""Two bands of a picture: details as they are, what is coarser corrected by a second opinion."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.patches.window import Window

_WIDE = 2
"""Standard deviations after which smoothing ends."""


def reach_of(blur: float) -> int:
    """How many pixels away `toned` still changes something."""
    return math.ceil(_WIDE * blur)


def toned(
    picture: Tensor,
    region: Tensor,
    opinion: Callable[[Tensor], Tensor],
    *,
    every: int,
    blur: float,
) -> Tensor:
    """`picture` (3, h, w) with what is coarser than `blur` pixels taken from an opinion.

    Added is the opinion's difference from the picture, smoothed by a Gaussian of standard
    deviation `blur`: where picture and opinion differ in details only, nothing changes. Outside of
    `region` both are the same, and pixels further than `reach_of(blur)` from it stay as they are.

    Args:
        picture: float32.
        region: (h, w) bool.
        opinion: (n,) int64, pixels numbered row by row -> (n, 3).
        every: the opinion is asked at every so many rows and columns.
        blur: pixels.
    """
    height, width = region.shape
    window, reach = Window.of(region), reach_of(blur)
    if not window.area:
        return picture
    # As wide again around what changes, so that smoothing sees all that it needs there.
    changing = window.grown(reach, (height, width))
    window = changing.grown(reach, (height, width))
    grid = torch.zeros_like(region)
    grid[::every, ::every] = True
    at = (grid & region).view(-1).nonzero()[:, 0]
    planes = picture.new_zeros(4, *window.size)
    planes[3] = window.cut(grid)
    flat = planes.view(4, -1)
    there = window.number(at, width)
    flat[:3, there] = opinion(at).T - picture.view(3, -1)[:, at]
    smooth = smoothed(planes, blur, reach)
    result = picture.clone()
    top, left = changing.top - window.top, changing.left - window.left
    inside = Window(top, left, top + changing.size[0], left + changing.size[1]).cut(smooth)
    changing.cut(result).add_(inside[:3] / inside[3:])
    return result


def smoothed(planes: Tensor, blur: float, reach: int) -> Tensor:
    """Planes (K, h, w) smoothed by a Gaussian cut off at `reach` pixels; zeros lie around them."""
    along = torch.arange(-reach, reach + 1, device=planes.device, dtype=planes.dtype)
    bell = torch.exp(-along.square() / (2 * blur**2)).view(1, 1, 1, -1)
    planes = F.conv2d(planes[:, None], bell, padding=(0, reach))
    return F.conv2d(planes, bell.transpose(2, 3), padding=(reach, 0))[:, 0]
