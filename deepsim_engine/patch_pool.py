"""Training examples for mending: patch results for warped drawings, beside the truth.

Patch synthesis takes about a second, a training step a fraction of that. So a part of a warped
picture, larger than a crop, is synthesised now and then, and many crops are taken from each: what
that costs does not hang on the size of the picture. Example number i depends on the seed and on i
alone and is made when it is first asked for: a resumed training meets the same examples as one that
was never interrupted.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine import tps
from deepsim_engine.augment import Augmentation, one_of, random_warps
from deepsim_engine.conditioning import Condition
from deepsim_engine.confidence import HeldOut
from deepsim_engine.losses import PerceptualLoss
from deepsim_engine.patches import PatchConfig, PatchSynthesizer

FIRST = 3  # examples there are from the start
EVERY = 15  # steps that bring one more
PART = 192  # pixels of an example's longer side, at most
KEPT = 64  # the newest that are still used
LATEST = 0.85  # share of the training after which another one would hardly be used
HELD_OUT = 3  # further examples that nothing is learned from
_HELD_OUT_CROPS = 2  # of each of them
_HELD_OUT_FROM = 1 << 19  # their numbers


@dataclass(frozen=True)
class Example:
    """A part of a warped drawing: as networks see it (C, h, w), patch result, truth (3, h, w)."""

    condition: Tensor
    patches: Tensor
    truth: Tensor


class PatchPool:
    """Warped drawings of one training pair with their patch results.

    Attributes:
        synthesizer: makes the patch results; knows the unwarped pair.
        newest: how many examples there are to draw from, those no longer kept included.
    """

    def __init__(
        self,
        picture: Tensor,
        drawings: Sequence[Condition],
        augmentation: Augmentation,
        seed: int,
        config: PatchConfig | None = None,
    ) -> None:
        """`picture`: (3, H, W) in -1..1; `drawings`: of it, the first being the artist's.

        Learned from are single opinions, which take less time and have more to mend; what is held
        out is made as the model will make it.
        """
        condition = drawings[0]
        self.picture, self.condition, self.seed = picture, condition, seed
        self.drawings = drawings
        self.augmentation = augmentation
        whole = condition.encode()
        self.synthesizer = PatchSynthesizer(
            picture, condition.drawn(whole)[0], config=config, device=picture.device
        )
        # a warped drawing may equal the unwarped one here and there, the picture does not
        self._anew = self.synthesizer.unsettled()
        self._examples: OrderedDict[int, Example] = OrderedDict()
        self.newest = FIRST

    def draw(
        self,
        step: int,
        fraction: float,
        count: int,
        window: tuple[int, int],
        random: torch.Generator,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`count` random crops at a step: conditions, patch results, truths, each (N, C, h, w).

        `fraction` of the training is over: near its end no more examples are made.
        """
        if fraction < LATEST:
            self.newest = FIRST + step // EVERY
        oldest = max(0, self.newest - KEPT)
        crops = []
        for _ in range(count):
            which, top, left, mirror = torch.rand(4, generator=random).tolist()
            example = self.example(oldest + int(which * (self.newest - oldest)))
            flip = self.augmentation.flip and mirror < 0.5
            parts = (example.condition, example.patches, example.truth)
            crops.append([_crop(part, top, left, window, flip) for part in parts])
        return _stacked(crops)

    def held_out(self, window: tuple[int, int], perceptual: PerceptualLoss | None) -> HeldOut:
        """Crops of drawings that `draw` never gives."""
        random = torch.Generator().manual_seed(self.seed)
        crops = []
        for number in range(_HELD_OUT_FROM, _HELD_OUT_FROM + HELD_OUT):
            example = self._make(number, self._anew)
            parts = (example.condition, example.patches, example.truth)
            for _ in range(_HELD_OUT_CROPS):
                top, left = torch.rand(2, generator=random).tolist()
                crops.append([_crop(part, top, left, window, False) for part in parts])
        condition, patches, truth = _stacked(crops)
        x = torch.cat([condition, patches], 1).contiguous(memory_format=torch.channels_last)
        return HeldOut(x, patches, truth, perceptual)

    def example(self, number: int) -> Example:
        """Example `number`, made anew unless it is among those kept."""
        if number not in self._examples:
            self._examples[number] = self._make(number, self._anew.alone())
            if len(self._examples) > KEPT:
                self._examples.popitem(last=False)
        return self._examples[number]

    @torch.no_grad()
    def _make(self, number: int, synthesizer: PatchSynthesizer) -> Example:
        random = torch.Generator().manual_seed(((self.seed << 20) + number) % 2**63)
        device, size = self.picture.device, self.condition.size
        warp = random_warps(1, self.augmentation, random, device, size[1] / size[0])
        origin = torch.zeros(1, 2, device=device)
        points = warp.source_of(tps.window_points(origin, size, size))
        condition = one_of(self.drawings, random).at(points)
        rows, columns = (_span(length, random) for length in size)
        part = torch.zeros(size, dtype=torch.bool, device=device)
        part[rows, columns] = True
        patches = synthesizer.synthesize(self.condition.drawn(condition)[0], within=part)
        truth = tps.sample(self.picture, points[:, rows, columns])[0]
        return Example(condition[0, :, rows, columns], patches[:, rows, columns], truth)


def _span(length: int, random: torch.Generator) -> slice:
    """At most PART pixels somewhere in a side of `length`."""
    part = min(PART, length)
    start = int(torch.randint(length - part + 1, (1,), generator=random))
    return slice(start, start + part)


def _stacked(crops: list[list[Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    conditions, patches, truths = zip(*crops, strict=True)
    return torch.stack(conditions), torch.stack(patches), torch.stack(truths)


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
