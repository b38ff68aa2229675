"""Krita's documents behind a small adapter: ids, layers, pixels in, pixels out.

Krita's objects die under their Python wrappers when a document closes or a layer is deleted, and
using a stale node kills Krita. So nothing here keeps one: ids are kept, and looked up each time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator, Mapping, Tuple

from krita import Krita

from .editor import GoneError
from .qt import QDesktopServices, QImage, QTimer, QUrl, image_bytes, image_from_pixels
from .state import LayerInfo, Picture

ANNOTATION = "deepsim"
SRGB8 = ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
"""Colour model, depth and profile whose bytes need no conversion (in memory B, G, R, A)."""

Space = Tuple[str, str, str]


def _space(thing: Any) -> Space:
    return thing.colorModel(), thing.colorDepth(), thing.colorProfile()


class _Scratch:
    """An unshown document with one paint layer, closed at the end of the with block."""

    def __init__(self, width: int, height: int, space: Space, pixels: bytes) -> None:
        self.document = Krita.instance().createDocument(width, height, "scratch", *space, 72.0)
        self.document.setBatchmode(True)
        for node in self.document.topLevelNodes():
            node.remove()
        self.layer = self.document.createNode("pixels", "paintlayer")
        self.layer.setPixelData(pixels, 0, 0, width, height)
        self.document.rootNode().addChildNode(self.layer, None)
        self.document.refreshProjection()
        self.document.waitForDone()

    def __enter__(self) -> _Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self.document.waitForDone()
        self.document.setModified(False)
        self.document.close()


def read_node(node: Any, width: int, height: int) -> Picture:
    """Reads any kind of layer over the canvas, masks applied, as 8-bit sRGB.

    The layer's own opacity and visibility do not matter, so hidden drawings can be read.
    """
    raw = bytes(node.projectionPixelData(0, 0, width, height))
    space = _space(node)
    if space == SRGB8:
        image = QImage(raw, width, height, width * 4, QImage.Format.Format_ARGB32)
        rgba = image_bytes(image.convertToFormat(QImage.Format.Format_RGBA8888))
    else:
        with _Scratch(width, height, space, raw) as scratch:
            image = scratch.document.projection(0, 0, width, height)
            rgba = image_bytes(image.convertToFormat(QImage.Format.Format_RGBA8888))
    return Picture(width, height, rgba)


def pixels_for(picture: Picture, space: Space) -> bytes:
    """The picture's bytes in a document's colour space, as setPixelData wants them."""
    image = image_from_pixels(picture.rgba, picture.width, picture.height)
    bgra = image_bytes(image.convertToFormat(QImage.Format.Format_ARGB32))
    if space == SRGB8:
        return bgra
    with _Scratch(picture.width, picture.height, SRGB8, bgra) as scratch:
        scratch.document.setColorSpace(*space)
        scratch.document.waitForDone()
        return bytes(scratch.layer.pixelData(0, 0, picture.width, picture.height))


def _uid(node: Any) -> str:
    return str(node.uniqueId().toString())


def _is_mask(node: Any) -> bool:
    return bool(node.type().endswith("mask"))


def _walk(parent: Any, level: int = 0) -> Iterator[tuple[Any, int]]:
    """All layers below a node, top to bottom as in the layer docker; masks are left out."""
    for node in reversed(parent.childNodes()):
        if not _is_mask(node):
            yield node, level
            yield from _walk(node, level + 1)


class KritaDocument:
    """One open document; good for one turn of the event loop, not to be kept."""

    def __init__(self, document: Any) -> None:
        self._document = document

    @property
    def uid(self) -> str:
        """The document's id while it is open: Krita gives a new one at each opening."""
        return _uid(self._document.rootNode())

    @property
    def title(self) -> str:
        """The file's name without its ending, else the document's title."""
        file_name = self._document.fileName()
        return Path(file_name).stem if file_name else str(self._document.name())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the canvas in pixels."""
        return self._document.width(), self._document.height()

    def layers(self) -> list[LayerInfo]:
        """All layers from top to bottom."""
        return [
            LayerInfo(uid=_uid(node), name=str(node.name()), level=level)
            for node, level in _walk(self._document.rootNode())
        ]

    def active_layer(self) -> str | None:
        """Id of the active layer; of the layer that a mask belongs to when that is active."""
        node = self._document.activeNode()
        while node is not None and _is_mask(node):
            node = node.parentNode()
        return None if node is None else _uid(node)

    def _node(self, uid: str) -> Any:
        for node, _ in _walk(self._document.rootNode()):
            if _uid(node) == uid:
                return node
        raise GoneError("The layer is not in the document any more.")

    def read(self, uid: str) -> Picture:
        """A layer's pixels over the canvas rectangle, transparent where it has none.

        Raises:
            GoneError: the layer was deleted.
        """
        node = self._node(uid)
        self._document.waitForDone()
        return read_node(node, *self.size)

    def insert(self, picture: Picture, name: str, above: str | None) -> str:
        """Adds a paint layer in one undo step, makes it active and returns its id.

        It goes above the layer `above`, or on top of everything when that is gone.
        """
        try:
            below = self._node(above) if above else None
        except GoneError:
            below = None
        parent = below.parentNode() if below is not None else self._document.rootNode()
        node = self._document.createNode(name, "paintlayer")
        # Pixels first: on an attached layer they would be a change that cannot be undone.
        node.setPixelData(pixels_for(picture, _space(node)), 0, 0, picture.width, picture.height)
        parent.addChildNode(node, below)
        self._document.setActiveNode(node)
        self._document.refreshProjection()
        return _uid(node)

    def visible(self, uid: str) -> bool:
        """Whether the layer's eye is open.

        Raises:
            GoneError: the layer was deleted.
        """
        return bool(self._node(uid).visible())

    def set_visible(self, uid: str, visible: bool) -> None:
        """Opens or closes the layer's eye.

        Raises:
            GoneError: the layer was deleted.
        """
        self._node(uid).setVisible(visible)
        self._document.refreshProjection()

    def recall(self) -> dict[str, Any]:
        """What `remember` stored in the document; empty when nothing (or something strange) is."""
        if ANNOTATION not in self._document.annotationTypes():
            return {}
        try:
            values = json.loads(bytes(self._document.annotation(ANNOTATION)).decode())
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}

    def remember(self, values: Mapping[str, Any]) -> None:
        """Stores JSON-ready values in the document; they are saved with the .kra file."""
        data = json.dumps(dict(values)).encode()
        self._document.setAnnotation(ANNOTATION, "DeepSIM model of this document", data)


class KritaEditor:
    """The running Krita: which documents are open, which one is active."""

    def active(self) -> KritaDocument | None:
        """The document in front, or None."""
        document = Krita.instance().activeDocument()
        if document is None or document.rootNode() is None:
            return None
        return KritaDocument(document)

    def find(self, uid: str) -> KritaDocument | None:
        """The open document with this id, or None when it was closed."""
        for document in Krita.instance().documents():
            root = document.rootNode()
            if root is not None and _uid(root) == uid:
                return KritaDocument(document)
        return None

    def open_file(self, path: str) -> bool:
        """Shows a file in the system's program for it; False when there is no such file."""
        return Path(path).is_file() and QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def open_picture(self) -> None:
        """Lets the artist pick a file to open as a document."""
        # From the event loop: the dialog would keep the caller waiting.
        QTimer.singleShot(0, Krita.instance().action("file_open").trigger)
