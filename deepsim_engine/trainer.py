"""One training step, and the state that steps change."""

import copy

import torch
from torch import Tensor, nn

from deepsim_engine import checkpoint, devices, losses
from deepsim_engine.adam import Adam
from deepsim_engine.augment import cutmix, drawings, one_of, random_warps, random_windows
from deepsim_engine.backbones.weights import load_backbone
from deepsim_engine.budget import rate_factor
from deepsim_engine.conditioning import Condition, picture_tensor
from deepsim_engine.confidence import HeldOut
from deepsim_engine.errors import WorkError
from deepsim_engine.imaging import Pixels
from deepsim_engine.networks.build import build_discriminator, build_generator
from deepsim_engine.patch_pool import PatchPool
from deepsim_engine.presets import Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.tps import sample

_SMALLEST_WINDOW = 32  # below it the discriminator has nothing left to look at
_READ_EVERY = 10  # steps between readings of the losses on a GPU: each reading waits for it
_PATIENCE = 10  # readings without a number before training is given up
_LARGEST_NORM = 10.0  # of the gradient


class Trainer:
    """Networks, optimisers and random state of one training.

    Attributes:
        generator, averaged: the generator, and the running average of its weights.
        backbone_name: feature network of the perceptual loss, or None.
        crop, batch: as in the preset, less after `shrink`.
        trust: how far the generator may change what patches make; see `measure_trust`.
    """

    def __init__(
        self,
        colour: Pixels,
        primitive: Primitive,
        preset: Preset,
        *,
        backbone: str | None,
        device: torch.device,
        seed: int,
    ) -> None:
        self.preset = preset
        self.crop, self.batch = preset.crop, preset.batch
        self.device = device
        self.dtype = devices.compute_dtype(device)
        self.backbone_name = backbone
        self.picture = picture_tensor(colour, device)
        self.condition = Condition.of(primitive, device)
        self.random = torch.Generator().manual_seed(seed)
        self.drawings = drawings(self.condition, colour, preset.augmentation)
        self.pool: PatchPool | None = None
        if preset.generator.patches:
            config = preset.generator.patch_config()
            self.pool = PatchPool(self.picture, self.drawings, preset.augmentation, seed, config)
        channels = self.condition.channels
        self.generator = build_generator(preset.generator, channels, seed).to(device)
        self.discriminator = build_discriminator(preset.discriminator, channels + 3, seed).to(
            device
        )
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        self.perceptual = self._perceptual(backbone)
        self.generator_optimizer = self._adam(self.generator, preset.learning_rate)
        self.discriminator_optimizer = self._adam(self.discriminator, preset.discriminator_rate)
        self.steps = 0
        self.trust = 1.0 if self.pool is None else 0.0
        self._held_out: HeldOut | None = None
        self._last: dict[str, float] = {}
        self._unreadable = 0

    def step(self, fraction: float) -> dict[str, float]:
        """One update of both networks; `fraction` of the budget is used. Returns the losses."""
        weights = self.preset.losses
        factor = rate_factor(self.preset.schedule, fraction)
        adversarial = weights.adversarial > 0 and fraction >= weights.adversarial_from
        x, y, base = self._batch(fraction)
        found: dict[str, Tensor] = {}
        with devices.autocast(self.device, self.dtype):
            fake = self.generator(x if base is None else torch.cat([x, base], 1))
            if adversarial:
                real_layers = self.discriminator(x, y)
                fake_layers = self.discriminator(x, fake.detach())
                found["discriminator"] = 0.5 * (
                    losses.least_squares(real_layers, True)
                    + losses.least_squares(fake_layers, False)
                )
        if adversarial:
            self.discriminator_optimizer.descend(found["discriminator"], factor)
        with devices.autocast(self.device, self.dtype):
            total = torch.zeros((), device=self.device)
            if weights.pixel:
                found["pixel"] = (fake - y).abs().mean()
                total = total + weights.pixel * found["pixel"]
            if self.perceptual is not None:
                content, style = self.perceptual(fake, y, weights.style > 0)
                found["perceptual"] = content
                total = total + weights.perceptual * content
                if weights.style:
                    found["style"] = style
                    total = total + weights.style * style
            if adversarial:
                fake_layers = self.discriminator(x, fake)
                found["adversarial"] = losses.least_squares(fake_layers, True)
                found["features"] = losses.feature_matching(fake_layers, real_layers)
                total = total + weights.adversarial * found["adversarial"]
                total = total + weights.feature_matching * found["features"]
        found["total"] = total
        self.generator_optimizer.descend(total, factor)
        self._average()
        self.steps += 1
        return self._read(found)

    def averaged_generator(self) -> nn.Module:
        """A copy of the averaged generator that later steps do not change."""
        return copy.deepcopy(self.averaged).eval()

    def prepare_trust(self) -> None:
        """Make what `measure_trust` needs, unless it is there: as long as some dozen steps."""
        if self.pool is not None and self._held_out is None:
            self._held_out = self.pool.held_out(self._window(), self.perceptual)

    def measure_trust(self) -> None:
        """Find anew how far the averaged generator may change what patches make.

        Without `prepare_trust` nothing is known of it, and patches paint alone.
        """
        if self._held_out is not None:
            self.trust = self._held_out.trust(self.averaged.eval())

    def shrink(self) -> str:
        """Take smaller batches, then smaller crops, after memory ran out; says so in a sentence.

        Raises WorkError when nothing smaller is left.
        """
        devices.release_memory(self.device)
        smallest = self._sides(_SMALLEST_WINDOW)
        if self.batch > 1:
            self.batch //= 2
        elif self._window() != smallest:
            self.crop = max(_SMALLEST_WINDOW, max(self._window()) // 2)
        else:
            raise WorkError(
                "Training needs more memory than is free, even with the smallest crops: close other"
                " programs, or choose a smaller size, another preset or another device."
            )
        height, width = self._window()
        return (
            f"Memory ran out: training went on with {self.batch} crop(s) of {width} x {height}"
            " pixels a step."
        )

    def begin_with(self, generator: nn.Module) -> None:
        """Take over another generator's weights wherever names and shapes agree."""
        mine = self.generator.state_dict()
        fitting = {
            name: tensor
            for name, tensor in generator.state_dict().items()
            if name in mine and mine[name].shape == tensor.shape
        }
        self.generator.load_state_dict(fitting, strict=False)
        self.averaged.load_state_dict(fitting, strict=False)

    def tensors(self) -> checkpoint.Tensors:
        """All that `restore` needs."""
        return {
            **checkpoint.with_prefix("generator", self.generator.state_dict()),
            **checkpoint.with_prefix("averaged", self.averaged.state_dict()),
            **checkpoint.with_prefix("discriminator", self.discriminator.state_dict()),
            **checkpoint.with_prefix("generator_optimizer", self.generator_optimizer.tensors()),
            **checkpoint.with_prefix(
                "discriminator_optimizer", self.discriminator_optimizer.tensors()
            ),
            "random": self.random.get_state(),
            "trust": torch.tensor(self.trust),
            "examples": torch.tensor(0 if self.pool is None else self.pool.newest),
        }

    def restore(self, tensors: checkpoint.Tensors, steps: int) -> None:
        """Go back to the state that `tensors` describes."""
        for name in ("generator", "averaged", "discriminator"):
            network = getattr(self, name)
            checkpoint.restore_network(network, checkpoint.under_prefix(name, tensors))
        for name in ("generator_optimizer", "discriminator_optimizer"):
            getattr(self, name).restore(checkpoint.under_prefix(name, tensors))
        self.random.set_state(tensors["random"])
        self.trust = float(tensors["trust"])
        if self.pool is not None:
            self.pool.newest = int(tensors["examples"])
        self.steps = steps

    def _batch(self, fraction: float) -> tuple[Tensor, Tensor, Tensor | None]:
        """Warped crops: conditions (N, C, h, w), pictures and patch results (N, 3, h, w)."""
        config, size = self.preset.augmentation, self.condition.size
        window = self._window()
        base: Tensor | None = None
        if self.pool is not None:
            x, base, y = self.pool.draw(self.steps, fraction, self.batch, window, self.random)
            x, base, y = cutmix([x, base, y], config.cutmix, self.random)
        else:
            warps = random_warps(self.batch, config, self.random, self.device, size[1] / size[0])
            points = random_windows(self.batch, window, size, self.random, self.device)
            points = warps.source_of(points)
            x = one_of(self.drawings, self.random).at(points)
            x, y = cutmix([x, sample(self.picture, points)], config.cutmix, self.random)
        layout = torch.channels_last
        return x.contiguous(memory_format=layout), y.contiguous(memory_format=layout), base

    def _window(self) -> tuple[int, int]:
        """(height, width) of the crops: a multiple of what the generator needs."""
        return self._sides(self.crop or max(self.condition.size))

    def _sides(self, longest: int) -> tuple[int, int]:
        multiple = int(self.generator.multiple)  # type: ignore[arg-type]

        def side(length: int) -> int:
            wanted = min(longest, length)
            return max(_SMALLEST_WINDOW, wanted + -wanted % multiple)

        height, width = self.condition.size
        return side(height), side(width)

    def _perceptual(self, backbone: str | None) -> losses.PerceptualLoss | None:
        if backbone is None:
            return None
        taps = self.preset.losses.taps
        network = load_backbone(backbone, [tap for tap, _ in taps])
        network = network.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        return losses.PerceptualLoss(network, taps, _corners(self.picture))

    def _adam(self, network: nn.Module, rate: float) -> Adam:
        return Adam(network.parameters(), rate, self.preset.betas, _LARGEST_NORM)

    @torch.no_grad()
    def _average(self) -> None:
        """Running average; its half-life grows with training, so that the start is forgotten."""
        half_life = max(1e-6, self.preset.ema * (self.steps + 1))
        share = 1 - 0.5 ** (1 / half_life)
        pairs = zip(self.averaged.parameters(), self.generator.parameters(), strict=True)
        for average, current in pairs:
            average.lerp_(current, share)

    def _read(self, found: dict[str, Tensor]) -> dict[str, float]:
        """Losses as numbers. Raises WorkError when they stay unreadable: training has diverged."""
        if self.device.type != "cpu" and self.steps % _READ_EVERY != 1 and self._last:
            return self._last
        values = torch.stack([value.detach().float() for value in found.values()]).tolist()
        self._last = dict(zip(found, values, strict=True))
        finite = all(value - value == 0 for value in values)
        self._unreadable = 0 if finite else self._unreadable + 1
        if self._unreadable >= _PATIENCE:
            raise WorkError("The training diverged: try another seed or another preset.")
        return self._last


def _corners(picture: Tensor, side: int = 192) -> Tensor:
    """The corners of a picture (3, H, W), or all of a small one: (N, 3, h, w).

    Enough to know how strongly a backbone answers, whatever the size of the picture.
    """
    height, width = picture.shape[-2:]
    rows, columns = min(side, height), min(side, width)
    tops, lefts = sorted({0, height - rows}), sorted({0, width - columns})
    return torch.stack([picture[:, t : t + rows, x : x + columns] for t in tops for x in lefts])
