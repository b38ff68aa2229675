"""The worker's pulse: a thread that tells the engine, whatever the worker computes, that it lives,
for how long it has not got any further, and how much memory it holds."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PULSE_SECONDS = 1.0


class Pulse:
    """Calls `tell` every second with {"work": id or "", "age": seconds, "memory": bytes or None}.

    The worker says `beat` whenever it gets on: a step, an answer. `age` counts from then.
    """

    def __init__(self) -> None:
        self._work = ""
        self._beat = time.monotonic()
        self._stop = threading.Event()

    def beat(self, work: str | None = None) -> None:
        """The worker got on; with `work`, the id of what it begins, or "" for nothing."""
        self._beat = time.monotonic()
        if work is not None:
            self._work = work

    def now(self) -> dict[str, Any]:
        """What is told."""
        work = self._work
        age = time.monotonic() - self._beat if work else 0.0
        return {"work": work, "age": round(age, 3), "memory": resident_bytes()}

    def run(self, tell: Callable[[dict[str, Any]], None]) -> None:
        """Tell until `stop`; for a thread of its own."""
        tell(self.now())
        while not self._stop.wait(PULSE_SECONDS):
            tell(self.now())

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()


def resident_bytes() -> int | None:
    """Main memory that this process holds, or None where the system does not tell simply."""
    if sys.platform != "linux":
        return None
    import resource  # noqa: PLC0415  (not on Windows)

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
