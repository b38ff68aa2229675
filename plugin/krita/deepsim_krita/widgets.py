"""Small widgets of the docker."""

from __future__ import annotations

from typing import Any, Sequence

from .qt import (
    QColor,
    QComboBox,
    QImage,
    QLabel,
    QPainter,
    QPalette,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QTextOption,
    QWidget,
    image_from_pixels,
)
from .state import Notice, Picture

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


class Choice(QComboBox):
    """A combo box of (text, key) items that may shrink to the width of a narrow docker."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAccessibleName(name)
        self.setMinimumContentsLength(6)
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

    @property
    def key(self) -> str:
        """The key of the item that is chosen."""
        return str(self.currentData())


class PreviewBox(QWidget):
    """A picture, scaled to the width there is; a sentence while there is none."""

    HEIGHT = 160

    def __init__(self, placeholder: str) -> None:
        super().__init__()
        self.setObjectName("deepsim_preview")
        self._placeholder = placeholder
        self._picture: Picture | None = None
        self._image: QImage | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def picture(self) -> Picture | None:
        """What is on show."""
        return self._picture

    def show_picture(self, picture: Picture | None, placeholder: str) -> None:
        """Shows a picture, or the sentence when there is none."""
        if picture is self._picture and placeholder == self._placeholder:
            return
        self._placeholder = placeholder
        if picture is not self._picture:
            self._picture = picture
            self._image = None
            if picture is not None:
                whole = image_from_pixels(bytes(picture.rgba), picture.width, picture.height)
                # A large result is kept small here: the docker is never wider than this.
                self._image = (
                    whole
                    if max(picture.width, picture.height) <= 768
                    else whole.scaled(
                        768,
                        768,
                        Qt.AspectRatioMode.KeepAspectRatio,
                        Qt.TransformationMode.SmoothTransformation,
                    )
                )
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        """A modest height; the width is whatever the docker has."""
        return QSize(200, self.HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Small enough for a low docker."""
        return QSize(80, 56 if self._image is None else 96)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """The height follows from the picture's shape."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """As high as the picture is at this width, within reason."""
        if self._image is None:
            return 56
        wanted = round(width * self._image.height() / max(1, self._image.width()))
        return max(96, min(wanted, 420))

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draws the picture in the middle, on a frame that fits light and dark themes."""
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        if self._image is None:
            painter.setPen(palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text))
            option = QTextOption(Qt.AlignmentFlag.AlignCenter)
            option.setWrapMode(QTextOption.WrapMode.WordWrap)
            inner = QRectF(self.rect().adjusted(6, 4, -6, -4))
            painter.drawText(inner, self._placeholder, option)
        else:
            ratio = self.devicePixelRatioF()
            size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            scaled = self._image.scaled(
                size * ratio,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            scaled.setDevicePixelRatio(ratio)
            left = (self.width() - size.width()) // 2
            painter.drawImage(left, (self.height() - size.height()) // 2, scaled)
        painter.end()


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
