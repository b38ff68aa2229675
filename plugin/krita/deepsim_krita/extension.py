"""The actions in Tools > DeepSIM; their shortcuts are in deepsim.action."""

from __future__ import annotations

from typing import Any, Callable

from krita import Extension

from .guard import guarded
from .qt import QMenu, sip

MENU = "deepsim_menu"
ACTIONS = (
    ("deepsim_train", "Train on Layer"),
    ("deepsim_apply", "Apply Primitive Edit"),
    ("deepsim_edges", "Extract Edges"),
    ("deepsim_segment", "Segment Layer"),
    ("deepsim_cancel", "Cancel"),
)
CANCEL = "deepsim_cancel"


class DeepSimExtension(Extension):
    """Adds the menu to each window.

    Args:
        parent: the Krita instance.
        handlers: what each action of ACTIONS does.
    """

    def __init__(self, parent: Any, handlers: dict[str, Callable[[], None]]) -> None:
        super().__init__(parent)
        self._handlers = handlers
        self._actions: list[Any] = []

    def setup(self) -> None:
        """Krita calls this once; nothing is to be done."""

    def createActions(self, window: Any) -> None:  # noqa: N802  Krita's name
        """Krita calls this for each new window."""
        parent = window.createAction(MENU, "DeepSIM", "tools")
        menu = QMenu(MENU, window.qwindow())
        parent.setMenu(menu)
        for name, text in ACTIONS:
            action = window.createAction(name, text, f"tools/{MENU}")
            action.triggered.connect(guarded(self._slot(name)))
            self._actions.append(action)

    def _slot(self, name: str) -> Callable[..., None]:
        handler = self._handlers[name]
        return lambda *_: handler()

    def enable(self, *, document: bool, job: bool) -> None:
        """Greys the actions that have nothing to work on."""
        self._actions = [action for action in self._actions if not sip.isdeleted(action)]
        for action in self._actions:
            wanted = job if action.objectName() == CANCEL else document
            if action.isEnabled() != wanted:
                action.setEnabled(wanted)
