"""What is generous and what is too much: the numbers by which workers are watched."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Of one engine and its workers.

    Attributes:
        hang_seconds: a worker that shows no sign of getting on for so long is ended. A step of the
            largest preset on a slow processor takes minutes.
        checkpoint_seconds: between checkpoints of a training; what a kill can cost.
        model_idle_seconds: a model that was not applied for so long leaves the worker's memory.
        worker_jobs: after so many requests a worker is replaced when it has nothing to do.
        worker_growth: the same when it holds so many bytes more than when it was new.
        orphan_seconds: an engine without work stays so long when the editor that started it is
            gone.
    """

    hang_seconds: float = 1800.0
    checkpoint_seconds: float = 45.0
    model_idle_seconds: float = 600.0
    worker_jobs: int = 500
    worker_growth: int = 3 << 30
    orphan_seconds: float = 15.0
