"""How far a job is, as the docker shows it."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from .observable import Observable, Property
from .text import _

RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"


Point = Tuple[float, float]
MOST_POINTS = 256
CURVES = ("perceptual", "pixel", "total")
"""Losses that tell how far a training is, the best first."""


def clock(seconds: float) -> str:
    """A duration as people write it: 0:07, 12:30, 1:05:00."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress(Observable):
    """A job as the docker shows it."""

    state = Property(RUNNING)
    step = Property(0)
    steps: Property[int | None] = Property(None)
    elapsed = Property(0.0)
    seconds_left: Property[float | None] = Property(None)
    phase = Property("")

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.curve: list[Point] = []
        """(step, loss) so far, at most MOST_POINTS, evenly thinned."""
        self._every = 0.0

    def update(self, body: Mapping[str, Any]) -> None:
        """Takes over a progress message of the engine."""
        steps, left = body.get("steps"), body.get("seconds_left")
        self._note_loss(int(body.get("step") or 0), body.get("losses"))
        self.step = int(body.get("step") or 0)
        self.steps = None if steps is None else int(steps)
        self.elapsed = float(body.get("seconds") or 0.0)
        self.seconds_left = None if left is None else float(left)

    def _note_loss(self, step: int, losses: Any) -> None:
        found = losses if isinstance(losses, dict) else {}
        loss = next((found[name] for name in CURVES if name in found), None)
        if not isinstance(loss, (int, float)):
            return
        if self.curve and step < self.curve[-1][0] + self._every:
            return
        self.curve.append((step, float(loss)))
        if len(self.curve) > MOST_POINTS:
            del self.curve[1::2]
            self._every = 2 * max(1.0, (step - self.curve[0][0]) / MOST_POINTS)

    @property
    def fraction(self) -> float | None:
        """Done part, 0 to 1, or None while it cannot be known."""
        if self.steps and self.step:
            return min(1.0, self.step / self.steps)
        if self.seconds_left is not None and self.elapsed > 0:
            return min(1.0, self.elapsed / (self.elapsed + self.seconds_left))
        return None

    @property
    def text(self) -> str:
        """Title, percentage and time left, as far as they are known."""
        parts = [self.phase or self.title]
        if self.fraction is not None:
            parts.append(f"{self.fraction:.0%}")
        if self.seconds_left is not None:
            parts.append(_("{time} left").format(time=clock(self.seconds_left)))
        return " · ".join(parts)
