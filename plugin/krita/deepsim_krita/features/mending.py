"""What mends errors that no other ability mends: the engine's restart, its log."""

from __future__ import annotations

from ..session import Session
from ..state import Notice
from ..text import _


class Mending:
    """Behind the buttons that stand beside error messages.

    Args:
        session: the core.
        log: path of the engine's log.
    """

    def __init__(self, session: Session, log: str) -> None:
        self._session = session
        self._log = log

    def restart_engine(self) -> None:
        """Ends the engine, hanging or not, and starts it anew; trainings go on with that one."""
        self._session.restart()
        self._session.say(Notice("info", _("The engine is restarting.")))

    def open_log(self) -> None:
        """Shows the engine's log in the system's viewer of texts."""
        if not self._session.editor.open_file(self._log):
            text = _("There is no log yet; it would be {path}.").format(path=self._log)
            self._session.say(Notice("warning", text))
