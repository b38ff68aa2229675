"""Pictures in files, by Qt."""

from __future__ import annotations

from pathlib import Path

from .qt import QColorSpace, QImage, QImageReader, QSaveFile, image_bytes, image_from_pixels
from .state import Picture
from .text import _


def load_picture(path: Path) -> Picture:
    """A picture file as 8-bit sRGB; OSError with a sentence when it is none."""
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    image = reader.read()
    if image.isNull():
        text = _("{file} cannot be read: {error}.")
        raise OSError(text.format(file=path.name, error=reader.errorString().rstrip(".")))
    if image.colorSpace().isValid():
        image.convertToColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgb))
    rgba = image_bytes(image.convertToFormat(QImage.Format.Format_RGBA8888))
    return Picture(image.width(), image.height(), rgba)


def save_picture(picture: Picture, path: Path) -> None:
    """Writes a PNG file, whole or not at all; OSError with a sentence when it cannot be."""
    file = QSaveFile(str(path))
    image = image_from_pixels(bytes(picture.rgba), picture.width, picture.height)
    written = file.open(QSaveFile.OpenModeFlag.WriteOnly) and image.save(file, "PNG")
    if not (written and file.commit()):
        text = _("{file} cannot be written: {error}.")
        raise OSError(text.format(file=path, error=file.errorString().rstrip(".")))
