"""Training examples for mending: patch results for warped drawings, beside the truth.

Patch synthesis takes about a second, a training step a fraction of that. So whole warped pictures
are synthesised now and then and many crops are taken from each. Example number i depends on the
seed and on i alone and is made when it is first asked for: a resumed training meets the same
examples as one that was never interrupted.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine import tps
from deepsim_engine.augment import Augmentation, random_warps
from deepsim_engine.conditioning import Condition
from deepsim_engine.patches import PatchSynthesizer

FIRST = 4  # examples there are from the start
EVERY = 20  # steps that bring one more of a picture of 256 x 256 pixels, longer for larger ones
KEPT = 64  # the newest that are still used


@dataclass(frozen=True)
class Example:
    """One warped drawing: as networks see it (C, H, W), patch result and truth (3, H, W)."""

    condition: Tensor
    patches: Tensor
    truth: Tensor


class PatchPool:
    """Warped drawings of one training pair with their patch results.

    Attributes:
        synthesizer: makes the patch results; knows the unwarped pair.
    """

    def __init__(
        self,
        picture: Tensor,
        condition: Condition,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        """`picture`: (3, H, W) in -1..1 on the device of `condition`."""
        self.picture, self.condition, self.seed = picture, condition, seed
        self.augmentation = augmentation
        whole = condition.encode()
        self.synthesizer = PatchSynthesizer(
            picture, condition.drawn(whole)[0], device=picture.device
        )
        self._examples: OrderedDict[int, Example] = OrderedDict()

    def draw(
        self, step: int, count: int, window: tuple[int, int], random: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`count` random crops at a step: conditions, patch results, truths, each (N, C, h, w)."""
        height, width = self.condition.size
        every = max(EVERY, EVERY * height * width // 256**2)
        newest = FIRST + step // every
        oldest = max(0, newest - KEPT)
        crops = []
        for _ in range(count):
            which, top, left, mirror = torch.rand(4, generator=random).tolist()
            example = self.example(oldest + int(which * (newest - oldest)))
            flip = self.augmentation.flip and mirror < 0.5
            parts = (example.condition, example.patches, example.truth)
            crops.append([_crop(part, top, left, window, flip) for part in parts])
        conditions, patches, truths = zip(*crops, strict=True)
        return torch.stack(conditions), torch.stack(patches), torch.stack(truths)

    def example(self, number: int) -> Example:
        """Example `number`, made anew unless it is among those kept."""
        if number not in self._examples:
            self._examples[number] = self._make(number)
            if len(self._examples) > KEPT:
                self._examples.popitem(last=False)
        return self._examples[number]

    @torch.no_grad()
    def _make(self, number: int) -> Example:
        random = torch.Generator().manual_seed((self.seed << 20) + number)
        device, size = self.picture.device, self.condition.size
        warp = random_warps(1, self.augmentation, random, device)
        origin = torch.zeros(1, 2, device=device)
        points = warp.source_of(tps.window_points(origin, size, size))
        condition = self.condition.at(points)
        patches = self.synthesizer.synthesize(self.condition.drawn(condition)[0])
        return Example(condition[0], patches, tps.sample(self.picture, points)[0])


def _crop(picture: Tensor, top: float, left: float, window: tuple[int, int], flip: bool) -> Tensor:
    """A window at shares `top`, `left` of the room there is; grown by mirroring if too small."""
    height, width = picture.shape[-2:]
    rows = _inside(height, window[0], top, picture.device)
    columns = _inside(width, window[1], left, picture.device)
    crop = picture[:, rows[:, None], columns]
    return crop.flip(2) if flip else crop


def _inside(length: int, window: int, share: float, device: torch.device) -> Tensor:
    start = int(share * (max(0, length - window) + 1))
    index = torch.arange(start, start + window, device=device) % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)
