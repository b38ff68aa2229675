"""What other installed packages add to the command line, found through entry points."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

COMMANDS = "deepsim.commands"
"""Each entry is a callable that adds its commands to the Typer app that it is given."""

CHECKS = "deepsim.checks"
"""Each entry is a callable that returns what `deepsim doctor` shows: dicts with name, ok, found
and mend."""


def installed(group: str) -> tuple[dict[str, Callable[..., Any]], dict[str, str]]:
    """The callables of a group by name, and why others could not be loaded."""
    found: dict[str, Callable[..., Any]] = {}
    failed: dict[str, str] = {}
    for entry in entry_points(group=group):
        try:
            found[entry.name] = entry.load()
        except (ImportError, AttributeError) as error:
            failed[entry.name] = str(error)
    return found, failed
