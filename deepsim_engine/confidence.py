"""How far a network may change what patches make, by warped drawings that it never learned from.

What it learns from says little: a network always seems good there. So some drawings are held out.
Painted is `patches + trust * (network - patches)`: the mean of two guesses is often better than
either, and where the network is no help at all the patches alone remain.
"""

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from deepsim_engine import devices
from deepsim_engine.losses import PerceptualLoss

TRUSTS = (1.0, 0.75, 0.5, 0.25)
_CLEARLY = 0.99  # of the patches' distance: less is luck


@dataclass
class HeldOut:
    """Crops that nothing is learned from.

    Attributes:
        x: what the generator sees, (N, C, h, w).
        patches, truth: (N, 3, h, w) in -1..1.
        perceptual: what distances are measured with; without it absolute differences are.
    """

    x: Tensor
    patches: Tensor
    truth: Tensor
    perceptual: PerceptualLoss | None

    @torch.no_grad()
    def trust(self, generator: nn.Module) -> float:
        """The share of the network's change that comes closest to the truth, 0 to 1.

        Closest as the backbone sees it, among those shares that leave no larger squared error
        than the patches have.
        """
        with self._computing():
            painted = torch.cat([generator(part).float() for part in self.x.split(1)])
        best, limit = self._of_patches
        best, trust = _CLEARLY * best, 0.0
        for share in TRUSTS:
            distance, error = self._measure(self.patches.lerp(painted, share))
            if distance < best and error <= limit:
                best, trust = distance, share
        return trust

    @cached_property
    def _of_patches(self) -> tuple[float, float]:
        return self._measure(self.patches)

    @cached_property
    def _seen(self) -> list[dict[str, Tensor]]:
        """What the backbone sees in each truth."""
        assert self.perceptual is not None  # noqa: S101  (asked for only then)
        with self._computing():
            return [self.perceptual.features(truth) for truth in self.truth.split(1)]

    def _measure(self, pictures: Tensor) -> tuple[float, float]:
        """Mean distance and mean squared error of pictures (N, 3, h, w)."""
        pictures = pictures.clamp(-1, 1)
        error = (pictures - self.truth).square().mean().item()
        if self.perceptual is None:
            return (pictures - self.truth).abs().mean().item(), error
        total = 0.0
        with self._computing():
            for picture, seen in zip(pictures.split(1), self._seen, strict=True):
                ours = self.perceptual.features(picture)
                total += self.perceptual.compare(ours, seen, False)[0].item()
        return total / len(pictures), error

    def _computing(self) -> contextlib.AbstractContextManager[Any]:
        return devices.autocast(self.x.device, devices.compute_dtype(self.x.device))
