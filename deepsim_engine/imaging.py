"""Pictures in and out: reading, checking, padding and writing them, and what they cost.

A picture is an array (height, width, 3 or 4) of uint8, sRGB, straight alpha, rows top to bottom.
"""

import io
import os
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from deepsim_engine.errors import InputError, WorkError
from deepsim_engine.files import write_atomically

Pixels: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Part: TypeAlias = tuple[slice, slice]
"""Rows and columns."""
Box: TypeAlias = tuple[int, int, int, int]
"""(left, top, width, height) in pixels."""

MIN_SIDE = 2
"""A picture narrower than this has no neighbourhoods to learn from."""

MAX_PIXELS = 2**27
"""Refused above (16384 x 8192): a decompression bomb rather than a drawing."""


def describe_size(pixels: NDArray[Any]) -> str:
    """`640 x 480` for an array (480, 640, ...)."""
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def check_size(width: int, height: int, what: str) -> None:
    """Refuse a picture that is empty, a line, or larger than any canvas; `what` names it."""
    if width < MIN_SIDE or height < MIN_SIDE:
        raise InputError(
            f"{what} is {width} x {height} pixels: it must be at least {MIN_SIDE} pixels "
            "wide and high."
        )
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{what} is {width} x {height} pixels: more than {MAX_PIXELS // 10**6} million "
            "cannot be handled, scale it down first."
        )


def check_sizes(layers: dict[str, NDArray[Any]]) -> None:
    """Refuse named pictures (H, W, ...) of different sizes, telling both sizes."""
    for (first, one), (second, other) in zip(
        list(layers.items())[:-1], list(layers.items())[1:], strict=True
    ):
        check_same_size(one, other, first, second)


def check_same_size(one: NDArray[Any], other: NDArray[Any], first: str, second: str) -> None:
    """Refuse two named pictures (H, W, ...) of different sizes."""
    if one.shape[:2] != other.shape[:2]:
        verb = "is" if first in ("the image", "the painting") else "are"
        other_verb = "is" if second in ("the image", "the painting") else "are"
        raise InputError(
            f"{first[0].upper()}{first[1:]} {verb} {describe_size(one)} pixels but {second} "
            f"{other_verb} {describe_size(other)}: they must have the same size."
        )


def read_image(path: Path | str, what: str = "the image") -> Pixels:
    """Read a picture file as (H, W, 3), or (H, W, 4) when it has transparency, uint8.

    The camera's orientation is applied; 16-bit, gray, palette and CMYK files are converted.
    Raises InputError when the file is missing, unreadable, no picture, or of a refused size.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, but {what} must be a picture file.")
    try:
        with path.open("rb") as file, _opened(file, path, what) as image:
            check_size(*image.size, what=f"{what} {path}")
            image.load()
            return as_pixels(ImageOps.exif_transpose(image), what=f"{what} {path}")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist (wanted as {what}).") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied (wanted as {what}).") from error
    except MemoryError as error:
        raise WorkError(f"There is not enough memory to open {path}.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        # What Pillow's decoders raise for damaged or cut files; the kinds vary by format.
        raise InputError(f"{path} is damaged and cannot be read as {what}: {error}.") from error


def _opened(file: Any, path: Path, what: str) -> Image.Image:
    try:
        with warnings.catch_warnings():  # Pillow warns below the size that we refuse
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{what} {path} has more than {MAX_PIXELS // 10**6} million pixels: scale it down "
            "first."
        ) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture that can be read (wanted as {what}; PNG is best)."
        ) from error


def as_pixels(image: Any, what: str = "the image") -> Pixels:
    """Any Pillow image or array as (H, W, 3) or (H, W, 4) uint8, contiguous.

    Arrays may be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or bool (False is 0, True is
    255). Raises InputError for any other shape or type, and for refused sizes.
    """
    if isinstance(image, Image.Image):
        check_size(*image.size, what=what)
        return _from_pillow(image)
    array = np.asarray(image)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        raise InputError(f"{what} has {array.dtype} values: 8-bit (uint8) values are needed.")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise InputError(
            f"{what} has the shape {array.shape}: (height, width), or (height, width, 3 or 4) "
            "is needed."
        )
    check_size(array.shape[1], array.shape[0], what=what)
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array)


def _from_pillow(image: Image.Image) -> Pixels:
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion of 16-bit gray clips at 255 instead of scaling.
        values = np.asarray(image, dtype=np.float64)
        scale = 257.0 if image.mode != "F" or values.max(initial=0) > 255 else 1.0
        gray = np.clip(np.round(values / scale), 0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return np.array(image.convert(mode), dtype=np.uint8)  # asarray would be read-only


def split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Colour (H, W, 3), and alpha (H, W) or None when the picture has no transparency."""
    if pixels.shape[2] == 3:
        return pixels, None
    return np.ascontiguousarray(pixels[:, :, :3]), alpha_of(pixels)


def box_of(mask: NDArray[np.generic]) -> Box | None:
    """Around all pixels that are not 0; None where there are none."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def part_around(mask: Mask, far: int) -> Part:
    """The part of a mask that goes `far` pixels beyond all that is set; something is."""
    box = box_of(mask)
    assert box is not None  # noqa: S101
    left, top, width, height = box
    rows = slice(max(0, top - far), top + height + far)
    return rows, slice(max(0, left - far), left + width + far)


def alpha_of(pixels: Pixels) -> Pixels | None:
    """Alpha (H, W), or None when the picture has no transparency."""
    if pixels.shape[2] == 3 or (pixels[:, :, 3] == 255).all():
        return None
    return pixels[:, :, 3]


def over_white(pixels: Pixels) -> Pixels:
    """The picture (H, W, 3) as it looks on white paper."""
    colour, alpha = split_alpha(pixels)
    if alpha is None:
        return colour
    share = alpha[:, :, None].astype(np.float32) / 255
    return np.round(colour * share + 255 * (1 - share)).astype(np.uint8)


def write_png(path: Path | str, pixels: NDArray[Any] | Image.Image) -> None:
    """Write a PNG file so that the path holds the old file or the whole new one, never a part.

    Takes a Pillow image, or (H, W), (H, W, 3) or (H, W, 4) of uint8 or bool. Raises WorkError
    when the disk or the folder refuses.
    """
    path = Path(path)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
    encoded = io.BytesIO()
    image.save(encoded, format="PNG")
    try:
        write_atomically(path, encoded.getvalue())
    except OSError as error:
        raise WorkError(f"{path} could not be written: {error.strerror or error}.") from error


def check_memory(needed: int, work: str) -> None:
    """Refuse `work` (named in the sentence) that needs more bytes than the machine can give."""
    available = available_memory()
    if available is not None and needed > available:
        raise InputError(
            f"{work} needs about {needed / 2**30:.1f} GB of memory and {available / 2**30:.1f} GB "
            "are free: scale the picture down, or close other programs."
        )


def available_memory() -> int | None:
    """Bytes that can be had without swapping, or None where the system does not tell."""
    free = _meminfo_available() or _free_pages()
    limit = _cgroup_available()
    return min((amount for amount in (free, limit) if amount is not None), default=None)


def _meminfo_available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _free_pages() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no such call, or name, on this system
        return None


def _cgroup_available() -> int | None:
    """What a container's limit (cgroup 2) leaves, page cache counted as free."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        stat = (folder / "memory.stat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    cached = int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0
    return max(0, int(limit) - used + cached)
