"""One door to Qt for both bindings: PyQt5 (Krita 5) and PyQt6 (Krita 6).

Enums are written in their long form everywhere (``Qt.AlignmentFlag.AlignTop``), which both know.
The binding that Krita has already loaded wins: loading the other one as well would put two Qts
into one process.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

QT6 = "PyQt5.QtCore" not in sys.modules and (
    "PyQt6.QtCore" in sys.modules or find_spec("PyQt6") is not None
)

NAMES = {
    "QtCore": "QEvent QLocale QObject QPointF QRect QRectF QSaveFile QSize Qt QTimer QUrl",
    "QtGui": "QColor QColorSpace QDesktopServices QIcon QImage QImageReader"
    " QPainter QPalette QPen QPixmap QPolygonF QTextOption",
    "QtWidgets": "QApplication QCheckBox QComboBox QDialog QDialogButtonBox QFileDialog QFormLayout"
    " QFrame QHBoxLayout QLabel QLineEdit QListWidget QListWidgetItem QMenu"
    " QMessageBox QProgressBar QPushButton QScrollArea QSizePolicy QSlider"
    " QSpinBox QStyle QStyleOptionComboBox QStylePainter QToolBar QToolButton QVBoxLayout QWidget",
}
"""Every Qt name that the plugin uses, by the module it comes from."""

_HOMES = {name: module for module, names in NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Fetches a name from the binding when it is imported from here the first time."""
    binding = "PyQt6" if QT6 else "PyQt5"
    if name == "sip":
        found: Any = import_module(f"{binding}.sip")
    elif name in _HOMES:
        found = getattr(import_module(f"{binding}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"{name} is not listed in {__name__}.NAMES")
    globals()[name] = found
    return found


def image_bytes(image: Any) -> bytes:
    """The pixels of an image of four bytes a pixel, rows top to bottom, without padding."""
    pointer = image.constBits()
    pointer.setsize(image.height() * image.bytesPerLine())
    return bytes(pointer)


def image_from_pixels(data: bytes, width: int, height: int, channels: int = 4) -> Any:
    """An image of its own from R,G,B,A (or R,G,B for three channels) bytes."""
    QImage = __getattr__("QImage")  # noqa: N806
    kind = QImage.Format.Format_RGBA8888 if channels == 4 else QImage.Format.Format_RGB888
    return QImage(data, width, height, width * channels, kind).copy()
