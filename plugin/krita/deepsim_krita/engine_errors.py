"""Errors of the engine by their codes: what is said of them, and the action that mends them."""

from __future__ import annotations

from dataclasses import dataclass

from .text import _, language


@dataclass(frozen=True)
class Ways:
    """The actions of one kind of job: one asks once more, one gives it other layers."""

    again: str = ""
    layers: str = ""


NO_WAYS = Ways()
NO_ERRORS = frozenset({"cancelled", "paused", "superseded"})
"""Codes that tell what was wished for; nothing is to be mended."""


def mend_of(code: str, ways: Ways = NO_WAYS) -> str:
    """The action that mends an error; empty where none does."""
    return {
        "input": ways.layers,
        "not-found": ways.again,
        "in-use": "library",
        "failed": "open_log",
        "worker-died": "restart_engine",
        "busy": "cancel",
        "dropped": ways.again,
        "base-lost": ways.again,
        "shutting-down": ways.again,
        "protocol": "restart_engine",
        "unknown-message": "restart_engine",
        "engine-lost": "restart_engine",
    }.get(code, "")


def sentence_of(code: str, text: str) -> str:
    """What the docker says: the engine's own sentence, unless there is one in another language.

    Only where the code tells all that there is to say: what is wrong with a picture, or with a
    disk, only the engine's own sentence tells, in English.
    """
    if language.english:
        return text or _("The engine reported an error.")
    known = {
        "worker-died": _("The engine's worker process ended before it was done: try again."),
        "busy": _("Too much waits at the engine already: wait, or cancel some of it."),
        "dropped": _("The engine's answer was not read in time and was dropped: try again."),
        "base-lost": _("The engine does not know the drawing before any more: try again."),
        "shutting-down": _("The engine leaves; it is started again when it is needed."),
        "protocol": _("Plugin and engine do not understand each other: restart the engine."),
        "unknown-message": _("The engine is older than the plugin: restart the engine."),
        "engine-lost": _("The connection to the engine was lost before it answered."),
        "superseded": _("A newer request took the place of this one."),
    }
    return known.get(code) or text or _("The engine reported an error.")
