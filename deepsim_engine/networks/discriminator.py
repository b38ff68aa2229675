"""Patch discriminators at two scales (Isola et al. 2017; Wang et al. 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Strided 4x4 convolutions; returns every layer's activations, the last being the verdicts."""

    def __init__(self, in_channels: int, base: int, layers: int, norm: bool) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        channels = in_channels
        for index in range(layers + 1):
            width = base * min(2**index, 8)
            stride = 2 if index < layers else 1
            stage: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=stride, padding=2)]
            if norm and index > 0:
                stage.append(nn.InstanceNorm2d(width))
            stage.append(nn.LeakyReLU(0.2))
            self.stages.append(nn.Sequential(*stage))
            channels = width
        self.stages.append(nn.Conv2d(channels, 1, 4, padding=2))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class MultiScaleDiscriminator(nn.Module):
    """The same discriminator on the picture and on its half, quarter, ... size.

    Args:
        in_channels: channels of condition and picture together.
        base: channels of the first layer.
        layers: number of stride-2 layers.
        scales: number of sizes.
        norm: instance normalisation in all but the first and last layer.
    """

    def __init__(
        self, in_channels: int, base: int = 64, layers: int = 3, scales: int = 2, norm: bool = True
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(in_channels, base, layers, norm) for _ in range(scales)
        )

    def forward(self, condition: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """For each scale the activations of each layer, verdicts last."""
        x = torch.cat([condition, picture.to(condition.dtype)], 1)
        found = []
        for index, discriminator in enumerate(self.scales):
            if index:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            found.append(discriminator(x))
        return found
