"""How the loss falls, small."""

from __future__ import annotations

import math
from typing import Any, Sequence

from ..progress import Point
from ..qt import QPainter, QPalette, QPen, QPointF, QPolygonF, QSize, QSizePolicy, QWidget
from ..text import _


class LossCurve(QWidget):
    """A line from the first step to the last, on a logarithmic scale between its own extremes."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("deepsim_loss")
        self.setAccessibleName(_("Loss"))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._points: tuple[Point, ...] = ()

    @property
    def points(self) -> tuple[Point, ...]:
        """What is on show: (step, loss) in order."""
        return self._points

    def show_points(self, points: Sequence[Point]) -> None:
        """Shows these (step, loss)."""
        if tuple(points) != self._points:
            self._points = tuple(points)
            if points:
                text = _("Loss, falling while it learns: {first:.3g} at first, {last:.3g} now")
                self.setToolTip(text.format(first=points[0][1], last=points[-1][1]))
            self.update()

    def sizeHint(self) -> Any:  # noqa: N802  Qt's name
        """Small."""
        return QSize(100, 36)

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draws the line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        line = polyline(self._points, self.width(), self.height())
        if len(line) > 1:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 1.5))
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line]))
        painter.end()


def polyline(points: Sequence[Point], width: float, height: float) -> list[Point]:
    """The points in a box of this size with a margin of 3, as far as they have logarithms."""
    usable = [(step, math.log(loss)) for step, loss in points if loss > 0]
    if not usable:
        return []
    first, last = usable[0][0], usable[-1][0]
    low, high = min(y for _x, y in usable), max(y for _x, y in usable)
    across, down = (width - 6) / max(1.0, last - first), (height - 6) / max(1e-9, high - low)
    return [(3 + (x - first) * across, 3 + (high - y) * down) for x, y in usable]
