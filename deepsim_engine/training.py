"""Training: one pair in, a model out. The loop is `_Run`; what a step does is in trainer.py."""

import dataclasses
import datetime
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deepsim_engine import devices, presets
from deepsim_engine.backbones import weights
from deepsim_engine.budget import Budget, planned_budget
from deepsim_engine.description import PATCHES, ModelDescription
from deepsim_engine.errors import InputError, Stopped
from deepsim_engine.imaging import check_memory
from deepsim_engine.memory import estimate_memory
from deepsim_engine.model import Model
from deepsim_engine.presets import Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.resuming import Checkpoint, check_path
from deepsim_engine.trainer import Trainer
from deepsim_engine.training_pair import TrainingPair, checked_image, working_size
from deepsim_engine.versions import library_versions

PREVIEW_SIDE = 384
SMALLEST, LARGEST = 16, 8192  # working resolutions that make sense
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
    pixels = checked_image(image, primitive)
    check_numbers(seconds, steps, size)
    if not -(2**63) <= seed < 2**63:
        raise InputError(f"The seed {seed} is too large: it must fit into 64 bits.")
    check_path(checkpoint, resume)
    pair = TrainingPair.at_working_size(pixels, primitive, size or recipe.longest_side)
    run = _Run(
        pair=pair,
        preset=recipe,
        device=where,
        seed=seed,
        name=name,
        on_progress=on_progress or (lambda progress: None),
        should_stop=should_stop or (lambda: False),
        checkpoint=None if checkpoint is None else Checkpoint.of(checkpoint, pair, recipe, seed),
        checkpoint_seconds=checkpoint_seconds,
    )
    working = pair.working
    check_memory(estimate_memory(recipe, working.size, working.channels, where), "Training")
    budget = planned_budget(recipe, seconds, steps, where, started)
    if not recipe.trains:
        return run.without_training(budget)
    backbone = weights.choose() if recipe.losses.perceptual > 0 else None
    trainer = Trainer(pair.colour, working, recipe, backbone=backbone, device=where, seed=seed)
    if warm_start is not None and warm_start.generator is not None:
        trainer.begin_with(warm_start.generator)
    if resume and run.checkpoint is not None and run.checkpoint.path.exists():
        run.losses = run.checkpoint.restore(trainer, budget)
    return run.train(trainer, budget)


@dataclass
class _Run:
    """One call of `train`."""

    pair: TrainingPair
    preset: Preset
    device: torch.device
    seed: int
    name: str
    on_progress: OnProgress
    should_stop: ShouldStop
    checkpoint: Checkpoint | None
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
                if self.checkpoint is not None:
                    self.checkpoint.save(trainer, budget, self.losses)
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
                self.checkpoint.save(trainer, budget, self.losses)
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
        working = self.pair.working
        small = working.resized(*working_size(working.size, PREVIEW_SIDE))
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
            pair_sha256=self.pair.sha256,
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            versions=library_versions(),
            warnings=tuple(self.warnings),
            patches=PATCHES,
            computed=f"{self.device.type} {str(number_format).removeprefix('torch.')}",
        )

    def stopped(self, step: int) -> Stopped:
        kept = None
        if self.checkpoint is not None and self.preset.trains:
            kept = self.checkpoint.path
        told = "it can be resumed" if kept is not None else "nothing was kept"
        return Stopped(
            f"Training was stopped after step {step}; {told}.", checkpoint=kept, step=step
        )


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
