"""How long the event loop is kept from its turn, and by what."""

import faulthandler
import os
import tempfile
import time
from typing import Any

TICK_MS = 5


class Watchdog:
    """Notes each gap between two turns of a timer that is longer than `limit` seconds.

    What ran is told by a thread of the C library's kind that needs no lock of Python's: so it sees
    Python code that waits inside a call into Krita, too.

    Args:
        timer: makes a QTimer, whatever the binding.
        limit: what is a gap, in seconds.
    """

    def __init__(self, timer: Any, limit: float = 0.05) -> None:
        self._limit = limit
        self._timer = timer()
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._file: Any = None
        self._last = 0.0
        self.gaps: list[tuple[float, str]] = []
        self.turns = 0

    def start(self) -> None:
        """Begins to watch, with a clean sheet."""
        descriptor, path = tempfile.mkstemp(prefix="watchdog-")
        self._file = os.fdopen(descriptor, "w+")
        os.unlink(path)  # noqa: PTH108  open, and nobody else's
        self.gaps, self.turns = [], 0
        self._last = time.perf_counter()
        self._arm()
        self._timer.start()

    def stop(self) -> list[tuple[float, str]]:
        """Ends watching; the gaps in milliseconds, longest first, with the Python that ran."""
        self._timer.stop()
        faulthandler.cancel_dump_traceback_later()
        self._file.close()
        return sorted(self.gaps, reverse=True)

    def _arm(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        faulthandler.dump_traceback_later(self._limit, file=self._file)

    def _tick(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self.turns += 1
        now = time.perf_counter()
        if now - self._last > self._limit:
            self._file.seek(0)
            self.gaps.append((round(1000 * (now - self._last), 1), self._file.read()))
        self._last = now
        self._arm()
