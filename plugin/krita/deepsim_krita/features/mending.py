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
        self._restarting = False
        session.engine.changed.connect(self._on_engine)

    def restart_engine(self) -> None:
        """Ends the engine, which saves its checkpoint first, and starts it again."""
        session = self._session
        if session.engine.state == "ready":
            self._restarting = True
            session.ask("shutdown", {}, lambda reply: None)
            session.say(Notice("info", _("The engine is restarting.")))
        else:
            session.connect()

    def open_log(self) -> None:
        """Shows the engine's log in the system's viewer of texts."""
        if not self._session.editor.open_file(self._log):
            text = _("There is no log yet; it would be {path}.").format(path=self._log)
            self._session.say(Notice("warning", text))

    def _on_engine(self, name: str) -> None:
        if self._restarting and self._session.engine.state in {"idle", "failed"}:
            self._restarting = False
            self._session.connect()
