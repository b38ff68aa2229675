"""What went wrong, as the error reply that says so."""

import logging

from deepsim_client.wire import Message

from deepsim_engine.errors import InputError, Stopped, WorkError
from deepsim_server.kept import BaseLostError
from deepsim_server.models import ModelInUseError, ModelNotFoundError
from deepsim_server.replies import error

log = logging.getLogger(__name__)

OVER = "over"
"""Code by which a worker tells the engine that a training it was asked about has ended."""


class TrainingOverError(InputError):
    """A training that a request was about does not run any more."""


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (ModelNotFoundError, "not-found"),
    (ModelInUseError, "in-use"),
    (TrainingOverError, OVER),
    (BaseLostError, "base-lost"),
    (InputError, "input"),
    (Stopped, "cancelled"),
    (WorkError, "failed"),
    (OSError, "failed"),
)


def failure(message: Message, problem: Exception) -> Message:
    """The final reply to a request that `problem` came of. What is a bug is logged whole."""
    for kind, code in _CODES:
        if isinstance(problem, kind):
            return error(message.id, code, str(problem))
    if isinstance(problem, MemoryError):
        return error(message.id, "failed", "There is not enough memory: use a smaller size.")
    log.error("%s failed", message.kind, exc_info=problem)
    sentence = f"Internal error ({type(problem).__name__}: {str(problem)[:200]})."
    return error(message.id, "failed", f"{sentence} The log says more.")
