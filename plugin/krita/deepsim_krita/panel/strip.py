"""Small pictures in rows to pick from, by mouse or keyboard: colours, results."""

from __future__ import annotations

from typing import Any, Sequence

from ..guard import guarded
from ..observable import Signal
from ..qt import QColor, QPainter, QPalette, QPen, QRect, QSize, QSizePolicy, Qt, QWidget
from ..state import Colour, Result
from .thumbnails import shrunk

GAP = 3


class Strip(QWidget):
    """Squares in as many rows as the width makes of them.

    `picked` is emitted with the item that was clicked, `marked` with the one that the mouse is over
    or that the arrow keys led to. Space and Return pick what is marked.
    """

    side = 20

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.picked = Signal()
        self.marked = Signal()
        self._items: tuple[Any, ...] = ()
        self._mark = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def items(self) -> tuple[Any, ...]:
        """What is on show."""
        return self._items

    def show_items(self, items: Sequence[Any]) -> None:
        """Shows these, in this order."""
        if tuple(items) != self._items:
            self._items = tuple(items)
            self._mark = min(self._mark, max(0, len(self._items) - 1))
            self.updateGeometry()
            self.update()

    def draw(self, painter: Any, square: Any, item: Any) -> None:
        """Draws one item into its square."""
        raise NotImplementedError

    # ---- Qt

    def _in_a_row(self, width: int) -> int:
        return int(max(1, (width + GAP) // (self.side + GAP)))

    def square(self, index: int) -> Any:
        """Where an item is, in the strip's coordinates."""
        line, place = divmod(index, self._in_a_row(self.width()))
        step = self.side + GAP
        return QRect(place * step, line * step, self.side, self.side)

    def sizeHint(self) -> Any:  # noqa: N802  Qt's name
        """One row."""
        return QSize(4 * (self.side + GAP), self.side)

    def minimumSizeHint(self) -> Any:  # noqa: N802
        """Two squares, so that the docker may be narrow."""
        return QSize(2 * (self.side + GAP), self.side)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """As many rows as the items need."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """The height of all rows."""
        rows = max(1, -(-len(self._items) // self._in_a_row(width)))
        return rows * (self.side + GAP) - GAP

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draws the squares, and the mark while the keyboard is here."""
        painter = QPainter(self)
        palette = self.palette()
        for index, item in enumerate(self._items):
            square = self.square(index)
            self.draw(painter, square, item)
            marked = self.hasFocus() and index == self._mark
            role = QPalette.ColorRole.Highlight if marked else QPalette.ColorRole.Mid
            painter.setPen(QPen(palette.color(role), 3 if marked else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(square.adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Picks what is under the mouse."""
        index = self._under(event)
        if index is not None:
            self._move(index)
            self._emit(self.picked)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: N802
        """Marks what is under the mouse."""
        index = self._under(event)
        if index is not None and index != self._mark:
            self._move(index)
            self._emit(self.marked)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Moves the mark, or picks."""
        moves = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._in_a_row(self.width()),
            Qt.Key.Key_Down: self._in_a_row(self.width()),
        }
        if event.key() in moves:
            index = self._mark + moves[event.key()]
            if 0 <= index < len(self._items):
                self._move(index)
                self._emit(self.marked)
        elif event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._emit(self.picked)
        else:
            super().keyPressEvent(event)

    def _under(self, event: Any) -> int | None:
        for index in range(len(self._items)):
            if self.square(index).contains(event.pos()):
                return index
        return None

    def _move(self, index: int) -> None:
        self._mark = index
        self.update()

    def _emit(self, signal: Signal) -> None:
        if self._mark < len(self._items):
            guarded(signal.emit)(self._items[self._mark])


class Swatches(Strip):
    """The colours of a palette."""

    def draw(self, painter: Any, square: Any, item: Colour) -> None:
        """A flat square."""
        painter.fillRect(square, QColor(*item))


class Results(Strip):
    """What was applied, small."""

    side = 56

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name, tip)
        self._images: dict[Result, Any] = {}

    def show_items(self, items: Sequence[Result]) -> None:
        """Shows these results; each is made small once."""
        self._images = {item: self._images.get(item) or self._small(item) for item in items}
        super().show_items(items)

    def _small(self, item: Result) -> Any:
        # A square of the screen may have several pixels for one of Qt's.
        return shrunk(item.shown, round(self.side * self.devicePixelRatioF()))

    def draw(self, painter: Any, square: Any, item: Result) -> None:
        """The whole picture: what tells one result from another may be at its edge."""
        image = self._images[item]
        size = image.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(square.topLeft(), size)
        place.moveCenter(square.center())
        painter.fillRect(square, self.palette().color(QPalette.ColorRole.Base))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, image)
