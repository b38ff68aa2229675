"""Processor seconds of a step of the published recipe: written plainly, and by our trainer.

    python benchmarks/paper_step.py [--side 128] [--steps 3] [--profile]

Both have the same networks (pix2pixHD's global generator with 182 M parameters, two patch
discriminators), losses, backbone, warped batches and seed, and take turns on the same machine. The
plain step reads like the recipe: tensors in torch's default layout, torch.optim.Adam, both
networks' gradients for both losses. It needs about 8 GB of memory.
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from skimage import data
from torch import nn
from torch.profiler import ProfilerActivity, profile

from deepsim_engine import losses, presets
from deepsim_engine.backbones import weights
from deepsim_engine.backbones.weights import load_backbone
from deepsim_engine.networks.build import build_discriminator, build_generator
from deepsim_engine.networks.pix2pixhd import InstanceNorm, WideConv
from deepsim_engine.primitive import Primitive
from deepsim_engine.segmentation import segment
from deepsim_engine.trainer import Trainer


class PlainStep:
    """The recipe without any care for speed."""

    def __init__(self, preset: presets.Preset, channels: int, backbone: str) -> None:
        self.weights = preset.losses
        self.generator = build_generator(preset.generator, channels)
        self.discriminator = build_discriminator(preset.discriminator, channels + 3)
        self.trunk = load_backbone(backbone, [tap for tap, _ in preset.losses.taps])
        for network in (self.generator, self.discriminator, self.trunk):
            network.to(memory_format=torch.contiguous_format)
        for layer in self.generator.modules():  # without what makes ours quicker
            if isinstance(layer, WideConv):
                layer.forward = partial(nn.Conv2d.forward, layer)
            elif isinstance(layer, InstanceNorm):
                layer.forward = F.instance_norm
        self.optimizers = [
            torch.optim.Adam(network.parameters(), preset.learning_rate, preset.betas)
            for network in (self.generator, self.discriminator)
        ]

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One update of both networks on a condition and its picture."""
        fake = self.generator(x)
        on_fake = self.discriminator(x, fake.detach())
        on_real = self.discriminator(x, y)
        judged = self.discriminator(x, fake)
        total = (
            losses.least_squares(judged, True)
            + self.weights.feature_matching * losses.feature_matching(judged, on_real)
            + self.weights.perceptual * self.content(fake, y)
        )
        verdict = losses.least_squares(on_fake, False) + losses.least_squares(on_real, True)
        for optimizer, loss in zip(self.optimizers, (total, 0.5 * verdict), strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def content(self, fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Weighted differences of what the backbone sees."""
        ours, theirs = (self.trunk(losses.to_unit(picture)) for picture in (fake, real))
        parts = [w * (ours[t] - theirs[t].detach()).abs().mean() for t, w in self.weights.taps]
        return torch.stack(parts).sum()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="where the time of ours goes")
    arguments = parser.parse_args()
    side, preset, backbone = arguments.side, presets.find("paper"), weights.choose()
    picture = np.asarray(Image.fromarray(data.coffee()).resize((side, side)))
    primitive = Primitive.from_layers(segments=segment(picture, 8))
    cpu = torch.device("cpu")
    ours = Trainer(picture, primitive, preset, backbone=backbone, device=cpu, seed=0)
    plain = PlainStep(preset, ours.condition.channels, backbone)
    x, y = ours.condition.encode(), ours.picture[None]
    spent: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(arguments.steps + 1):  # the first is slow and not counted
        for name, step in (("plain", lambda: plain.step(x, y)), ("ours", lambda: ours.step(0.1))):
            begun = time.process_time()
            step()
            spent[name].append(time.process_time() - begun)
            print(f"{name} {spent[name][-1]:.2f} s", flush=True)
    slow, fast = (min(times[1:]) for times in spent.values())
    print(f"{side} px, {torch.get_num_threads()} threads, {ours.dtype}")
    print(f"processor seconds a step: plain {slow:.2f}, ours {fast:.2f}, rate {slow / fast:.2f}")
    if arguments.profile:
        with profile(activities=[ProfilerActivity.CPU]) as found:
            ours.step(0.1)
        print(found.key_averages().table(sort_by="self_cpu_time_total", row_limit=16))


if __name__ == "__main__":
    main()
