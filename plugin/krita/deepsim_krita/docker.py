"""The docker's frame, which needs none of the bundled libraries."""

from __future__ import annotations

from typing import Any

from krita import DockWidget

from .qt import QFrame, QScrollArea, Qt, QWidget
from .state import Notice
from .widgets import MessageLabel

TITLE = "DeepSIM"


def problem_content(problem: str) -> QWidget:
    """What the docker shows when the plugin cannot work: why, and what to do."""
    label = MessageLabel()
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.show_notice(Notice("error", problem))
    return label


class DeepSimDocker(DockWidget):
    """Krita's docker around its content, which may be higher than the room there is."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        self.setWidget(area)

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802  Krita's name
        """Krita calls this when another document comes to the front; the timer looks anyway."""
