"""One door to Qt for both bindings: PyQt5 (Krita 5) and PyQt6 (Krita 6).

Enums are written in their long form everywhere (``Qt.AlignmentFlag.AlignTop``), which both know.
The binding that Krita has already loaded wins: loading the other one as well would put two Qts
into one process.
"""

from __future__ import annotations

import sys

if "PyQt5.QtCore" in sys.modules:
    QT6 = False
elif "PyQt6.QtCore" in sys.modules:
    QT6 = True
else:
    try:
        import PyQt6.QtCore  # noqa: F401

        QT6 = True
    except ImportError:
        QT6 = False

if QT6:
    from PyQt6 import sip
    from PyQt6.QtCore import QObject, QRectF, QSize, Qt, QTimer
    from PyQt6.QtGui import QColor, QIcon, QImage, QPainter, QPalette, QTextOption
    from PyQt6.QtWidgets import (
        QCheckBox,
        QComboBox,
        QFormLayout,
        QFrame,
        QHBoxLayout,
        QLabel,
        QMenu,
        QProgressBar,
        QPushButton,
        QScrollArea,
        QSizePolicy,
        QSpinBox,
        QToolButton,
        QVBoxLayout,
        QWidget,
    )
else:
    from PyQt5 import sip
    from PyQt5.QtCore import QObject, QRectF, QSize, Qt, QTimer
    from PyQt5.QtGui import QColor, QIcon, QImage, QPainter, QPalette, QTextOption
    from PyQt5.QtWidgets import (
        QCheckBox,
        QComboBox,
        QFormLayout,
        QFrame,
        QHBoxLayout,
        QLabel,
        QMenu,
        QProgressBar,
        QPushButton,
        QScrollArea,
        QSizePolicy,
        QSpinBox,
        QToolButton,
        QVBoxLayout,
        QWidget,
    )

__all__ = [
    "QT6",
    "QCheckBox",
    "QColor",
    "QComboBox",
    "QFormLayout",
    "QFrame",
    "QHBoxLayout",
    "QIcon",
    "QImage",
    "QLabel",
    "QMenu",
    "QObject",
    "QPainter",
    "QPalette",
    "QProgressBar",
    "QPushButton",
    "QRectF",
    "QScrollArea",
    "QSize",
    "QSizePolicy",
    "QSpinBox",
    "QTextOption",
    "QTimer",
    "QToolButton",
    "QVBoxLayout",
    "QWidget",
    "Qt",
    "image_bytes",
    "image_from_pixels",
    "sip",
]


def image_bytes(image: QImage) -> bytes:
    """The pixels of an image of four bytes a pixel, rows top to bottom, without padding."""
    pointer = image.constBits()
    pointer.setsize(image.height() * image.bytesPerLine())
    return bytes(pointer)


def image_from_pixels(data: bytes, width: int, height: int, channels: int = 4) -> QImage:
    """An image of its own from R,G,B,A (or R,G,B for three channels) bytes."""
    kind = QImage.Format.Format_RGBA8888 if channels == 4 else QImage.Format.Format_RGB888
    return QImage(data, width, height, width * channels, kind).copy()
