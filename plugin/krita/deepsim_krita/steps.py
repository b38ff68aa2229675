"""Long work on the UI thread in slices: a generator that is let go on for some milliseconds a turn.

Pixels can only be read and written there, and a brush must not stutter for it. The owner calls
`go_on` from a timer for as long as there is work.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Callable, Generator, Optional, TypeVar

from .observable import Signal

SLICE_SECONDS = 0.008
"""How long one slice may take before the editor has its turn."""

WAITING = "waiting"
"""What a work yields when it cannot go on yet: the slice ends at once."""

T = TypeVar("T")
WorkFor = Generator[Optional[str], None, T]
"""Work that says by `yield` where it may be interrupted, and gives something in the end."""

Work = WorkFor[None]
"""Work whose end is all that it gives."""


def at_once(work: WorkFor[T]) -> T:
    """Does a work without interruption, and gives what it gives."""
    while True:
        try:
            next(work)
        except StopIteration as e:
            result: T = e.value
            return result


class Steps:
    """Works that are under way, one after another in the order in which they were begun."""

    def __init__(
        self,
        slice_seconds: float = SLICE_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._slice = slice_seconds
        self._clock = clock
        self._works: dict[str, Work] = {}
        self._going = False
        self.begun = Signal()
        """Emitted when there is work where there was none: the owner starts its timer."""

    @property
    def busy(self) -> bool:
        """Whether there is anything to go on with."""
        return bool(self._works)

    def doing(self, key: str) -> bool:
        """Whether the work of this name is under way."""
        return key in self._works

    def begin(self, key: str, work: Work) -> None:
        """Begins a work at once, with its first slice; one of the same name is dropped for it."""
        self.drop(key)
        idle = not self._works
        self._works[key] = work
        if not idle:
            return
        try:
            self.go_on()
        finally:  # what it began before it failed goes on all the same
            if self._works:
                self.begun.emit()

    def drop(self, key: str) -> None:
        """Ends a work where it is; one that is not under way is no error.

        Called from inside of that work, it ends where it next may be interrupted.
        """
        work = self._works.pop(key, None)
        if work is not None:
            with suppress(ValueError):  # it is being executed: `_go_on` ends it
                work.close()

    def close(self) -> None:
        """Ends all works where they are: each gives back what it holds."""
        for key in list(self._works):
            self.drop(key)

    def go_on(self) -> bool:
        """Works for one slice; True while there is more. What a work raises ends that work.

        Called again by a timer while a work waits inside a call into the editor, it does nothing.
        """
        if self._going:
            return True
        self._going = True
        try:
            self._go_on()
        finally:
            self._going = False
        return bool(self._works)

    def _go_on(self) -> None:
        deadline = self._clock() + self._slice
        while self._works:
            key, work = next(iter(self._works.items()))
            waiting = False
            try:
                waiting = next(work) == WAITING
            except BaseException as e:
                if self._works.get(key) is work:
                    del self._works[key]
                if not isinstance(e, StopIteration):
                    raise
            if self._works.get(key) is not work:
                work.close()  # it was dropped from inside of itself, or has ended
            if waiting or self._clock() >= deadline:
                break
