"""Replies in the words of the protocol."""

from typing import Any

from deepsim_client.wire import NOBODY, Message


def error(request: str | None, code: str, sentence: str) -> Message:
    """The final reply of a request that could not be done."""
    return Message("error", request or NOBODY, {"code": code, "message": sentence})


def result(request: str, body: dict[str, Any]) -> Message:
    """The final reply of a request that was done."""
    return Message("result", request, body)


def accepted(request: str, job: str) -> Message:
    """The first reply to a training: it is on disk and will not be lost."""
    return Message("accepted", request, {"job": job})
