"""Animation in Krita: at which frames a drawing changes, what it is there, an animated result."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator, Sequence

from krita import Krita

from .kra_animation import AnimationFile
from .nodes import find
from .pixels.colour import SRGB8, band_of, convert, space_of, warm
from .pixels.pace import Bands
from .pixels.reading import quiet, read
from .state import Box, Picture
from .steps import Work, WorkFor
from .text import _

_SCRATCH = "frames"


def keyframes(document: Any, nodes: Sequence[Any]) -> tuple[int, ...]:
    """The frames within the clip at which any of the nodes, or what is in them, changes.

    Empty when nothing is animated.
    """
    animated = [node for top in nodes for node in _with_children(top) if node.animated()]
    if not animated:
        return ()
    first, last = max(0, document.fullClipRangeStartTime()), document.fullClipRangeEndTime()
    found = {
        time
        for time in range(first, last + 1)
        if any(node.hasKeyframeAtTime(time) for node in animated)
    }
    # What is shown at the first frame may have been set before it.
    return tuple(sorted({first} | found))


def _with_children(node: Any) -> Iterator[Any]:
    yield node
    for child in node.childNodes():
        yield from _with_children(child)


class KritaReel:
    """A copy of a document that can be set to any time without touching the artist's own."""

    def __init__(self, document: Any) -> None:
        self._copy = document.clone()
        self._copy.setBatchmode(True)

    def wind(self, time: int) -> None:
        """Goes to a frame."""
        self._copy.setCurrentTime(time)

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        """Reads a layer in a part of the canvas (None: all of it) as it is at that frame, in steps.

        Raises:
            GoneError: the layer was deleted.
        """
        copy = self._copy
        yield from quiet(copy)
        whole = (0, 0, copy.width(), copy.height())
        return (yield from read(copy, find(copy, uid), box or whole))

    def close(self) -> None:
        """Gives the copy back."""
        self._copy.setModified(False)
        self._copy.close()


class KritaStrip:
    """The frames of a result, on disk until `layer` makes them one."""

    def __init__(self, document: Any) -> None:
        # Removed at the latest when Krita's Python ends, should Krita be closed in the middle.
        self._files = tempfile.TemporaryDirectory(prefix="deepsim-frames-")
        folder = Path(self._files.name)
        self._path = folder / f"{_SCRATCH}.kra"
        self._space = space_of(document)
        size = self._size = document.width(), document.height()
        try:
            template = folder / "template.kra"
            self._maker = _save_template(template, self._space)
            last = document.fullClipRangeEndTime()
            try:
                self._file = AnimationFile(self._path, template, size, last)
            except BaseException:
                _discard(self._maker)
                raise
        except BaseException:
            self._remove_files()
            raise

    def adding(self, time: int, picture: Picture, place: tuple[int, int] = (0, 0)) -> Work:
        """Keeps a frame whose left top pixel is at `place`, in steps.

        Raises:
            OSError: there is no room for it.
        """
        picture = on_canvas(picture, self._size, place)
        copy, width = self._maker, picture.width
        if self._space != SRGB8:
            yield from warm(copy, SRGB8, self._space)
        raw = bytearray()
        bands = Bands(width, picture.height, converting=self._space != SRGB8)
        for top, rows in bands:
            rgba = bytes(picture.rgba[4 * width * top : 4 * width * (top + rows)])
            work = convert(copy, band_of(rgba, width, rows), self._space)
            raw += (yield from bands.through(work)).raw
            yield from bands.pause()
        yield from self._file.add(time, bytes(raw))

    def layer(self) -> Any:
        """All frames as a node that is in no document yet."""
        self._file.finish()
        source = Krita.instance().openDocument(str(self._path))
        if source is None:
            raise OSError(_("Krita could not read the frames that were written for it."))
        source.setBatchmode(True)
        try:
            source.waitForDone()
            return source.topLevelNodes()[0].duplicate()
        finally:
            _discard(source)

    def close(self) -> None:
        """Removes the files."""
        self._file.close()
        _discard(self._maker)
        self._remove_files()

    def _remove_files(self) -> None:
        with suppress(OSError):  # they are in the system's folder for such files
            self._files.cleanup()


def on_canvas(picture: Picture, size: tuple[int, int], place: tuple[int, int]) -> Picture:
    """The picture at a place of a transparent canvas."""
    if place == (0, 0) and (picture.width, picture.height) == size:
        return picture
    (width, height), (left, top) = size, place
    rgba, line = bytearray(4 * width * height), 4 * picture.width
    for row in range(max(0, min(picture.height, height - top))):
        start = 4 * ((top + row) * width + left)
        kept = min(line, 4 * (width - left))
        rgba[start : start + kept] = picture.rgba[row * line : row * line + kept]
    return Picture(width, height, bytes(rgba))


def _save_template(path: Path, space: tuple[str, str, str]) -> Any:
    """One pixel in the wanted colour space, saved by Krita, which knows how.

    Returns the document, which nobody sees, for converting pixels with; close it.
    """
    document = Krita.instance().createDocument(1, 1, _SCRATCH, *space, 72.0)
    try:
        document.setBatchmode(True)
        for node in document.topLevelNodes():
            node.remove()
        document.rootNode().addChildNode(document.createNode(_SCRATCH, "paintlayer"), None)
        document.waitForDone()
        if not document.saveAs(str(path)):
            raise OSError(_("{file} could not be written by Krita.").format(file=path))
        document.waitForDone()
    except BaseException:
        _discard(document)
        raise
    return document


def _discard(document: Any) -> None:
    document.setModified(False)
    document.close()
