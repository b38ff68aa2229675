"""How long the event loop is kept from its turn, and by what."""

import faulthandler
import linecache
import os
import re
import tempfile
import threading
import time
from typing import Any, NamedTuple

TICK_MS = 5


class Gap(NamedTuple):
    """A time without a turn of the event loop.

    `busy` is what the thread itself computed of it: what other programs took is not in there, nor
    what it waited for. `line` is the Python that ran when it had lasted for the limit ("" for
    none), as "file:line in function: code".
    """

    milliseconds: float
    busy: float
    line: str


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
        self._last = self._worked = 0.0
        self.gaps: list[Gap] = []
        self.turns = 0

    def start(self) -> None:
        """Begins to watch, with a clean sheet."""
        descriptor, path = tempfile.mkstemp(prefix="watchdog-")
        self._file = os.fdopen(descriptor, "w+")
        os.unlink(path)  # noqa: PTH108  open, and nobody else's
        self.gaps, self.turns = [], 0
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._arm()
        self._timer.start()

    def stop(self) -> list[Gap]:
        """Ends watching; the gaps, longest first."""
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
        now, worked = time.perf_counter(), time.thread_time()
        if now - self._last > self._limit:
            self._file.seek(0)
            times = (round(1000 * spent, 1) for spent in (now - self._last, worked - self._worked))
            self.gaps.append(Gap(*times, innermost(self._file.read(), threading.get_ident())))
        self._last, self._worked = now, worked
        self._arm()


def innermost(dump: str, thread: int) -> str:
    """The line that a thread was in by a dump of faulthandler; empty where it ran no Python."""
    for section in dump.split("Thread 0x")[1:]:
        ident, _, stack = section.partition(" ")
        found = re.search(r'File "([^"]+)", line (\d+) in (\S+)', stack)
        if found is not None and int(ident, 16) == thread:
            path, line, function = found.groups()
            return f"{path}:{line} in {function}: {linecache.getline(path, int(line)).strip()}"
    return ""
