"""The edge between Qt's signals and our code: an error there must never open Krita's dialog."""

from __future__ import annotations

import functools
import sys
import traceback
from typing import Any, Callable

from .text import _

Report = Callable[[str], None]


def guarded(slot: Callable[..., Any], report: Report | None = None) -> Callable[..., Any]:
    """Wraps a slot: whatever it raises goes to Krita's log and becomes one sentence.

    Signals that pass a `checked` flag need no care: surplus arguments are the slot's business.
    """

    @functools.wraps(slot)
    def run(*args: Any) -> Any:
        try:
            return slot(*args)
        except Exception as e:  # noqa: BLE001  the boundary: Krita would show a traceback dialog
            traceback.print_exc(file=sys.stderr)
            if report is not None:
                text = _("Something went wrong inside the plugin ({error}).")
                report(text.format(error=f"{type(e).__name__}: {e}"))
            return None

    return run
