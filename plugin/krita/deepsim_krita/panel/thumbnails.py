"""Small images of pictures that may be large."""

from __future__ import annotations

from typing import Any

from ..qt import QImage, Qt
from ..state import Picture


def shrunk(picture: Picture, side: int) -> Any:
    """An image of its own whose longer side is at most `side`.

    Quick also for a large canvas: pixels are skipped first, and only few are averaged.
    """
    few = picture.shrunk(3 * side)
    kind = QImage.Format.Format_RGBA8888
    whole = QImage(bytes(few.rgba), few.width, few.height, 4 * few.width, kind).copy()
    if max(few.width, few.height) <= side:
        return whole
    fit, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return whole.scaled(side, side, fit, smooth)
