"""The first line: what the engine does."""

from __future__ import annotations

from ..qt import QLabel, QSizePolicy
from ..studio import Studio
from ..widgets import StateDot
from .parts import Section, row, tool


class EngineSection(Section):
    """A dot, a few words, and the way to the settings."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._session = studio.session
        self.dot = StateDot()
        self.engine = QLabel()
        self.engine.setObjectName("deepsim_engine")
        self.engine.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        settings = studio.actions["settings"]
        self.settings = tool("deepsim_settings", "configure", settings.tip, settings.run)
        self.column.addWidget(row(self.dot, self.engine, self.settings))

    def refresh(self) -> None:
        """Shows the engine's state."""
        engine = self._session.engine
        self.dot.show_state(engine.state)
        self.engine.setText(engine.text)
        self.engine.setToolTip(engine.message or engine.text)
