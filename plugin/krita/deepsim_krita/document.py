"""Krita's documents behind a small adapter: ids, layers, pixels in, pixels out.

Krita's objects die under their Python wrappers when a document closes or a layer is deleted, and
using a stale node kills Krita. So nothing here keeps one: ids are kept, and looked up each time.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from krita import Krita, ManagedColor, Selection

from .editor import GoneError
from .picture_files import load_picture, save_picture
from .pixels.colour import SRGB8, space_of
from .pixels.landmarks import Landmarks, places
from .pixels.placing import fill
from .pixels.reading import copied, is_quiet, quiet, read_selection, reading_now, while_open
from .previewing import erasing, show
from .qt import QApplication, QColor, QDesktopServices, QFileDialog, Qt, QTimer, QUrl
from .state import Box, Colour, Inserted, LayerInfo, Mask, Picture
from .steps import Work, WorkFor, at_once
from .text import _, names_a_step
from .timeline import KritaReel, KritaStrip, keyframes

ANNOTATION = "deepsim"


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


@lru_cache(maxsize=None)
def _redo_template() -> str:
    """Krita's “Redo %1” in its language; once, because Krita logs that nothing is filled in."""
    return str(Krita.krita_i18n("Redo %1"))


def _find(document: Any, uid: str) -> Any:
    root = document.rootNode()
    if root is None:
        raise GoneError(_("The document was closed."))
    for node, _level in _walk(root):
        if _uid(node) == uid:
            return node
    raise GoneError(_("The layer is not in the document any more."))


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
            LayerInfo(_uid(node), str(node.name()), level, bool(node.visible()))
            for node, level in _walk(self._document.rootNode())
        ]

    def active_layer(self) -> str | None:
        """Id of the active layer; of the layer that a mask belongs to when that is active."""
        node = self._document.activeNode()
        while node is not None and _is_mask(node):
            node = node.parentNode()
        return None if node is None else _uid(node)

    def _node(self, uid: str) -> Any:
        return _find(self._document, uid)

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        """Reads a layer in a part of the canvas (None: all of it), in steps.

        It is read as it is at the moment when Krita has first nothing to do on the document.

        Raises:
            GoneError: the layer was deleted before that, or the document closed before the end.
        """
        document = self._document
        yield from quiet(document)
        return (yield from reading_now(document, lambda held: _find(held, uid), box))

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

    def _place(self, above: str | None) -> tuple[Any, Any]:
        """Where addChildNode puts a node directly above a layer, or on top: parent, below."""
        try:
            below = self._node(above) if above else None
        except GoneError:
            below = None
        return (below.parentNode() if below is not None else self._document.rootNode()), below

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
        document = self._document
        yield from quiet(document)
        space = space_of(document)
        # Where nothing is converted, no copy is needed to do that in.
        with nullcontext(document) if space == SRGB8 else copied(document) as workshop:
            try:
                source = _find(workshop, original) if original else None
            except GoneError:
                source = None
            # Pixels first: on an attached layer they would be a change that cannot be undone.
            made = workshop.createNode(name, "paintlayer")
            lost = yield from while_open(document, fill(workshop, made, picture, place, source))
            yield from quiet(document)
            if space_of(document) == space:
                if workshop is not document:
                    made = made.duplicate()
                return Inserted(self._attach(made, name, above), lost)
        # It was converted meanwhile.
        return (yield from self.inserting(picture, name, above, original, place))

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

    def _attach(self, node: Any, name: str, above: str | None, activate: bool = True) -> str:
        parent, below = self._place(above)
        node.setName(name)
        parent.addChildNode(node, below)
        if activate:
            self._document.setActiveNode(node)
        return _uid(node)

    def inserting_group(
        self, name: str, layers: Sequence[tuple[str, Picture]], above: str | None
    ) -> WorkFor[list[str]]:
        """Adds a group of paint layers, given from top to bottom, in one undo step; in steps.

        It goes above the layer `above`, or on top of everything when that is gone. Gives the ids
        of the paint layers.

        Raises:
            GoneError: the document was closed before the end.
        """
        document = self._document
        yield from quiet(document)
        space = space_of(document)
        with copied(document) as copy:
            yield None
            # Adding one layer after the other would be as many undo steps: so they are put
            # together in the copy, and a duplicate of the whole is added.
            group = copy.createGroupLayer(name)
            copy.rootNode().addChildNode(group, None)
            for layer, picture in reversed(layers):
                made = copy.createNode(layer, "paintlayer")
                yield from fill(copy, made, picture)
                group.addChildNode(made, None)
            yield from quiet(document)
            if space_of(document) == space:
                whole = group.duplicate()
                self._attach(whole, name, above)
                return [_uid(node) for node in reversed(whole.childNodes())]
        # It was converted meanwhile.
        return (yield from self.inserting_group(name, layers, above))

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
        """Adds an empty layer above another one, leaves the active layer as it is."""
        node = self._document.createNode(name, "paintlayer")
        return self._attach(node, name, above, activate=False)

    def showing(self, uid: str, picture: Picture, place: tuple[int, int]) -> Work:
        """Puts a picture on a preview layer, which is no change that could be undone; in steps.

        Raises:
            GoneError: the layer was deleted, or the document closed.
        """
        return show(self._document, lambda: self._node(uid), picture, place)

    def empty(self, uid: str) -> None:
        """Makes a preview layer show nothing, which is no undo step either.

        Raises:
            GoneError: the layer was deleted.
        """
        at_once(erasing(lambda: self._node(uid)))
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
        if front is None or front.rootNode() is None or _uid(front.rootNode()) != self.uid:
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
        return KritaReel(self._document, _find)

    def strip(self) -> KritaStrip:
        """A place for the frames of an animated layer; close it."""
        return KritaStrip(self._document)

    def insert_strip(self, strip: KritaStrip, name: str, above: str | None) -> str:
        """Adds an animated layer in one undo step, makes it active and returns its id.

        It goes above the layer `above`, or on top of everything when that is gone.
        """
        return self._attach(strip.layer(), name, above)

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

    @property
    def hand_down(self) -> bool:
        """Whether a mouse button or the pen is held down."""
        return QApplication.mouseButtons() != Qt.MouseButton.NoButton

    @property
    def history(self) -> str:
        """Differs where something was done, undone or redone; the same action twice may not."""
        actions = (Krita.instance().action(name) for name in ("edit_undo", "edit_redo"))
        return "".join(f"{a.text()} {a.isEnabled()} " for a in actions if a is not None)

    @property
    def asking(self) -> bool:
        """Whether a menu or a dialog is open."""
        return bool(QApplication.activePopupWidget() or QApplication.activeModalWidget())

    def choose_folder(self, title: str) -> Path | None:
        """Lets the artist pick a folder; None when she does not."""
        chosen = QFileDialog.getExistingDirectory(self._window(), title)
        return Path(chosen) if chosen else None

    def choose_file(self, title: str, pattern: str) -> Path | None:
        """Lets the artist pick a file that is there; None when she does not."""
        chosen = QFileDialog.getOpenFileName(self._window(), title, "", pattern)[0]
        return Path(chosen) if chosen else None

    def choose_new_file(self, title: str, name: str) -> Path | None:
        """Lets the artist pick a file to write, `name` unless she says else; None if none."""
        chosen = QFileDialog.getSaveFileName(self._window(), title, name)[0]
        return Path(chosen) if chosen else None

    def _window(self) -> Any:
        window = Krita.instance().activeWindow()
        return None if window is None else window.qwindow()

    def load_picture(self, path: Path) -> Picture:
        """A picture file as 8-bit sRGB; OSError with a sentence when it is none."""
        return load_picture(path)

    def save_picture(self, picture: Picture, path: Path) -> None:
        """Writes a PNG file, whole or not at all; OSError with a sentence when it cannot be."""
        save_picture(picture, path)

    def open_file(self, path: str) -> bool:
        """Shows a file in the system's program for it; False when there is no such file."""
        return Path(path).is_file() and QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def open_folder(self, path: str) -> bool:
        """Shows a folder in the system's file manager; False when there is none."""
        return Path(path).is_dir() and QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def undo(self) -> None:
        """Takes one step back in the document in front, from the event loop."""
        QTimer.singleShot(0, Krita.instance().action("edit_undo").trigger)

    def redo(self) -> None:
        """Takes one step forth again."""
        QTimer.singleShot(0, Krita.instance().action("edit_redo").trigger)

    def open_picture(self) -> None:
        """Lets the artist pick a file to open as a document."""
        # From the event loop: the dialog would keep the caller waiting.
        QTimer.singleShot(0, Krita.instance().action("file_open").trigger)

    def set_brush_colour(self, colour: Colour) -> None:
        """Makes a colour the foreground colour of the brush."""
        view = Krita.instance().activeWindow().activeView()
        if view is not None:
            view.setForeGroundColor(ManagedColor.fromQColor(QColor(*colour), view.canvas()))
