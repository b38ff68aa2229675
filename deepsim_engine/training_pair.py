"""The training pair: a picture and its primitive, as given and as they are learned from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels, as_pixels, describe_size
from deepsim_engine.primitive import Primitive


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """The training pair as given, and at working resolution.

    Attributes:
        image: (H, W, 3 or 4) uint8, as given; `primitive` its primitive.
        colour: (h, w, 3) uint8, what is learned; `working` the primitive of that size.
    """

    image: Pixels
    primitive: Primitive
    colour: Pixels
    working: Primitive

    @classmethod
    def at_working_size(cls, image: Pixels, primitive: Primitive, longest: int) -> "TrainingPair":
        """To be learned with its longest side at most `longest`."""
        size = working_size(primitive.size, longest)
        return cls(image, primitive, working_colour(image, size), primitive.resized(*size))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over its pixels as given."""
        digest = hashlib.sha256()
        drawn = self.primitive
        for layer in (self.image, drawn.classes, drawn.edges, drawn.painting):
            if layer is not None:
                digest.update(f"{layer.shape}".encode())
                digest.update(np.ascontiguousarray(layer).view(np.uint8).data)
        if drawn.palette is not None:
            digest.update(drawn.palette.colours.tobytes())
        return digest.hexdigest()


def working_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) at which a picture of `size` is learned: `longest` is never exceeded."""
    width, height = size
    scale = min(1.0, longest / max(width, height))
    return max(2, round(width * scale)), max(2, round(height * scale))


def visible_colours(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3): wholly transparent pixels get the colour of the nearest visible one."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415  (slow to import)

    colour = np.ascontiguousarray(image[:, :, :3])
    if image.shape[2] == 3 or image[:, :, 3].all() or not image[:, :, 3].any():
        return colour
    hidden = image[:, :, 3] == 0
    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    return colour[rows, columns]


def working_colour(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The colours to learn from, (H, W, 3), at `size` (width, height)."""
    colour = visible_colours(image)
    if size == (colour.shape[1], colour.shape[0]):
        return colour
    return np.asarray(Image.fromarray(colour).resize(size, Image.Resampling.LANCZOS))


def checked_image(image: Any, primitive: Primitive) -> Pixels:
    """The picture as (H, W, 3 or 4) uint8. Raises InputError unless it has the primitive's size."""
    pixels = as_pixels(image)
    if (pixels.shape[1], pixels.shape[0]) != primitive.size:
        width, height = primitive.size
        raise InputError(
            f"The image is {describe_size(pixels)} pixels but its primitive is {width} x {height}:"
            " they must have the same size."
        )
    return pixels
