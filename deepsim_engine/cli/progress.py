"""Training as it is seen on a terminal: step, losses and time left; plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import rich.progress as bars
from rich.console import Console

if TYPE_CHECKING:
    from deepsim_engine.training import Progress

_LINE_EVERY = 5.0
"""Seconds between lines where there is no terminal to draw a bar on."""


class Show(Protocol):
    """Something that is told of every step."""

    def __call__(self, progress: "Progress") -> None: ...


@contextmanager
def shown(title: str) -> Iterator[Show]:
    """A progress bar on standard error while the block runs, or a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return
    bar = bars.Progress(
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=None, state="getting ready")
        yield lambda progress: bar.update(
            task, total=1.0, completed=fraction(progress), state=describe(progress)
        )


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0

    def __call__(self, progress: "Progress") -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY
            self._console.print(describe(progress), highlight=False, soft_wrap=True)


def fraction(progress: "Progress") -> float:
    """How much is done, 0 to 1."""
    if progress.seconds_left is not None:
        whole = progress.seconds + progress.seconds_left
        return progress.seconds / whole if whole > 0 else 1.0
    return progress.step / progress.steps if progress.steps else 0.0


def describe(progress: "Progress") -> str:
    """`step 120 of 400, 1:05 left, loss 0.531`."""
    of = "" if progress.steps is None else f" of {progress.steps}"
    parts = [f"step {progress.step}{of}"]
    if progress.seconds_left is not None:
        parts.append(f"{clock(progress.seconds_left)} left")
    if "total" in progress.losses:
        parts.append(f"loss {progress.losses['total']:.3g}")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `3:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
