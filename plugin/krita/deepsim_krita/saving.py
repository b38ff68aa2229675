"""Knowing when a document may be about to be saved: Krita tells only afterwards."""

from __future__ import annotations

from typing import Any, Callable

from .qt import QEvent, QObject, Qt, QToolBar, QToolButton

SAVES = (
    "file_save",
    "file_save_as",
    "file_export_file",
    "file_export_advanced",
    "save_incremental_version",
    "save_incremental_backup",
    "render_animation",
    "render_image_sequence",
)
"""Krita's actions that write the picture to a file."""
WATCHED = "deepsim_watched"


class SavingWatch(QObject):
    """Calls back before any of the ways in which a person saves: shortcut, menu, toolbar.

    A script that saves, and what Krita saves by itself, cannot be foreseen.
    """

    def __init__(self, about_to_save: Callable[[], None], parent: Any = None) -> None:
        super().__init__(parent)
        self._about_to_save = about_to_save

    def watch(self, application: Any) -> None:
        """Begins with the window in front; doing so again costs little and does no harm."""
        window = application.activeWindow()
        if window is None:
            return
        actions = [application.action(name) for name in SAVES]
        actions = [action for action in actions if action is not None]
        bar = window.qwindow().menuBar()
        menus = [entry.menu() for entry in bar.actions() if entry.menu() is not None]
        # Going through all that is in the window, for its buttons, takes 0.1 s.
        tools = window.qwindow().findChildren(
            QToolBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        )
        buttons = [tool.widgetForAction(action) for tool in tools for action in actions]
        for action in actions:
            if self._new(action):
                action.installEventFilter(self)
        for menu in menus:
            if any(action in actions for action in menu.actions()) and self._new(menu):
                menu.aboutToShow.connect(self._about_to_save)
        for button in buttons:
            if isinstance(button, QToolButton) and self._new(button):
                button.pressed.connect(self._about_to_save)

    def watch_new(self, application: Any) -> None:
        """Begins with the window in front if nobody has begun with it; cheap, for calling often."""
        window = application.activeWindow()
        if window is not None and self._new(window.qwindow()):
            self.watch(application)

    @staticmethod
    def _new(thing: Any) -> bool:
        known = bool(thing.property(WATCHED))
        thing.setProperty(WATCHED, True)
        return not known

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  Qt's name
        """A shortcut comes here before the action is told of it."""
        if event.type() == QEvent.Type.Shortcut:
            self._about_to_save()
        return False
