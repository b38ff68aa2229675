"""The actions in Tools > DeepSIM; their shortcuts are in deepsim.action."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from krita import Extension

from .actions import PREFIX, Action
from .qt import QMenu, sip

MENU = "deepsim_menu"
ENTRIES = "deepsim_menu_entries"


class DeepSimExtension(Extension):
    """Adds the menu to each window.

    Args:
        parent: the Krita instance.
        actions: gives the table of actions, when a window is made.
    """

    def __init__(self, parent: Any, actions: Callable[[], Sequence[Action]]) -> None:
        super().__init__(parent)
        self._table = actions
        self._made: list[tuple[Any, Action]] = []

    def setup(self) -> None:
        """Krita calls this once; nothing is to be done."""

    def createActions(self, window: Any) -> None:  # noqa: N802  Krita's name
        """Krita calls this for each new window."""
        parent = window.createAction(MENU, "DeepSIM", "tools")
        menu = QMenu(MENU, window.qwindow())
        menu.setObjectName(ENTRIES)
        parent.setMenu(menu)
        self.add_actions(window)

    def add_actions(self, window: Any) -> None:
        """Fills the menu of a window, in place of what it holds."""
        window.qwindow().findChild(QMenu, ENTRIES).clear()
        for action in self._table():
            if action.menu:
                made = window.createAction(PREFIX + action.id, action.text, f"tools/{MENU}")
                made.triggered.connect(self._slot(action))
                self._made.append((made, action))

    def _slot(self, action: Action) -> Callable[..., None]:
        return lambda *_: action.run()

    def show_enabled(self) -> None:
        """Greys the actions that have nothing to work on."""
        self._made = [(made, action) for made, action in self._made if not sip.isdeleted(made)]
        for made, action in self._made:
            wanted = action.enabled()
            if made.isEnabled() != wanted:
                made.setEnabled(wanted)
