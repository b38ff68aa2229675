"""What the engine has done so far, in numbers: for `status`, and for people who look after it."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

SAMPLES = 512
"""Latencies that are kept of each kind of request; older ones are forgotten."""
MAX_OPEN = 4096
_RATE_SECONDS = 30.0


class Metrics:
    """Counts and times. The clock is monotonic: no change of the date can bend it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._latencies: dict[str, deque[float]] = {}
        self._counts: dict[str, int] = {}
        self._steps: deque[tuple[float, str, int]] = deque(maxlen=SAMPLES)
        self.bytes_received = 0
        self.refused = 0

    def received(self, request: str, kind: str) -> None:
        """A request of a known kind came."""
        self._open[request] = (kind, self._clock())
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)

    def answered(self, request: str) -> None:
        """It was answered (a training: accepted). Later replies to it do not count."""
        kind, since = self._open.pop(request, ("", 0.0))
        if kind:
            taken = self._latencies.setdefault(kind, deque(maxlen=SAMPLES))
            taken.append(self._clock() - since)
            self._counts[kind] = self._counts.get(kind, 0) + 1

    def stepped(self, job: str, step: int) -> None:
        """A training told how far it is."""
        self._steps.append((self._clock(), job, step))

    def snapshot(self) -> dict[str, Any]:
        """As plain JSON values; seconds, milliseconds, bytes."""
        return {
            "uptime": round(self._clock() - self._begun, 3),
            "step_rate": self._step_rate(),
            "latencies": {
                kind: {
                    "count": self._counts[kind],
                    "p50_ms": _percentile(taken, 0.50),
                    "p99_ms": _percentile(taken, 0.99),
                }
                for kind, taken in sorted(self._latencies.items())
            },
            "bytes_received": self.bytes_received,
            "refused": self.refused,
        }

    def _step_rate(self) -> float | None:
        """Steps a second of the training that runs, over the last half minute."""
        if not self._steps:
            return None
        now, job = self._clock(), self._steps[-1][1]
        seen = [
            (at, step) for at, of, step in self._steps if of == job and now - at < _RATE_SECONDS
        ]
        if len(seen) < 2 or seen[-1][0] == seen[0][0]:
            return None
        return round((seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0]), 3)


def _percentile(taken: deque[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed, in milliseconds."""
    ordered = sorted(taken)
    place = max(0, -int(-share * len(ordered) // 1) - 1)
    return round(1000 * ordered[place], 3)
