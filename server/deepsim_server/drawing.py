"""Pixels between the wire and the library."""

from typing import Any

import numpy as np
from deepsim_client.wire import Frame, Message
from numpy.typing import NDArray

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import check_size

Pixels = NDArray[np.uint8]
Layers = dict[str, Pixels]
"""What a primitive is drawn on, by name: segments, edges, painting."""

LAYERS = ("segments", "edges", "painting")
"""Their names, in the order of Primitive.from_layers."""


class Drawing:
    """Frames as arrays, and arrays as frames."""

    @staticmethod
    def frame(name: str, pixels: Any) -> Frame:
        """An array (H, W, 1, 3 or 4) uint8, or a Pillow image, as a frame."""
        array = np.ascontiguousarray(np.asarray(pixels), dtype=np.uint8)
        return Frame(name, tuple(array.shape), "uint8", array.data.cast("B"))

    @staticmethod
    def rgba(name: str, pixels: Any) -> Frame:
        """The same with an opaque alpha channel where there is none."""
        array = np.asarray(pixels)
        if array.shape[2] == 3:
            array = np.dstack([array, np.full(array.shape[:2], 255, np.uint8)])
        return Drawing.frame(name, array)

    @staticmethod
    def mask(name: str, values: Any) -> Frame:
        """An array (H, W) bool as a frame of one channel, 0 or 255."""
        return Drawing.frame(name, np.asarray(values)[:, :, None] * np.uint8(255))

    @staticmethod
    def pixels(message: Message, name: str) -> Pixels | None:
        """The frame of that name as an array (H, W, 3 or 4), or None. Raises InputError."""
        frame = message.frame(name)
        if frame is None:
            return None
        height, width, _ = frame.shape
        check_size(width, height, f"the {name} layer")
        return _array(frame).copy()

    @staticmethod
    def part(message: Message, name: str) -> Pixels | None:
        """The same of a part of a layer, which may be of any size, and which is not copied."""
        frame = message.frame(name)
        return None if frame is None else _array(frame)

    @staticmethod
    def layers(message: Message) -> Layers:
        """The layers that a request brings whole."""
        found = {name: Drawing.pixels(message, name) for name in LAYERS}
        return {name: pixels for name, pixels in found.items() if pixels is not None}

    @staticmethod
    def image(message: Message) -> Pixels:
        """The picture. Raises InputError when it is missing."""
        pixels = Drawing.pixels(message, "image")
        if pixels is None:
            raise InputError("The picture is missing: the request must have a frame named image.")
        return pixels


def _array(frame: Frame) -> Pixels:
    return np.frombuffer(frame.data, np.uint8).reshape(frame.shape)
