"""Training: one pair in, a model out. The loop is `_run`; what a step does is in trainer.py."""

import dataclasses
import datetime
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deepsim_engine import checkpoint as checkpoints
from deepsim_engine import devices, presets
from deepsim_engine.backbones import weights
from deepsim_engine.budget import Budget
from deepsim_engine.errors import InputError, Stopped
from deepsim_engine.imaging import Pixels, as_pixels, check_memory, describe_size
from deepsim_engine.model import PATCHES, Model, ModelDescription, pair_sha256, working_colour
from deepsim_engine.networks.build import count_weights
from deepsim_engine.presets import Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.trainer import Trainer

PREVIEW_SIDE = 384
SMALLEST, LARGEST = 16, 8192  # working resolutions that make sense
_KEY = "deepsim-checkpoint"
_FORMAT = 2
SAVE_EVERY = 45.0
"""Seconds between checkpoints."""
_PREVIEW_SHARE = 0.05  # of the time goes into previews and the measuring of trust
_PREVIEW_PAUSE = 1.0  # seconds between them at least
_FIRST_PAUSE = 5.0  # seconds from the picture that patches make to the first that was learned
_TRUST_FROM = 0.7  # share of a budget in seconds after which it is too late to make held-out crops


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a step, or before the first.

    Attributes:
        step: finished steps; `steps` how many there will be, where that is known.
        seconds: used so far; `seconds_left` an estimate.
        losses: name -> value. On a GPU they are read now and then only.
        preview: (h, w, 3) uint8, longest side at most 384: the training drawing as patches paint
            it before the first step, if the preset uses them, or as the model does after it; then
            as the network paints it so far, and after the last step as the finished model does;
            None unless a new one was just made.
        snapshot: makes a model of the averaged weights so far, cheaply, usable at once.
    """

    step: int
    steps: int | None
    seconds: float
    seconds_left: float | None
    losses: dict[str, float]
    preview: NDArray[np.uint8] | None
    snapshot: Callable[[], Model]


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def train(
    image: Any,
    primitive: Primitive,
    preset: str | Preset = "draft",
    *,
    seconds: float | None = None,
    steps: int | None = None,
    size: int | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = SAVE_EVERY,
    resume: bool = False,
    warm_start: Model | None = None,
    name: str = "",
) -> Model:
    """Teach a network to turn `primitive` into `image`.

    Args:
        image: Pillow image or array (H, W, 3 or 4) uint8, of the primitive's size.
        primitive: what is drawn.
        preset: instant, draft, standard or paper; or one's own Preset.
        seconds: budget, kept within 5 %; the learning rate is planned for its end.
        steps: number of steps, instead or as a second limit. Neither: the preset's budget.
        size: longest side to work at, in pixels; results come back at full size all the same.
        device: auto, cpu, cuda, cuda:N or mps.
        seed: the same seed gives the same model on a processor, for a budget in steps.
        on_progress: called after every step, and before the first where there is a picture already.
        should_stop: asked between steps; when true, the checkpoint is saved and Stopped raised.
        checkpoint: where to keep what resuming needs, every `checkpoint_seconds`. Remove
            it once the model is saved, and a kill in between loses next to nothing.
        resume: go on from `checkpoint` if it is there.
        warm_start: begin with this model's weights as far as they fit.
        name: of the model.

    Raises:
        InputError: nothing was started. WorkError: memory, disk or the training itself failed.
        Stopped: see should_stop.
    """
    started = time.monotonic()
    recipe = presets.find(preset) if isinstance(preset, str) else preset
    where = devices.pick(device)
    pixels = _checked_image(image, primitive)
    check_numbers(seconds, steps, size)
    if not -(2**63) <= seed < 2**63:
        raise InputError(f"The seed {seed} is too large: it must fit into 64 bits.")
    _check_checkpoint(checkpoint, resume)
    run = _Run(
        pair=_Pair.at_working_size(pixels, primitive, size or recipe.longest_side),
        preset=recipe,
        device=where,
        seed=seed,
        name=name,
        on_progress=on_progress or (lambda progress: None),
        should_stop=should_stop or (lambda: False),
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
    )
    working = run.pair.working
    check_memory(estimate_memory(recipe, working.size, working.channels, where), "Training")
    budget = planned_budget(recipe, seconds, steps, where, started)
    if not recipe.trains:
        return run.without_training(budget)
    backbone = weights.choose() if recipe.losses.perceptual > 0 else None
    trainer = Trainer(
        run.pair.colour, run.pair.working, recipe, backbone=backbone, device=where, seed=seed
    )
    if warm_start is not None and warm_start.generator is not None:
        trainer.begin_with(warm_start.generator)
    if resume and checkpoint is not None and checkpoint.exists():
        run.restore(trainer, budget)
    return run.train(trainer, budget)


@dataclass(frozen=True)
class _Pair:
    """The training pair as given, and at working resolution."""

    image: Pixels
    primitive: Primitive
    colour: Pixels
    working: Primitive

    @classmethod
    def at_working_size(cls, image: Pixels, primitive: Primitive, longest: int) -> "_Pair":
        size = working_size(primitive.size, longest)
        return cls(image, primitive, working_colour(image, size), primitive.resized(*size))


@dataclass
class _Run:
    """One call of `train`."""

    pair: _Pair
    preset: Preset
    device: torch.device
    seed: int
    name: str
    on_progress: OnProgress
    should_stop: ShouldStop
    checkpoint: Path | None
    checkpoint_seconds: float
    losses: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    preview_patches: Tensor | None = None

    def train(self, trainer: Trainer, budget: Budget) -> Model:
        """Step until the budget is used up."""
        saved = budget.elapsed
        previewed, pause = -math.inf, 0.0
        if trainer.pool is not None and budget.step == 0:  # patches paint without learning
            self.report(trainer, budget, self.preview(self.model(trainer, budget)))
            previewed, pause = budget.elapsed, _FIRST_PAUSE
        while not budget.used_up:
            if self.should_stop():
                self.save(trainer, budget)
                raise self.stopped(budget.step)
            try:
                self.losses = trainer.step(budget.fraction)
            except RuntimeError as error:
                if not devices.is_out_of_memory(error):
                    raise
                self.warnings.append(trainer.shrink())
                continue
            budget.count_step()

            preview = None
            if budget.used_up or budget.elapsed - previewed > pause:
                if budget.seconds is None or budget.fraction < _TRUST_FROM:
                    trainer.prepare_trust()
                begun = budget.elapsed
                trainer.measure_trust()
                network = not budget.used_up and pause > 0
                preview = self.preview(self.model(trainer, budget), network=network)
                previewed = budget.elapsed
                budget.closing = previewed - begun
                pause = max(_PREVIEW_PAUSE, budget.closing / _PREVIEW_SHARE)
            if self.checkpoint is not None and budget.elapsed - saved > self.checkpoint_seconds:
                self.save(trainer, budget)
                saved = budget.elapsed
            self.report(trainer, budget, preview)
        return self.model(trainer, budget)

    def without_training(self, budget: Budget) -> Model:
        """The pair itself is the model: patches of it are put together when it is applied."""
        if self.should_stop():
            raise self.stopped(0)
        model = Model(self.describe(budget, None), self.pair.image, self.pair.primitive)
        model.device = self.device
        preview = self.preview(model)
        self.on_progress(Progress(1, 1, budget.elapsed, 0.0, {}, preview, lambda: model))
        return model

    def report(self, trainer: Trainer, budget: Budget, preview: NDArray[np.uint8] | None) -> None:
        self.on_progress(
            Progress(
                step=budget.step,
                steps=budget.steps,
                seconds=budget.elapsed,
                seconds_left=budget.seconds_left,
                losses=self.losses,
                preview=preview,
                snapshot=lambda: self.model(trainer, budget),
            )
        )

    def model(self, trainer: Trainer, budget: Budget) -> Model:
        """A model of the averaged weights as they are now.

        As long as patches alone are better it paints with these: so the first preview is a
        picture already, and no training ends with less than it began with.
        """
        description = dataclasses.replace(
            self.describe(budget, trainer.backbone_name), trust=trainer.trust
        )
        generator = trainer.averaged_generator()
        model = Model(description, self.pair.image, self.pair.primitive, generator, self.device)
        if trainer.pool is not None:
            model.patches = trainer.pool.synthesizer
        return model

    def preview(self, model: Model, *, network: bool = False) -> NDArray[np.uint8]:
        """The training drawing as `model` paints it, small.

        With `network`, as its network does, whether or not patches are better still: there one
        sees what is being learned.
        """
        width, height = self.pair.working.size
        scale = min(1.0, PREVIEW_SIDE / max(width, height))
        small = self.pair.working.resized(
            max(2, round(width * scale)), max(2, round(height * scale))
        )
        if model.needs_patches and self.preview_patches is None:
            self.preview_patches = model.patch_result(small)
        if network:
            model.description = dataclasses.replace(model.description, trust=1.0)
        return model.paint_working(small, self.preview_patches)

    def describe(self, budget: Budget, backbone: str | None) -> ModelDescription:
        palette = self.pair.primitive.palette
        number_format = devices.compute_dtype(self.device) if self.preset.trains else torch.float32
        return ModelDescription(
            name=self.name,
            kind=self.pair.primitive.kind,
            size=self.pair.primitive.size,
            working_size=self.pair.working.size,
            preset=self.preset.name,
            generator=presets.as_json(self.preset)["generator"] if self.preset.trains else None,
            palette=None if palette is None else palette.colours.tolist(),
            unpainted=palette is not None and palette.unpainted,
            backbone=backbone,
            seed=self.seed,
            steps=budget.step,
            seconds=round(budget.elapsed, 1),
            losses={name: round(value, 5) for name, value in self.losses.items()},
            pair_sha256=pair_sha256(self.pair.image, self.pair.primitive),
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            versions=library_versions(),
            warnings=tuple(self.warnings),
            patches=PATCHES,
            computed=f"{self.device.type} {str(number_format).removeprefix('torch.')}",
        )

    def stopped(self, step: int) -> Stopped:
        kept = self.checkpoint if self.checkpoint is not None and self.preset.trains else None
        told = "it can be resumed" if kept is not None else "nothing was kept"
        return Stopped(
            f"Training was stopped after step {step}; {told}.", checkpoint=kept, step=step
        )

    def save(self, trainer: Trainer, budget: Budget) -> None:
        """Write the checkpoint, if one is wanted."""
        if self.checkpoint is None:
            return
        state = {
            "format": _FORMAT,
            "step": budget.step,
            "seconds": budget.elapsed,
            "losses": self.losses,
            "run": self.identity(),
        }
        checkpoints.write_file(self.checkpoint, _KEY, state, trainer.tensors())

    def restore(self, trainer: Trainer, budget: Budget) -> None:
        """Go on from the checkpoint. Raises InputError if it belongs to another training."""
        assert self.checkpoint is not None  # noqa: S101
        state, tensors = checkpoints.read_file(self.checkpoint, _KEY, "a DeepSIM checkpoint")
        run = state.get("run")
        if isinstance(run, dict) and isinstance(run.get("preset"), dict):
            run["preset"].pop("promise", None)  # of earlier versions
        if state.get("format") != _FORMAT or run != self.identity():
            raise InputError(
                f"{self.checkpoint} belongs to another training (another picture, drawing, preset,"
                " size or seed, or another version of DeepSIM): train anew without resuming."
            )
        trainer.restore(tensors, int(state["step"]))
        budget.step, budget.before = int(state["step"]), float(state["seconds"])
        self.losses = dict(state["losses"])

    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to fit."""
        return {
            "preset": presets.as_json(self.preset),
            "pair": pair_sha256(self.pair.image, self.pair.primitive),
            "working_size": list(self.pair.working.size),
            "seed": self.seed,
        }


def working_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) at which a picture of `size` is learned: `longest` is never exceeded."""
    width, height = size
    scale = min(1.0, longest / max(width, height))
    return max(2, round(width * scale)), max(2, round(height * scale))


def estimate_memory(
    preset: Preset, size: tuple[int, int], channels: int, device: torch.device
) -> int:
    """Bytes of main memory that training needs at its peak, rather too many.

    `size` is (width, height) at working resolution, `channels` those of the primitive. The shares
    were measured as growth of the resident set (docs/experiments.md) and a test compares.
    """
    pixels = size[0] * size[1]
    pair = pixels * (channels + 8) * 8
    # Applying may take turned patches besides, training does not.
    patches = 2**27 + min(pixels, 256 * 256) * 3000 + pixels * (700 if preset.trains else 1100)
    if not preset.trains:
        return 2**27 + pair + patches
    if device.type != "cpu":
        return 2**30 + pair
    config = preset.generator
    step = preset.batch * min(pixels, preset.crop**2 or pixels)
    step *= 160 * config.widths[0] // config.fold**2 + 6000
    weights = 24 * count_weights(config, channels)
    applying = pixels * 4 * 12 * config.widths[0] // config.fold**2
    needed = 2**27 + weights + pair + max(step, applying)
    return needed + patches if config.patches else needed


def library_versions() -> dict[str, str]:
    """Versions of DeepSIM and of the libraries that decide what a model does."""
    found = {}
    for package in ("deepsim", "torch", "numpy", "safetensors"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a checkout without installation
            found[package] = "unknown"
    return found


def _checked_image(image: Any, primitive: Primitive) -> Pixels:
    pixels = as_pixels(image)
    if (pixels.shape[1], pixels.shape[0]) != primitive.size:
        width, height = primitive.size
        raise InputError(
            f"The image is {describe_size(pixels)} pixels but its primitive is {width} x {height}:"
            " they must have the same size."
        )
    return pixels


def check_numbers(seconds: float | None, steps: int | None, size: int | None) -> None:
    """Refuse, with an InputError, budgets of nothing and sizes that make no sense."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InputError(
            f"The budget of {seconds} seconds must be more than nothing, and must end."
        )
    if steps is not None and steps < 1:
        raise InputError(f"The number of steps is {steps}: it must be at least 1.")
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise InputError(f"The size is {size} pixels: it must be from {SMALLEST} to {LARGEST}.")


def _check_checkpoint(checkpoint: Path | None, resume: bool) -> None:
    if resume and checkpoint is None:
        raise InputError("To resume a training, say where its checkpoint is.")
    if checkpoint is not None and not checkpoint.parent.is_dir():
        raise InputError(f"The folder {checkpoint.parent} for the checkpoint does not exist.")


def planned_budget(
    preset: Preset,
    seconds: float | None,
    steps: int | None,
    device: torch.device,
    started: float | None = None,
) -> Budget:
    """The budget that was asked for, else the preset's for this kind of device."""
    if seconds is None and steps is None:
        steps = preset.steps
        seconds = preset.seconds if device.type == "cpu" else preset.gpu_seconds
    return Budget(steps=steps, seconds=seconds, started=started)
