"""The docker's content: thin widgets that show the studio and hand clicks to it."""

from __future__ import annotations

from ..guard import guarded
from ..qt import QTimer, QVBoxLayout, QWidget
from ..studio import Studio
from ..widgets import scrolling
from .applying import ApplyingSection
from .drawing import DrawingSection
from .engine import EngineSection
from .guide import GuideSection
from .layers import LayersSection
from .live import LiveSection
from .message import MessageSection
from .parts import in_order
from .results import ResultsSection
from .training import TrainingSection

SECTIONS = (
    EngineSection,
    GuideSection,
    LayersSection,
    DrawingSection,
    TrainingSection,
    ApplyingSection,
    LiveSection,
    ResultsSection,
)
"""From top to bottom: the pictures, which are high, where they push no button out of sight.

The message is below them.
"""


class Panel(QWidget):
    """All of the docker's content; `refresh` brings it up to date with the studio."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._sections = [section(studio) for section in SECTIONS]
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(6, 4, 6, 6)
        column.setSpacing(5)
        for section in self._sections:
            column.addWidget(section)
        column.addStretch(1)
        # Whatever is scrolled out of sight, the message is not.
        message = MessageSection(studio)
        message.column.setContentsMargins(6, 0, 6, 6)
        self._sections.append(message)
        keys = [widget for section in self._sections for widget in in_order(section.column)]
        for one, other in zip(keys, keys[1:]):
            QWidget.setTabOrder(one, other)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addWidget(scrolling(content), 1)
        whole.addWidget(message)
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
