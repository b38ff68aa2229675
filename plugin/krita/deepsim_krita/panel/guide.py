"""What to do next, in a sentence; the button for it is the emphasised one further down."""

from __future__ import annotations

from ..qt import QLabel, QSizePolicy
from ..studio import Studio
from .parts import Section, button, emphasise

AGAIN = "train_again"


class GuideSection(Section):
    """The sentence, and the button where no other section has it."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._guiding, self._session = studio.guiding, studio.session
        self.text = QLabel()
        self.text.setObjectName("deepsim_guide")
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.open = button("deepsim_open_button", studio.actions["open_picture"])
        self.again = button("deepsim_again_button", studio.actions[AGAIN])
        self.column.addWidget(self.text)
        for made in (self.open, self.again):
            emphasise(made, True)
            self.column.addWidget(made)

    def refresh(self) -> None:
        """Shows the next step."""
        step = self._guiding.next
        self.text.setText(step.text)
        notice = self._session.shown_notice
        offered = notice is not None and notice.mend == AGAIN
        self.open.setVisible(step.action == "open_picture")
        self.again.setVisible(step.action == AGAIN and not offered)
