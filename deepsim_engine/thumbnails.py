"""A small picture of a training pair, kept in the model file's metadata. Needs no torch."""

import base64
import binascii
import io
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError, safe_open

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels, over_white
from deepsim_engine.primitive import Primitive

KEY = "thumbnail"
SIDE = 128
"""Longest side in pixels of picture and drawing together."""
_LONGEST_TEXT = 96 * 1024
"""Characters; a noisy picture of 128 x 128 pixels has about 66 000."""
_GAP = 2
_DARK = 110  # of 255: lines on darker colours are white


def make_thumbnail(image: Pixels, primitive: Primitive) -> str:
    """PNG in base64: the picture, and its drawing beside it, or below if they are wide.

    `image` is (H, W, 3 or 4) uint8 of the primitive's size.
    """
    parts = (Image.fromarray(over_white(image)), Image.fromarray(drawing(primitive)))
    width, height = parts[0].size
    beside = width <= height
    room = (SIDE - _GAP) // 2
    scale = min(
        1.0, min(room / width, SIDE / height) if beside else min(SIDE / width, room / height)
    )
    small = (max(1, int(width * scale)), max(1, int(height * scale)))
    across, down = (small[0] + _GAP, 0) if beside else (0, small[1] + _GAP)
    sheet = Image.new("RGB", (small[0] + across, small[1] + down), "white")
    for number, part in enumerate(parts):
        reduced = part.resize(small, Image.Resampling.BOX)
        sheet.paste(reduced, (number * across, number * down))
    encoded = io.BytesIO()
    sheet.save(encoded, format="PNG", optimize=True)
    return base64.b64encode(encoded.getvalue()).decode("ascii")


def drawing(primitive: Primitive) -> Pixels:
    """The primitive as (H, W, 3) for people: segments in their colours, lines over them.

    Lines are black on light and white on dark, what is unpainted is white.
    """
    if primitive.painting is not None:
        return primitive.painting
    width, height = primitive.size
    picture = np.full((height, width, 3), 255, np.uint8)
    if primitive.classes is not None and primitive.palette is not None:
        picture = over_white(primitive.palette.paint(primitive.classes))
    if primitive.edges is not None:
        under = picture[primitive.edges]
        picture[primitive.edges] = np.where(under.mean(1, keepdims=True) < _DARK, 255, 0)
    return picture


def read_thumbnail(path: Path) -> bytes | None:
    """The PNG in a model file, at most 128 x 128 pixels; None where there is none, or no good one.

    No tensor is read. Raises InputError when the file is missing or no safetensors file.
    """
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist (wanted as a DeepSIM model).") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is damaged or not a DeepSIM model: {error}.") from error
    return None if text is None else _checked(text)


def _checked(text: str) -> bytes | None:
    """The PNG if it is one of the right size: a file from elsewhere may hold anything."""
    if len(text) > _LONGEST_TEXT:
        return None
    try:
        png = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            fits = max(image.size) <= SIDE
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, SyntaxError):
        return None
    return png if fits else None
