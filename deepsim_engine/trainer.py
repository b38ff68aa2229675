"""One training step, and the state that steps change."""

import copy

import torch
from torch import Tensor, nn

from deepsim_engine import checkpoint, devices, losses
from deepsim_engine.augment import cutmix, random_warps, random_windows
from deepsim_engine.backbones.weights import load_backbone
from deepsim_engine.budget import rate_factor
from deepsim_engine.conditioning import Condition, picture_tensor
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
_COMPARE_EVERY = 6  # steps between comparisons with the patches
_CLEARLY = 0.8  # of their distance: what is a little closer but smoother looks worse
_LARGEST_NORM = 10.0  # of the gradient


class Trainer:
    """Networks, optimisers and random state of one training.

    Attributes:
        generator, averaged: the generator, and the running average of its weights.
        backbone_name: feature network of the perceptual loss, or None.
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
        self.device = device
        self.dtype = devices.compute_dtype(device)
        self.backbone_name = backbone
        self.picture = picture_tensor(colour, device)
        self.condition = Condition.of(primitive, device)
        self.random = torch.Generator().manual_seed(seed)
        self.pool: PatchPool | None = None
        if preset.generator.patches:
            self.pool = PatchPool(self.picture, self.condition, preset.augmentation, seed)
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
        self.compared = torch.full((2,), float("nan"), device=device)
        self._last: dict[str, float] = {}
        self._unreadable = 0

    def step(self, fraction: float) -> dict[str, float]:
        """One update of both networks; `fraction` of the budget is used. Returns the losses."""
        weights = self.preset.losses
        factor = rate_factor(self.preset.schedule, fraction)
        adversarial = weights.adversarial > 0 and fraction >= weights.adversarial_from
        x, y, base = self._batch()
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
            self._descend(self.discriminator_optimizer, found["discriminator"], factor)
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
                self.discriminator.requires_grad_(False)
                fake_layers = self.discriminator(x, fake)
                self.discriminator.requires_grad_(True)
                found["adversarial"] = losses.least_squares(fake_layers, True)
                found["features"] = losses.feature_matching(fake_layers, real_layers)
                total = total + weights.adversarial * found["adversarial"]
                total = total + weights.feature_matching * found["features"]
        if base is not None and self.steps % _COMPARE_EVERY == 0:
            self._compare(fake.detach(), base, y)
        found["total"] = total
        self._descend(self.generator_optimizer, total, factor)
        self._average()
        self.steps += 1
        return self._read(found)

    def averaged_generator(self) -> nn.Module:
        """A copy of the averaged generator that later steps do not change."""
        return copy.deepcopy(self.averaged).eval()

    def beats_patches(self) -> bool:
        """Whether the generator's pictures are clearly closer to the truth than its input's."""
        if self.pool is None:
            return True
        ours, patches = self.compared.tolist()
        return bool(ours < _CLEARLY * patches)

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
            **checkpoint.with_prefix(
                "generator_optimizer", checkpoint.optimizer_tensors(self.generator_optimizer)
            ),
            **checkpoint.with_prefix(
                "discriminator_optimizer",
                checkpoint.optimizer_tensors(self.discriminator_optimizer),
            ),
            "random": self.random.get_state(),
            "compared": self.compared,
        }

    def restore(self, tensors: checkpoint.Tensors, steps: int) -> None:
        """Go back to the state that `tensors` describes."""
        for name in ("generator", "averaged", "discriminator"):
            network = getattr(self, name)
            checkpoint.restore_network(network, checkpoint.under_prefix(name, tensors))
        for name in ("generator_optimizer", "discriminator_optimizer"):
            optimizer = getattr(self, name)
            checkpoint.restore_optimizer(optimizer, checkpoint.under_prefix(name, tensors))
        self.random.set_state(tensors["random"])
        self.compared = tensors["compared"].to(self.device)
        self.steps = steps

    def _batch(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Warped crops: conditions (N, C, h, w), pictures and patch results (N, 3, h, w)."""
        config, size = self.preset, self.condition.size
        window = self._window()
        if self.pool is not None:
            x, base, y = self.pool.draw(self.steps, config.batch, window, self.random)
            return x, y, base
        warps = random_warps(config.batch, config.augmentation, self.random, self.device)
        points = random_windows(config.batch, window, size, self.random, self.device)
        points = warps.source_of(points)
        x, y = self.condition.at(points), sample(self.picture, points)
        x, y = cutmix([x, y], config.augmentation.cutmix, self.random)
        layout = torch.channels_last
        return x.contiguous(memory_format=layout), y.contiguous(memory_format=layout), None

    @torch.no_grad()
    def _compare(self, fake: Tensor, patches: Tensor, truth: Tensor) -> None:
        """Keep a running mean of how far the generator and the patches are from the truth."""
        if self.perceptual is None:
            apart = [(x - truth).abs().mean() for x in (fake, patches)]
        else:
            apart = [self.perceptual(x, truth, False)[0] for x in (fake, patches)]
        newest = torch.stack(apart).float()
        known = self.compared.isfinite().all()
        self.compared = torch.where(known, self.compared.lerp(newest, 0.25), newest)

    def _window(self) -> tuple[int, int]:
        """(height, width) of the crops: a multiple of what the generator needs."""
        multiple = int(self.generator.multiple)  # type: ignore[arg-type]

        def side(length: int) -> int:
            wanted = min(length, self.preset.crop or length)
            return max(_SMALLEST_WINDOW, wanted + -wanted % multiple)

        height, width = self.condition.size
        return side(height), side(width)

    def _perceptual(self, backbone: str | None) -> losses.PerceptualLoss | None:
        if backbone is None:
            return None
        taps = self.preset.losses.taps
        network = load_backbone(backbone, [tap for tap, _ in taps])
        network = network.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        return losses.PerceptualLoss(network, taps, self.picture[None])

    def _adam(self, network: nn.Module, rate: float) -> torch.optim.Adam:
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(network.parameters(), rate, self.preset.betas, fused=fused)

    def _descend(self, optimizer: torch.optim.Optimizer, loss: Tensor, factor: float) -> None:
        """One optimiser step at `factor` times its rate; values that are no numbers count as 0."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for parameter in parameters:
            if parameter.grad is not None:
                torch.nan_to_num(parameter.grad, 0.0, 1e4, -1e4, out=parameter.grad)
        nn.utils.clip_grad_norm_(parameters, _LARGEST_NORM)
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("full_lr", group["lr"]) * factor
        optimizer.step()

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
