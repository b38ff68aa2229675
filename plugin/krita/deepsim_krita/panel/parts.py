"""What the sections of the docker are made of."""

from __future__ import annotations

from typing import Any, Callable, Iterator

from krita import Krita

from ..actions import Action
from ..guard import guarded
from ..qt import (
    QColor,
    QFormLayout,
    QHBoxLayout,
    QPalette,
    QPushButton,
    QSize,
    QSizePolicy,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from ..state import Colour

LEAST_CONTRAST = 3.0
"""Of bold text on its background, as WCAG 2 asks of large text."""


class Section(QWidget):
    """One part of the docker, from top to bottom; `refresh` shows the state as it is now."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(5)

    def refresh(self) -> None:
        """Brings the widgets up to date."""
        raise NotImplementedError


def button(name: str, action: Action, text: str = "") -> Any:
    """A button for an action; it may be as narrow as the docker wants."""
    made = QPushButton(text or action.text)
    made.setObjectName(name)
    made.setToolTip(action.tip)
    made.clicked.connect(lambda *_: action.run())
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setMinimumWidth(30)
    return made


def emphasise(button: Any, wanted: bool) -> None:
    """Makes a button the one that catches the eye, in the theme's own accent colour; or not."""
    if button.property("emphasised") == wanted:
        return
    button.setProperty("emphasised", wanted)
    font = button.font()
    font.setBold(wanted)
    button.setFont(font)
    # The style draws the palette's colours; a style sheet would change the button's shape too.
    theme = button.parentWidget().palette() if button.parentWidget() else QPalette()
    colours = QPalette(theme)
    if wanted:
        accent = theme.color(QPalette.ColorRole.Highlight)
        colours.setColor(QPalette.ColorRole.Button, accent)
        # The theme's own text colour is for a flat accent; a button's gradient is lighter.
        text = QColor(*readable_on((accent.red(), accent.green(), accent.blue())))
        colours.setColor(QPalette.ColorRole.ButtonText, text)
    button.setPalette(colours)


def readable_on(background: Colour) -> Colour:
    """Black or white, whichever has the higher contrast by WCAG 2, white preferred in doubt."""
    parts = [value / 255 for value in background]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (255, 255, 255) if 1.05 / (luminance + 0.05) >= LEAST_CONTRAST else (0, 0, 0)


def in_order(layout: Any) -> Iterator[Any]:
    """The widgets of a layout that take the keyboard, in the order in which they are seen."""
    for index in range(layout.count()):
        item = layout.itemAt(index)
        widget, inner = item.widget(), item.layout()
        if widget is not None and widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
            inner = widget.layout()
        elif widget is not None:
            yield widget
        if inner is not None:
            yield from in_order(inner)


def tool(name: str, icon: str, tip: str, slot: Callable[[], None]) -> Any:
    """A small button with one of Krita's icons."""
    made = QToolButton()
    made.setObjectName(name)
    set_icon(made, icon)
    made.setToolTip(tip)
    made.setAccessibleName(tip)
    made.setAutoRaise(True)
    made.setIconSize(QSize(16, 16))
    made.clicked.connect(guarded(lambda *_: slot()))
    return made


def set_icon(made: Any, icon: str) -> None:
    """Gives a button one of Krita's icons, unless it has it."""
    if made.property("icon_name") != icon:
        made.setProperty("icon_name", icon)
        made.setIcon(Krita.instance().icon(icon))


def row(*widgets: Any) -> Any:
    """Widgets side by side."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    for widget in widgets:
        layout.addWidget(widget)
    return made


class Form(QWidget):
    """Labels with their widgets: side by side, or each below its label where that is too narrow."""

    def __init__(self, *rows: tuple[str, Any]) -> None:
        super().__init__()
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._fields = [field for _label, field in rows]
        for row in rows:
            self._rows.addRow(*row)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802  Qt's name
        """Has all rows alike, for one that stands out looks as if it meant something."""
        policy = QFormLayout.RowWrapPolicy
        narrow = self.width() < self._comfortable
        self._rows.setRowWrapPolicy(policy.WrapAllRows if narrow else policy.DontWrapRows)
        super().resizeEvent(event)

    @property
    def _comfortable(self) -> int:
        """The least width, in pixels, at which all fields have beside the labels what they want."""
        labels = max(self._rows.labelForField(field).sizeHint().width() for field in self._fields)
        wanted = max(field.sizeHint().width() for field in self._fields)
        return int(labels + self._rows.horizontalSpacing() + wanted)
