"""The published recipe's generator: pix2pixHD's global generator (Wang et al., 2018, appendix).

c7s1-64, d128, d256, d512, d1024, R1024 x 9, u512, u256, u128, u64, c7s1-3: reflection padding,
instance normalisation and ReLU throughout, tanh at the end.
"""

from itertools import pairwise

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance normalisation around an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
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
            nn.InstanceNorm2d(base),
            nn.ReLU(),
        ]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 3, stride=2, padding=1),
                nn.InstanceNorm2d(wide),
                nn.ReLU(),
            ]
        layers += [ResidualBlock(widths[-1]) for _ in range(blocks)]
        for wide, narrow in pairwise(reversed(widths)):
            layers += [
                nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1),
                nn.InstanceNorm2d(narrow),
                nn.ReLU(),
            ]
        layers += [nn.Conv2d(base, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
