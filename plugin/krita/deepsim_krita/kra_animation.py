"""Animated layers as Krita's own file format keeps them, written frame by frame.

Krita's scripting has no call that sets the pixels of a keyframe. But a .kra file is a zip archive
whose frames are plain tiles, so frames are added to a small .kra that Krita itself saved (it knows
about colour spaces and profiles); Krita then opens the result.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Iterator

from .steps import Work

TILE = 64
_NAMESPACE = "http://www.calligra.org/DTD/krita"
_KEYFRAMES = "http://www.calligra.org/DTD/krita-keyframes"
_RAW = b"\0"
"""First byte of a tile whose pixels follow uncompressed."""


class AnimationFile:
    """A .kra file with one animated paint layer.

    Args:
        path: where to write it.
        template: a .kra of any size with one paint layer, in the wanted colour space.
        size: width and height of the frames in pixels.
        last: number of the animation's last frame.
    """

    def __init__(self, path: Path, template: Path, size: tuple[int, int], last: int) -> None:
        self._size = size
        self._times: list[int] = []
        self._file = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        try:
            self._begin(template, last)
        except BaseException:
            self.close()
            raise

    def _begin(self, template: Path, last: int) -> None:
        """Copies the template, all but its pixels."""
        with zipfile.ZipFile(template) as source:
            for entry in source.infolist():
                if entry.filename != "maindoc.xml":  # "mimetype" must stay the first
                    self._file.writestr(entry.filename, source.read(entry))
            self._file.writestr("maindoc.xml", self._document(source, last))

    def _document(self, source: zipfile.ZipFile, last: int) -> bytes:
        """The template's description, of the frames' size and with keyframes."""
        ET.register_namespace("", _NAMESPACE)
        text = source.read("maindoc.xml")
        root = ET.fromstring(text)  # noqa: S314
        image = root.find(f"{{{_NAMESPACE}}}IMAGE")
        layer = None if image is None else image.find(f".//{{{_NAMESPACE}}}layer")
        if image is None or layer is None:
            raise ValueError("the template has no paint layer")
        image.set("width", str(self._size[0]))
        image.set("height", str(self._size[1]))
        self._layer = layer.get("filename", "")
        folder = next(name for name in source.namelist() if name.endswith(f"/layers/{self._layer}"))
        self._folder = folder[: -len(self._layer)]
        self._default = source.read(f"{folder}.defaultpixel")
        layer.set("keyframes", f"{self._layer}.keyframes.xml")
        clip = image.find(f"{{{_NAMESPACE}}}animation/{{{_NAMESPACE}}}range")
        if clip is not None:
            clip.set("to", str(last))
        # Krita wants the document type, which ElementTree drops.
        return text[: text.index(b"<DOC ")] + ET.tostring(root)

    def add(self, time: int, pixels: bytes) -> Work:
        """Write the keyframe at `time`, a row of tiles between two yields.

        `pixels` are row by row in the template's colour space.
        """
        width, height = self._size
        depth = len(pixels) // (width * height)
        name = f"{self._folder}{self._frame(time)}"
        self._file.writestr(f"{name}.defaultpixel", self._default)
        columns, rows = -(-width // TILE), -(-height // TILE)
        parts = [
            f"VERSION 2\nTILEWIDTH {TILE}\nTILEHEIGHT {TILE}\nPIXELSIZE {depth}\n"
            f"DATA {columns * rows}\n".encode()
        ]
        for top in range(0, height, TILE):
            parts += _row_of_tiles(pixels, width, height, depth, top)
            yield None
        self._file.writestr(name, b"".join(parts))
        self._times.append(time)

    def finish(self) -> None:
        """Write what says when each frame is shown."""
        ET.register_namespace("", _KEYFRAMES)
        root = ET.Element(f"{{{_KEYFRAMES}}}keyframes")
        channel = ET.SubElement(root, f"{{{_KEYFRAMES}}}channel", name="content")
        for time in sorted({0, *self._times}):
            # A layer has a frame at 0 in any case; without one of ours it is the empty one.
            name = self._frame(time) if time in self._times else self._layer
            frame = {"time": str(time), "frame": name, "color-label": "0"}
            keyframe = ET.SubElement(channel, f"{{{_KEYFRAMES}}}keyframe", frame)
            ET.SubElement(keyframe, f"{{{_KEYFRAMES}}}offset", type="point", x="0", y="0")
        self._file.writestr(f"{self._folder}{self._layer}.keyframes.xml", ET.tostring(root))
        self._file.close()

    def close(self) -> None:
        """Close the file, finished or not; one that is not finished is of no use."""
        with suppress(OSError):  # a full disk has no room for the archive's end either
            self._file.close()

    def _frame(self, time: int) -> str:
        return f"{self._layer}.f{time + 1}"


def _row_of_tiles(pixels: bytes, width: int, height: int, depth: int, top: int) -> Iterator[bytes]:
    """The tiles whose first row is `top`, each with its header; outside the picture all zero."""
    line = width * depth
    rows = [pixels[y * line : (y + 1) * line] for y in range(top, min(top + TILE, height))]
    rows += [b""] * (TILE - len(rows))
    for left in range(0, width, TILE):
        start, stop = left * depth, (left + TILE) * depth
        tile = b"".join(row[start:stop].ljust(TILE * depth, b"\0") for row in rows)
        yield f"{left},{top},LZF,{len(tile) + 1}\n".encode() + _RAW + tile
