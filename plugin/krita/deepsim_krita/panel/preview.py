"""The docker's picture: what is learned so far, or a result beside its original."""

from __future__ import annotations

from typing import Any

from ..qt import (
    QPainter,
    QPalette,
    QPen,
    QRect,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QTextOption,
    QWidget,
)
from ..state import Picture
from .thumbnails import shrunk

MOST_PIXELS = 768
"""Longest side that is kept for showing: the docker is never wider than this."""


class PreviewBox(QWidget):
    """A picture, scaled to the width there is; a sentence while there is none.

    Left of `split`, a part of the width, it shows the picture before instead.
    """

    HEIGHT = 160

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("deepsim_preview")
        self._placeholder = ""
        self._split = 0.0
        self._pictures: tuple[Picture | None, Picture | None] = (None, None)
        self._images: tuple[Any, Any] = (None, None)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def picture(self) -> Picture | None:
        """What is on show."""
        return self._pictures[0]

    def show_picture(
        self, picture: Picture | None, placeholder: str, before: Picture | None, split: float
    ) -> None:
        """Shows a picture and the one before it, or the sentence when there is none."""
        wanted = (picture, before)
        if all(a is b for a, b in zip(wanted, self._pictures)) and (placeholder, split) == (
            self._placeholder,
            self._split,
        ):
            return
        self._placeholder, self._split = placeholder, split
        known = zip(self._pictures, self._images)
        made = {id(old): image for old, image in known if old is not None}
        self._images = tuple(  # type: ignore[assignment]
            None if new is None else made.get(id(new)) or shrunk(new, MOST_PIXELS) for new in wanted
        )
        self._pictures = wanted
        self.updateGeometry()
        self.update()

    # ---- Qt

    def sizeHint(self) -> Any:  # noqa: N802  Qt's name
        """A modest height; the width is whatever the docker has."""
        return QSize(200, self.HEIGHT)

    def minimumSizeHint(self) -> Any:  # noqa: N802
        """Small enough for a low docker."""
        return QSize(80, 56 if self._images[0] is None else 96)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """The height follows from the picture's shape."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """As high as the picture is at this width, within reason."""
        image = self._images[0]
        if image is None:
            return 56
        wanted = round(width * image.height() / max(1, image.width()))
        return max(96, min(wanted, 420))

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draws the picture in the middle, on a frame that fits light and dark themes."""
        painter = QPainter(self)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        after, before = self._images
        if after is None:
            painter.setPen(palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text))
            option = QTextOption(Qt.AlignmentFlag.AlignCenter)
            option.setWrapMode(QTextOption.WrapMode.WordWrap)
            inner = QRectF(self.rect().adjusted(6, 4, -6, -4))
            painter.drawText(inner, self._placeholder, option)
        else:
            place = self._place(after)
            painter.drawImage(place.topLeft(), self._scaled(after, place))
            if before is not None and self._split > 0:
                left = QRect(place)
                left.setWidth(round(place.width() * self._split))
                painter.setClipRect(left)
                painter.drawImage(place.topLeft(), self._scaled(before, place))
                painter.setClipping(False)
                if self._split < 1:
                    painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1))
                    painter.drawLine(left.topRight(), left.bottomRight())
        painter.end()

    def _place(self, image: Any) -> Any:
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        return QRect(left, top, size.width(), size.height())

    def _scaled(self, image: Any, place: Any) -> Any:
        ratio = self.devicePixelRatioF()
        scaled = image.scaled(
            place.size() * ratio,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        scaled.setDevicePixelRatio(ratio)
        return scaled
