"""Making networks as a preset describes them, with weights that depend on the seed alone."""

from functools import cache

import torch
from torch import nn

from deepsim_engine.networks.discriminator import MultiScaleDiscriminator
from deepsim_engine.networks.pix2pixhd import GlobalGenerator
from deepsim_engine.networks.unet import UNet
from deepsim_engine.presets import GLOBAL, DiscriminatorConfig, GeneratorConfig


def build_generator(config: GeneratorConfig, in_channels: int, seed: int = 0) -> nn.Module:
    """An untrained generator; it has an attribute `multiple` that picture sides must divide by.

    `in_channels` counts the condition's channels; those of a patch result are added here.
    """
    with _seeded(seed):
        if config.kind == GLOBAL:
            network: nn.Module = GlobalGenerator(
                in_channels, config.widths[0], len(config.widths) - 1, config.depth
            )
            network.apply(_initialise_normal)
            return network  # in torch's default layout, see there
        channels = in_channels + (3 if config.patches else 0)
        residual = config.patches and config.residual
        network = UNet(channels, config.widths, config.depth, residual, config.fold)
        _initialise_unet(network)
    return network.to(memory_format=torch.channels_last)


@cache
def count_weights(config: GeneratorConfig, in_channels: int) -> int:
    """How many numbers the generator learns.

    Nothing is drawn for that (weights without values: "meta"), for that would load torch's
    compiler, which takes seconds.
    """
    with torch.device("meta"):
        network = build_generator(config, in_channels)
    return sum(parameter.numel() for parameter in network.parameters())


def build_discriminator(config: DiscriminatorConfig, in_channels: int, seed: int = 0) -> nn.Module:
    """An untrained discriminator; `in_channels` counts those of condition and picture."""
    with _seeded(seed + 1):
        network = MultiScaleDiscriminator(
            in_channels, config.base, config.layers, config.scales, config.norm
        )
        network.apply(_initialise_normal)
    return network.to(memory_format=torch.channels_last)


class _seeded:  # noqa: N801  (reads as a verb at its place of use)
    """Random numbers of torch from a seed inside the block; the caller's go on behind it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.fork = torch.random.fork_rng(devices=[])

    def __enter__(self) -> None:
        self.fork.__enter__()
        torch.default_generator.manual_seed(self.seed)

    def __exit__(self, *failure: object) -> None:
        self.fork.__exit__(None, None, None)


def _initialise_normal(module: nn.Module) -> None:
    """Normal weights of deviation 0.02 (the GAN papers' choice), biases zero."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and not module.weight.is_meta:
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _initialise_unet(network: UNet) -> None:
    """He's variance everywhere; residual branches and the head begin small."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, module in network.named_modules():
        if name.endswith(".second") and isinstance(module, nn.Conv2d):
            module.weight.data.mul_(0.3)
    if network.residual:
        nn.init.zeros_(network.head.weight)
