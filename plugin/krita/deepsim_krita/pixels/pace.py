"""How much can be done at once: bands of rows that take some milliseconds each."""

from __future__ import annotations

import time
from typing import Callable, Iterator, TypeVar

from ..steps import Work, WorkFor

T = TypeVar("T")

BAND_SECONDS = 0.008
"""How long one piece of work on a band may take."""
FEWEST_PIXELS = 1 << 14
"""Fewer would gain nothing: on a slow machine these are copied in a few milliseconds."""
FEWEST_CONVERTED = 1 << 17
"""Krita's colour conversion takes 5 to 15 ms for however few pixels: fewer would take far longer
in all. So many take 10 to 40 ms, by the colour space."""
MOST_PIXELS = 1 << 18
"""More would gain little, and on a busy machine keep the UI thread for long."""


class Bands:
    """The rows of a picture as (first row, rows), top to bottom, each as tall as time allows.

    Work on a band may be done in pieces: `yield from bands.pause()` after each one. The
    slowest piece decides about the next band. The first is small, and none grows more than fourfold
    at once, because what is quick once may have been lucky. `converting` says that Krita converts
    their colours.
    """

    def __init__(
        self,
        width: int,
        height: int,
        seconds: float = BAND_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
        *,
        converting: bool = False,
    ) -> None:
        self._width, self._height = max(1, width), height
        self._fewest = FEWEST_CONVERTED if converting else FEWEST_PIXELS
        self._seconds, self._clock = seconds, clock
        self._began = self._slowest = 0.0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        fewest = max(1, self._fewest // self._width)
        most = max(1, MOST_PIXELS // self._width)
        top, wanted = 0, fewest
        while top < self._height:
            rows = min(wanted, self._height - top)
            self._began, self._slowest = self._clock(), 1e-6
            yield top, rows
            top += rows
            fitting = int(rows * self._seconds / self._slowest)
            wanted = max(fewest, min(fitting, rows * 4, most))

    def pause(self) -> Work:
        """Ends a piece of work, gives the event loop its turn, and begins the next piece."""
        self._slowest = max(self._slowest, self._clock() - self._began)
        yield None
        self._began = self._clock()

    def through(self, work: WorkFor[T]) -> WorkFor[T]:
        """Does a work whose yields lie between pieces, and gives what it gives."""
        while True:
            try:
                next(work)
            except StopIteration as e:
                result: T = e.value
                return result
            yield from self.pause()
