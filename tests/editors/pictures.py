"""A photo that scikit-image ships, with edges and segments drawn for it by hand."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
Shape = tuple[tuple[int, int, int, int], tuple[int, int, int]]
"""An ellipse: its box in the picture of 600 x 400 pixels, and its colour."""

SIZE = (300, 200) if os.environ.get("DEEPSIM_SCREENSHOTS") else (150, 100)
"""Small, because training has little time in tests; larger where pictures for the docs are made."""
TABLE, SAUCER, BODY, RIM, COFFEE, SPOON = (
    (150, 90, 40),
    (200, 40, 30),
    (90, 20, 60),
    (240, 240, 230),
    (230, 160, 20),
    (100, 130, 170),
)
# Where things are in the picture of 600 x 400 pixels, as boxes of ellipses.
SHAPES = (
    ((76, 74, 478, 382), SAUCER),
    ((182, 70, 398, 262), BODY),
    ((194, 246, 262, 312), BODY),
    ((178, 14, 406, 200), RIM),
    ((206, 88, 382, 196), COFFEE),
    ((326, 228, 408, 330), SPOON),
)


def photo() -> Pixels:
    """A cup of coffee, (height, width, 3)."""
    full = Image.fromarray(skimage.data.coffee())
    return np.asarray(full.resize(SIZE, Image.Resampling.LANCZOS))


def _scaled(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    x, y = SIZE[0] / 600, SIZE[1] / 400
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def segments(*extra: Shape) -> Pixels:
    """Flat colours for the photo, (height, width, 4); `extra` ellipses are painted over it."""
    image = Image.new("RGBA", SIZE, (*TABLE, 255))
    draw = ImageDraw.Draw(image)
    for box, colour in (*SHAPES, *extra):
        draw.ellipse(_scaled(box), fill=(*colour, 255))
    return np.asarray(image)


def edges(*extra: Shape) -> Pixels:
    """The outlines of `segments(*extra)` in black on transparent, (height, width, 4)."""
    flat = segments(*extra).astype(np.int16)
    lines = np.zeros(flat.shape[:2], bool)
    lines[:, 1:] |= (flat[:, 1:] != flat[:, :-1]).any(axis=2)
    lines[1:] |= (flat[1:] != flat[:-1]).any(axis=2)
    pixels = np.zeros(flat.shape, np.uint8)
    pixels[lines] = (0, 0, 0, 255)
    return pixels
