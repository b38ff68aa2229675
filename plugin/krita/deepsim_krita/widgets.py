"""Small widgets of the docker."""

from __future__ import annotations

from typing import Any, Sequence

from .qt import (
    QColor,
    QComboBox,
    QFrame,
    QLabel,
    QPainter,
    QPalette,
    QScrollArea,
    QSize,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    Qt,
    QWidget,
)
from .state import Notice

TINTS = {
    "info": (120, 120, 120, 45),
    "good": (60, 160, 80, 70),
    "warning": (220, 160, 40, 70),
    "error": (210, 60, 60, 85),
}

DOTS = {
    "ready": "#4caf50",
    "starting": "#e0a030",
    "connecting": "#e0a030",
    "failed": "#d9534f",
}

MARGIN = 4
"""Pixels of a combo box's room for its text that styles leave empty."""
LEAST_LETTERS, LETTERS = 6, 12
"""What a combo box has room for in the narrowest docker, and where there is room."""


def scrolling(content: Any) -> Any:
    """A frame for content that may be higher than the room there is; never wider."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    return area


class Choice(QComboBox):
    """A combo box of (text, key) items that may shrink to the width of a narrow docker.

    `letters` is how many it wants to have room for.
    """

    def __init__(self, name: str, tip: str, letters: int = LETTERS) -> None:
        super().__init__()
        self._letters = letters
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAccessibleName(name)
        self.setMinimumContentsLength(LEAST_LETTERS)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._items: list[tuple[str, str]] = []

    def show_items(self, items: Sequence[tuple[str, str]], current: str) -> None:
        """Shows the items unless they are on show already; a popup in use is left alone."""
        if self.view().isVisible():
            return
        self.blockSignals(True)
        if self._items != list(items):
            self._items = list(items)
            self.clear()
            for text, key in items:
                self.addItem(text, key)
        index = max(0, self.findData(current))
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        self.blockSignals(False)

    def sizeHint(self) -> Any:  # noqa: N802  Qt's name
        """Wider than the least, which is all that Qt knows of."""
        least, letter = super().sizeHint(), self.fontMetrics().horizontalAdvance("X")
        return QSize(least.width() + (self._letters - LEAST_LETTERS) * letter, least.height())

    def paintEvent(self, event: Any) -> None:  # noqa: N802  Qt's name
        """Draws a text that is longer than there is room with an ellipsis at its end."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))  # as Qt's own does
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self)
        end = Qt.TextElideMode.ElideRight
        option.currentText = option.fontMetrics.elidedText(
            option.currentText, end, room.width() - MARGIN
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    @property
    def key(self) -> str:
        """The key of the item that is chosen."""
        return str(self.currentData())


class MessageLabel(QLabel):
    """The last message, wrapped, tinted by how bad it is; selectable, so that it can be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("deepsim_message")
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setContentsMargins(6, 5, 6, 5)
        self._shown: Notice | None = None
        self.hide()

    def show_notice(self, notice: Notice | None) -> None:
        """Shows a message, or nothing."""
        if notice == self._shown:
            return
        self._shown = notice
        self.setVisible(notice is not None)
        self.setText(notice.text if notice is not None else "")

    def paintEvent(self, event: Any) -> None:  # noqa: N802  Qt's name
        """Draws the tint under the text; a style sheet would lose the docker's font."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        level = self._shown.level if self._shown is not None else "info"
        painter.setBrush(QColor(*TINTS.get(level, TINTS["info"])))
        painter.drawRoundedRect(self.rect(), 3, 3)
        painter.end()
        super().paintEvent(event)


class StateDot(QWidget):
    """A coloured dot for the engine's state."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(12, 12)
        self._colour = "#888888"

    def show_state(self, state: str) -> None:
        """Colours the dot."""
        self._colour = DOTS.get(state, "#888888")
        self.update()

    def paintEvent(self, event: Any) -> None:  # noqa: N802  Qt's name
        """Draws the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colour))
        painter.drawEllipse(1, 1, 10, 10)
        painter.end()
