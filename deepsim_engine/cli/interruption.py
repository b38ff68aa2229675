"""Ctrl-C and SIGTERM: the first asks politely, the second insists."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the user asked to stop; calling it tells."""

    def __init__(self) -> None:
        self._requested = False

    def __call__(self) -> bool:
        return self._requested

    def request(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: remember the first request, break off at the second."""
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """While the block runs, a first Ctrl-C or SIGTERM only sets the flag that it is given."""
    interruption = Interruption()
    before = {
        number: signal.signal(number, interruption.request)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
