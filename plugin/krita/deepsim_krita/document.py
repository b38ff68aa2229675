"""Krita's documents behind a small adapter: ids, layers, pixels in, pixels out.

No node of a document is kept here; nodes.py says why.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, Sequence

from krita import Krita, Selection

from .editor import GoneError
from .inserting import attach, insert_group, insert_picture
from .nodes import find, is_mask, uid_of, walk
from .pixels.landmarks import Landmarks, places
from .pixels.reading import is_quiet, quiet, read_selection, reading_now
from .previewing import erasing, show
from .state import Box, Inserted, LayerInfo, Mask, Picture
from .steps import Work, WorkFor, at_once
from .text import names_a_step
from .timeline import KritaReel, KritaStrip, keyframes

ANNOTATION = "deepsim"


@lru_cache(maxsize=None)
def _redo_template() -> str:
    """Krita's “Redo %1” in its language; once, because Krita logs that nothing is filled in."""
    return str(Krita.krita_i18n("Redo %1"))


class KritaDocument:
    """One open document; good for one turn of the event loop, not to be kept."""

    def __init__(self, document: Any) -> None:
        self._document = document

    @property
    def uid(self) -> str:
        """The document's id while it is open: Krita gives a new one at each opening."""
        return uid_of(self._document.rootNode())

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
            LayerInfo(uid_of(node), str(node.name()), level, bool(node.visible()))
            for node, level in walk(self._document.rootNode())
        ]

    def active_layer(self) -> str | None:
        """Id of the active layer; of the layer that a mask belongs to when that is active."""
        node = self._document.activeNode()
        while node is not None and is_mask(node):
            node = node.parentNode()
        return None if node is None else uid_of(node)

    def _node(self, uid: str) -> Any:
        return find(self._document, uid)

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        """Reads a layer in a part of the canvas (None: all of it), in steps.

        It is read as it is at the moment when Krita has first nothing to do on the document.

        Raises:
            GoneError: the layer was deleted before that, or the document closed before the end.
        """
        document = self._document
        yield from quiet(document)
        return (yield from reading_now(document, uid, box))

    def landmarks(self, uid: str) -> Landmarks:
        """What tells later whether the canvas was turned or changed meanwhile; takes no time.

        Without such a layer its size alone tells.
        """
        try:
            node = self._node(uid)
        except GoneError:
            return Landmarks(uid, self.size)
        found = (bytes(node.projectionPixelData(x, y, 1, 1)) for x, y in places(self.size))
        return Landmarks(uid, self.size, tuple(found))

    def inserting(
        self,
        picture: Picture,
        name: str,
        above: str | None,
        original: str | None = None,
        place: tuple[int, int] = (0, 0),
    ) -> WorkFor[Inserted]:
        """Adds a paint layer in one undo step and makes it active; in steps.

        It goes above the layer `above`, or on top of everything when that is gone, with its left
        top corner at `place`. Pixels that look
        as those of the layer `original` get its very values, which may be finer than 8 bits.

        Raises:
            GoneError: the document was closed before the end.
        """
        return insert_picture(self._document, picture, name, above, original=original, place=place)

    @property
    def selected_box(self) -> Box | None:
        """The box around the selection, at once; None when nothing is selected."""
        selection = self._document.selection()
        if selection is None:
            return None
        return selection.x(), selection.y(), selection.width(), selection.height()

    def selecting(self) -> WorkFor[Mask | None]:
        """The selection on the canvas, in steps; None when nothing is selected.

        Raises:
            GoneError: the document was closed.
        """
        yield from quiet(self._document)
        return (yield from read_selection(self._document))

    def select(self, mask: Mask | None) -> None:
        """Makes a selection, or none; Krita offers no undo for that, but Select > Deselect."""
        if mask is None:
            self._document.setSelection(None)
            return
        selection = Selection()
        selection.setPixelData(mask.values, *mask.box)
        self._document.setSelection(selection)

    def inserting_group(
        self, name: str, layers: Sequence[tuple[str, Picture]], above: str | None
    ) -> WorkFor[list[str]]:
        """Adds a group of paint layers, given from top to bottom, in one undo step; in steps.

        It goes above the layer `above`, or on top of everything when that is gone. Gives the ids
        of the paint layers.

        Raises:
            GoneError: the document was closed before the end.
        """
        return insert_group(self._document, name, layers, above)

    def replacing(self, uid: str, picture: Picture) -> WorkFor[str]:
        """Gives a layer other pixels, which can be undone; its id afterwards. In steps.

        Raises:
            GoneError: the layer was deleted, or the document closed, before the end.
        """
        name = str(self._node(uid).name())
        inserted = yield from self.inserting(picture, name, uid)
        self._node(uid).remove()
        self._document.refreshProjection()
        return inserted.uid

    def read(self, uid: str) -> Picture:
        """What `reading` gives, at once.

        Raises:
            GoneError: the layer was deleted.
        """
        self._document.waitForDone()
        return at_once(self.reading(uid))

    def insert(
        self, picture: Picture, name: str, above: str | None, original: str | None = None
    ) -> str:
        """What `inserting` does, at once; returns the layer's id."""
        self._document.waitForDone()
        return at_once(self.inserting(picture, name, above, original)).uid

    def activate(self, uid: str) -> None:
        """Makes a layer active.

        Raises:
            GoneError: the layer was deleted.
        """
        self._document.setActiveNode(self._node(uid))

    def insert_preview(self, name: str, above: str | None) -> str:
        """Adds an empty layer above another one, leaves the active layer as it is.

        It is locked: a stroke on it would be lost with the next picture, and to undo that stroke
        then may end Krita.
        """
        node = self._document.createNode(name, "paintlayer")
        node.setLocked(True)
        return attach(self._document, node, name, above, activate=False)

    def showing(self, uid: str, picture: Picture, place: tuple[int, int]) -> Work:
        """Puts a picture on a preview layer, which is no change that could be undone; in steps.

        Raises:
            GoneError: the layer was deleted, or the document closed.
        """
        return show(self._document, uid, picture, place)

    def empty(self, uid: str) -> None:
        """Makes a preview layer show nothing, which is no undo step either.

        Raises:
            GoneError: the layer was deleted.
        """
        at_once(erasing(self._document, uid))
        self._node(uid).setVisible(False)
        self._document.refreshProjection()

    @property
    def idle(self) -> bool:
        """Whether the editor has no work left on the document."""
        return is_quiet(self._document)

    @property
    def can_redo(self) -> bool:
        """Whether there may be something to redo, which the next undo step would cost."""
        front = Krita.instance().activeDocument()
        if front is None or front.rootNode() is None or uid_of(front.rootNode()) != self.uid:
            return True  # Krita tells it of the document in front only
        # The action is enabled all the time; only its text tells.
        return names_a_step(Krita.instance().action("edit_redo").text(), _redo_template())

    def remove(self, uid: str) -> None:
        """Takes a layer away; raises GoneError."""
        self._node(uid).remove()

    def keyframes(self, uids: Sequence[str]) -> tuple[int, ...]:
        """The frames at which any of these layers, or what is in them, changes."""
        return keyframes(self._document, [self._node(uid) for uid in uids])

    def reel(self) -> KritaReel:
        """A copy of the document for reading it at any time; close it."""
        return KritaReel(self._document)

    def strip(self) -> KritaStrip:
        """A place for the frames of an animated layer; close it."""
        return KritaStrip(self._document)

    def insert_strip(self, strip: KritaStrip, name: str, above: str | None) -> str:
        """Adds an animated layer in one undo step, makes it active and returns its id.

        It goes above the layer `above`, or on top of everything when that is gone.
        """
        return attach(self._document, strip.layer(), name, above)

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
