"""The docker's frame, which needs none of the bundled libraries."""

from __future__ import annotations

from typing import Any, Callable

from krita import DockWidget

from .guard import guarded
from .qt import QPushButton, QVBoxLayout, QWidget
from .state import Notice
from .text import _
from .widgets import MessageLabel

TITLE = "DeepSIM"


class ProblemContent(QWidget):
    """What the docker shows when the plugin cannot work: why, what to do, and Retry."""

    def __init__(self, problem: str, retry: Callable[[], None]) -> None:
        super().__init__()
        label = MessageLabel()
        label.show_notice(Notice("error", problem))
        button = QPushButton(_("Retry"))
        button.setObjectName("deepsim_retry_button")
        button.setToolTip(_("Try to load the plugin again"))
        button.clicked.connect(guarded(lambda *_: retry()))
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addWidget(label)
        column.addWidget(button)
        column.addStretch(1)


class DeepSimDocker(DockWidget):
    """Krita's docker around its content."""

    def __init__(self, content: Any) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setWidget(content)

    def show_content(self, content: Any) -> None:
        """Puts another content into the frame; the old one is deleted."""
        old = self.widget()
        self.setWidget(content)
        content.show()
        if old is not None:
            old.deleteLater()

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802  Krita's name
        """Krita calls this when another document comes to the front; the timer looks anyway."""
