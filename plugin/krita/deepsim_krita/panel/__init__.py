"""The docker's content: thin widgets that show the studio and hand clicks to it."""

from __future__ import annotations

from ..guard import guarded
from ..qt import QTimer, QVBoxLayout, QWidget
from ..studio import Studio
from .applying import ApplyingSection
from .engine import EngineSection
from .layers import LayersSection
from .message import MessageSection
from .training import TrainingSection

SECTIONS = (EngineSection, LayersSection, TrainingSection, ApplyingSection, MessageSection)
"""From top to bottom."""


class Panel(QWidget):
    """All of the docker's content; `refresh` brings it up to date with the studio."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.setSpacing(5)
        self._sections = [section(studio) for section in SECTIONS]
        for section in self._sections:
            column.addWidget(section)
        column.addStretch(1)
        # Many changes in one turn of the event loop, one refresh.
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(guarded(self.refresh))
        changed, callback = studio.session.changed, self._on_change
        changed.connect(callback)
        self.destroyed.connect(lambda *_: changed.disconnect(callback))
        self.refresh()

    def refresh(self) -> None:
        """Shows everything as it is."""
        for section in self._sections:
            section.refresh()

    def _on_change(self, name: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()
