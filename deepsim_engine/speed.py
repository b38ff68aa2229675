"""How long a training step takes here: its work counted, this machine's speed measured."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from deepsim_engine import devices
from deepsim_engine.backbones.vgg import CAFFE, VGG16_DEPTHS, Vgg
from deepsim_engine.networks.build import build_discriminator, build_generator
from deepsim_engine.presets import Preset

_SIDE, _CHANNELS = 96, 64  # of the convolution that is timed
_PROBE_SECONDS = 0.1
_GENERATOR, _DISCRIMINATOR, _BACKBONE = 3, 8, 3
"""Forward passes that a step costs, a backward pass being one for activations, one for weights:
the discriminator judges twice for itself, with both, and once more for the generator."""
_SLOWER = 2.0
"""How much slower than the timed convolution the rest is (`draft` at 256 px, two cores: 2.0)."""
_UNSURE = 2.0
"""The truth lies between the estimate divided and multiplied by this."""


def step_seconds(
    preset: Preset, size: tuple[int, int], channels: int, device: torch.device
) -> tuple[float, float]:
    """The least and the most that one step of training is likely to take.

    Args:
        preset: its networks and losses.
        size: (width, height) of the picture at working resolution.
        channels: of the condition.
        device: is kept busy for a tenth of a second to measure its speed.
    """
    work = step_flops(preset, size, channels)
    likely = _SLOWER * work / flops_per_second(device)
    return likely / _UNSURE, likely * _UNSURE


def step_flops(preset: Preset, size: tuple[int, int], channels: int) -> float:
    """Multiplications and additions of the convolutions of one step (nothing is computed)."""
    generator = _on_paper(lambda: build_generator(preset.generator, channels))
    multiple = int(generator.multiple)  # type: ignore[arg-type]
    width, height = (min(side, preset.crop or side) for side in size)
    shape = (height + -height % multiple, width + -width % multiple)
    patches = 3 if preset.generator.patches else 0
    total = _GENERATOR * _forward(generator, preset.batch, shape, channels + patches)
    losses = preset.losses
    if losses.adversarial > 0:
        judge = _on_paper(lambda: build_discriminator(preset.discriminator, channels + 3))
        total += _DISCRIMINATOR * _forward(judge, preset.batch, shape, channels, 3)
    if losses.perceptual > 0 or losses.style > 0:
        trunk = _on_paper(lambda: Vgg(VGG16_DEPTHS, [tap for tap, _ in losses.taps], CAFFE))
        total += _BACKBONE * _forward(trunk, preset.batch, shape, 3)
    return total


def flops_per_second(device: torch.device) -> float:
    """Speed of an ordinary convolution, in the number format that training uses there."""
    dtype = devices.compute_dtype(device)
    x = torch.randn(2, _CHANNELS, _SIDE, _SIDE, device=device, dtype=dtype)
    weight = torch.randn(_CHANNELS, _CHANNELS, 3, 3, device=device, dtype=dtype)
    x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    each = 2.0 * x.numel() * _CHANNELS * 9
    with torch.inference_mode():
        _finish(F.conv2d(x, weight, padding=1))  # the first is slow: plans are made
        count, begun = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - begun) < _PROBE_SECONDS or count == 0:
            _finish(F.conv2d(x, weight, padding=1))
            count += 1
    return count * each / elapsed


def _on_paper(build: Callable[[], nn.Module]) -> nn.Module:
    """A network without weights: shapes alone."""
    with torch.device("meta"):
        return build()


def _forward(network: nn.Module, batch: int, shape: tuple[int, int], *channels: int) -> float:
    """Operations of the convolutions in one forward pass on inputs of so many channels."""
    total = 0.0

    def add(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        # Each weight is used once per output pixel, or per input pixel where pixels are spread.
        pixels = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        weights = next(layer.parameters())
        total += 2.0 * weights.numel() * pixels[:, 0].numel()

    hooks = [
        layer.register_forward_hook(add)
        for layer in network.modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    with torch.no_grad():
        network(*(torch.empty(batch, count, *shape, device="meta") for count in channels))
    for hook in hooks:
        hook.remove()
    return total


def _finish(result: torch.Tensor) -> None:
    """Wait until it is computed."""
    result.flatten()[0].item()
