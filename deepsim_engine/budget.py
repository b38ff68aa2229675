"""How long training goes on, and how far along it is: what the schedules hang on."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from deepsim_engine.presets import Preset


@dataclass
class Budget:
    """A number of steps, of seconds, or both (whichever is used up first).

    Attributes:
        steps, seconds: the limits; at least one is given.
        step: finished steps.
        before: seconds used by earlier runs of the same training (resume).
        started: reading of `clock` (seconds) at which this run began; now by default.
        closing: seconds that are needed after the last step, to be kept free for it.
    """

    steps: int | None
    seconds: float | None
    step: int = 0
    before: float = 0.0
    started: float | None = None
    clock: Callable[[], float] = time.monotonic
    closing: float = 0.0
    _first_step: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        self._started = self.clock() if self.started is None else self.started

    @property
    def elapsed(self) -> float:
        """Seconds used so far, earlier runs included."""
        return self.before + self.clock() - self._started

    @property
    def fraction(self) -> float:
        """Share of the budget for steps that is used, 0 to 1."""
        shares = [0.0]
        if self.steps is not None:
            shares.append(self.step / self.steps)
        if self.seconds is not None:
            shares.append(self.elapsed / max(1e-9, self.seconds - self._kept_free))
        return min(1.0, max(shares))

    @property
    def step_seconds(self) -> float:
        """Usual duration of a step in this run; 0 before the second."""
        if self._first_step is None or self.step == self._first_step[0]:
            return 0.0
        return (self.elapsed - self._first_step[1]) / (self.step - self._first_step[0])

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time to the end, None as long as nothing is known."""
        estimates = []
        if self.seconds is not None:
            estimates.append(self.seconds - self.elapsed)
        if self.steps is not None and self.step_seconds > 0:
            estimates.append((self.steps - self.step) * self.step_seconds)
        return max(0.0, min(estimates)) if estimates else None

    @property
    def used_up(self) -> bool:
        """Whether another step would go further over the limit than stopping now stays below.

        The first step is always made: a model that never learned is of no use to anybody.
        """
        if self.step == 0:
            return False
        if self.steps is not None and self.step >= self.steps:
            return True
        if self.seconds is None:
            return False
        return self.elapsed + self.step_seconds / 2 >= self.seconds - self._kept_free

    @property
    def _kept_free(self) -> float:
        """For closing, but never more than half of all there is."""
        return 0.0 if self.seconds is None else min(self.closing, self.seconds / 2)

    def count_step(self) -> None:
        """One more step is finished. The first of a run is slow and not measured."""
        self.step += 1
        if self._first_step is None:
            self._first_step = (self.step, self.elapsed)


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


def rate_factor(schedule: Literal["cosine", "linear"], fraction: float) -> float:
    """Learning rate as a share of the preset's, at a share of the budget.

    "cosine" falls along half a wave and begins with a short rise; "linear" is constant for the
    first half and falls to zero in the second (pix2pix, and the paper).
    """
    if schedule == "linear":
        return min(1.0, 2 * (1 - fraction))
    warm_up = min(1.0, 0.1 + fraction / 0.02)
    return warm_up * 0.5 * (1 + math.cos(math.pi * fraction))
