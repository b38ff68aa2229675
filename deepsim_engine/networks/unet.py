"""The compact generator of the draft and standard presets: a U-Net without memory of place.

Nothing in it looks further than its convolutions reach: activations are normalised at each pixel
on its own (over channels), never over the picture. So what it learns on small crops holds for a
picture of any size, and a picture made in tiles equals one made whole.

    in -> fold -> stem -> [block, halve] x L -> blocks -> [double, join skip, block] x L -> head
       -> unfold -> out

Folding puts each square of `fold` x `fold` pixels into the channels of one. On a processor the
work at full size is most of the time, and it is not where most is learnt.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PixelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, with a learnt gain and offset.

    On channels_last tensors this is one fused pass, eight times faster here than by hand.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.offset = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)
        rows = F.layer_norm(rows, rows.shape[-1:], self.gain, self.offset)
        return rows.permute(0, 3, 1, 2)


class Block(nn.Module):
    """x + conv(act(conv(act(norm(x))))): 3x3 twice, the second started near zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = PixelNorm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="zeros")
        self.second = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="zeros")

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(F.silu(self.norm(x)))
        return x + self.second(F.silu(y))


class UNet(nn.Module):
    """Maps (N, in_channels, H, W) to (N, 3, H, W); H and W are multiples of `multiple`.

    Args:
        in_channels: channels of the condition (and of the patch result, where there is one).
        widths: channels at full size, half, quarter, ...; one level each.
        depth: residual blocks at the coarsest level.
        residual: the last three input channels are a picture to be mended: the output is added
            to it, and begins as zero. Otherwise the output is the picture itself.
        fold: side of the squares that are folded; 1 for none. `widths` then begin at that size.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        depth: int,
        residual: bool = False,
        fold: int = 1,
    ) -> None:
        super().__init__()
        self.residual, self.fold = residual, fold
        self.multiple = fold * 2 ** (len(widths) - 1)
        self.reach = fold * _reach(len(widths), depth) + fold - 1
        self.stem = nn.Conv2d(in_channels * fold**2, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down_blocks = nn.ModuleList(Block(width) for width in widths[:-1])
        self.reduce = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.middle = nn.Sequential(*(Block(widths[-1]) for _ in range(depth)))
        self.expand = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.join = nn.ModuleList(nn.Conv2d(2 * a, a, 1) for a, _ in reversed(pairs))
        self.up_blocks = nn.ModuleList(Block(a) for a, _ in reversed(pairs))
        self.norm = PixelNorm(widths[0])
        self.head = nn.Conv2d(widths[0], 3 * fold**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        base = x[:, -3:]
        x = self.stem(F.pixel_unshuffle(x, self.fold) if self.fold > 1 else x)
        skips = []
        for block, reduce in zip(self.down_blocks, self.reduce, strict=True):
            x = block(x)
            skips.append(x)
            x = reduce(x)
        x = self.middle(x)
        for expand, join, block in zip(self.expand, self.join, self.up_blocks, strict=True):
            x = F.interpolate(expand(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(join(torch.cat([x, skips.pop()], 1)))
        change = self.head(F.silu(self.norm(x))).float()
        if self.fold > 1:
            change = F.pixel_shuffle(change, self.fold)
        return base + change if self.residual else change


def _reach(levels: int, depth: int) -> int:
    """How many pixels away an input can still change an output, at most."""
    pixels = 1 + 2 * depth * 2 ** (levels - 1) + 1  # stem, middle, head
    for level in range(levels - 1):
        # A block of two 3x3 convolutions on the way down and one on the way up; reducing sees
        # one pixel more of this level, expanding one more of the level below.
        pixels += (2 + 2 + 1 + 2) * 2**level
    return pixels + 2 ** (levels - 1)
