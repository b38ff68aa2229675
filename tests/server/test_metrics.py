"""Numbers about the engine, on a clock that the test turns."""

import json
import logging

from deepsim_server.logs import JsonLines
from deepsim_server.metrics import MAX_OPEN, Metrics


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_latencies_are_told_by_kind() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    for number in range(100):
        metrics.received(f"{number}", "apply")
        clock.now += 0.001 * (number + 1)
        metrics.answered(f"{number}")
    told = metrics.snapshot()["latencies"]["apply"]
    assert told == {"count": 100, "p50_ms": 50.0, "p99_ms": 99.0}


def test_only_the_first_end_of_a_request_counts() -> None:
    metrics = Metrics(Clock())
    metrics.received("a", "train")
    metrics.answered("a")
    metrics.answered("a")
    metrics.answered("never received")
    assert metrics.snapshot()["latencies"]["train"]["count"] == 1
    assert list(metrics.snapshot()["latencies"]) == ["train"]


def test_requests_that_are_never_answered_do_not_gather() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    for number in range(MAX_OPEN + 10):
        metrics.received(f"{number}", "apply")
    for number in range(MAX_OPEN + 10):
        metrics.answered(f"{number}")
    assert metrics.snapshot()["latencies"]["apply"]["count"] == MAX_OPEN


def test_uptime_and_step_rate_follow_the_clock() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    assert metrics.snapshot()["step_rate"] is None
    for step in range(1, 6):
        clock.now += 0.5
        metrics.stepped("job", step)
    told = metrics.snapshot()
    assert told["uptime"] == 2.5
    assert told["step_rate"] == 2.0
    metrics.stepped("next job", 1)
    assert metrics.snapshot()["step_rate"] is None
    clock.now += 3600
    assert metrics.snapshot()["uptime"] == 3602.5


def test_a_log_line_in_json_is_one_object() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, "f.py", 1, "two\nlines %s", ("x",), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("warning", "a.b", "two\nlines x")
    assert told["time"].endswith("+00:00")
