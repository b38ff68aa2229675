"""The published recipe's generator: pix2pixHD's global generator (Wang et al., 2018, appendix).

c7s1-64, d128, d256, d512, d1024, R1024 x 9, u512, u256, u128, u64, c7s1-3: reflection padding,
instance normalisation and ReLU throughout, tanh at the end.
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

_FEW = 400
"""Pixels up to which a product of matrices is quicker than a convolution, on a processor."""


class InstanceNorm(nn.Module):
    """Instance normalisation, written as group normalisation: the same, and twice as quick here."""

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, x.shape[1])


class WideConv(nn.Conv2d):
    """A 3x3 convolution behind reflection padding, for many channels on few pixels.

    There a convolution spends most of its time on bringing 38 MB of weights into its own order.
    A product of matrices takes them as they lie: 2.7 times as quick at 8 x 8 pixels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if x.device.type != "cpu" or height * width > _FEW or self.bias is None:
            return super().forward(x)
        columns = F.unfold(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3)
        y = self.weight.flatten(1) @ columns + self.bias[:, None]
        return y.unflatten(2, (height, width))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance normalisation around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            WideConv(channels),
            InstanceNorm(),
            nn.ReLU(),
            WideConv(channels),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class GlobalGenerator(nn.Module):
    """Maps (N, in_channels, H, W) to (N, 3, H, W) in -1..1; sides are multiples of `multiple`."""

    def __init__(self, in_channels: int, base: int = 64, downs: int = 4, blocks: int = 9) -> None:
        super().__init__()
        self.multiple = 2**downs
        widths = [base * 2**level for level in range(downs + 1)]
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, base, 7, padding=3, padding_mode="reflect"),
            InstanceNorm(),
            nn.ReLU(),
        ]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 3, stride=2, padding=1),
                InstanceNorm(),
                nn.ReLU(),
            ]
        layers += [ResidualBlock(widths[-1]) for _ in range(blocks)]
        for wide, narrow in pairwise(reversed(widths)):
            layers += [
                nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1),
                InstanceNorm(),
                nn.ReLU(),
            ]
        layers += [nn.Conv2d(base, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":  # with so many channels torch's default layout is quicker
            x = x.contiguous()
        return self.layers(x)
