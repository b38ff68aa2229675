"""What can go wrong, as one sentence each: what is wrong, where, and what to do."""

from pathlib import Path


class DeepSimError(Exception):
    """Base of every error that a user is meant to read; its text is one clear sentence."""


class InputError(DeepSimError):
    """What the user gave cannot be used (a file, a picture, a number); nothing was started."""


class DamagedError(InputError):
    """A file is not as it was written, or never was what it should be."""


class WorkError(DeepSimError):
    """The input was right but the work could not be done (memory, disk, device)."""


class Stopped(DeepSimError):
    """Training was asked to stop; the checkpoint, if one was asked for, is already on disk.

    Attributes:
        checkpoint: where training can be resumed from, or None when no checkpoint was kept.
        step: number of finished steps.
    """

    def __init__(self, message: str, *, checkpoint: Path | None = None, step: int = 0) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint
        self.step = step
