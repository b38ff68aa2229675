"""What to do next, in a sentence; the button for it is the emphasised one further down."""

from __future__ import annotations

from ..qt import QLabel, QSizePolicy
from ..studio import Studio
from .parts import Section, button, emphasise


class GuideSection(Section):
    """The sentence, and the button where no other section has it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._guiding = studio.guiding
        self.text = QLabel()
        self.text.setObjectName("deepsim_guide")
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.open = button("deepsim_open_button", studio.actions["open_picture"])
        emphasise(self.open, True)
        self.column.addWidget(self.text)
        self.column.addWidget(self.open)

    def refresh(self) -> None:
        """Shows the next step."""
        step = self._guiding.next
        self.text.setText(step.text)
        self.open.setVisible(step.action == "open_picture")
