"""Knowing whether a pen is down: Qt counts it among the mouse's buttons only where nobody takes its
events, and Krita's canvas does."""

from __future__ import annotations

from typing import Any

from .qt import QEvent, QObject, Qt

PEN = (QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease)
OTHER = (QEvent.Type.MouseButtonPress, QEvent.Type.FocusOut)
"""What tells that the pen's release was missed: the mouse is used, or another window."""


class PenWatch(QObject):
    """Sees the events of whole windows, before the widgets in them do."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        """Whether a pen touches the tablet, or one of its buttons is held."""

    def watch(self, window: Any) -> None:
        """Begins with a window of Krita's; again for the same one costs little and does no harm."""
        handle = window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  Qt's name
        """Notes what the pen does, and lets every event pass."""
        kind = event.type()
        if kind in PEN:
            held = event.buttons() != Qt.MouseButton.NoButton
            # A move without buttons is a pen in the air; not every system tells of them, though.
            touching = kind == QEvent.Type.TabletMove and event.pressure() > 0
            self.down = held or touching or kind == QEvent.Type.TabletPress
        elif kind in OTHER:
            self.down = False
        return False
