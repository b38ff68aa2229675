"""One picture of several opinions: their mean, with details as strong as each of them has.

The mean of pictures is nearer to the truth than any of them, but where they disagree it is also
smoother than all of them are.
"""

import torch
from torch import Tensor

from deepsim_engine.patches.tone import reach_of, smoothed
from deepsim_engine.patches.window import Window

BLUR = 1.5
"""Standard deviation, in pixels, of what counts as a detail, and of where its strength is asked."""
_LARGEST = 1.6
"""So many times as strong as in the mean details become at most."""
_NOTHING = 1e-6
"""Squared strength below which there are no details."""


def united(opinions: list[Tensor]) -> Tensor:
    """The one picture (3, h, w) float32 of n opinions (3, h, w).

    Where all opinions are equal it is what they are, to the bit. A single one is returned as it is.
    """
    first = opinions[0]
    differ = torch.zeros_like(first[0], dtype=torch.bool)
    for other in opinions[1:]:
        differ |= (other != first).any(0)
    inside = Window.of(differ)
    if not inside.area:
        return first
    height, width = differ.shape
    around = inside.grown(2 * reach_of(BLUR), (height, width))
    mean = around.cut(first)
    strength = _details(mean).square()
    for count, opinion in enumerate(opinions[1:], 2):
        seen = around.cut(opinion)
        mean = mean + (seen - mean) / count  # no change where all agree, not even by rounding
        strength = strength + (_details(seen).square() - strength) / count
    details = _details(mean)
    gain = _smooth(strength) / (_smooth(details.square()) + _NOTHING)
    mean = mean + details * (gain.sqrt().clamp(1, _LARGEST) - 1) * around.cut(differ)
    result = first.clone()
    around.cut(result).copy_(mean)
    return result


def _details(picture: Tensor) -> Tensor:
    return picture - _smooth(picture)


def _smooth(picture: Tensor) -> Tensor:
    """A picture (3, h, w) smoothed; at its border by what lies inside."""
    inside = torch.ones_like(picture[:1])
    smooth = smoothed(torch.cat([picture, inside]), BLUR, reach_of(BLUR))
    return smooth[:3] / smooth[3:]
