"""The running Krita behind a small adapter: its documents, windows, dialogs and the brush."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from krita import Krita, ManagedColor

from .document import KritaDocument
from .nodes import uid_of
from .pen import PenWatch
from .picture_files import load_picture, save_picture
from .qt import QApplication, QColor, QDesktopServices, QFileDialog, Qt, QTimer, QUrl
from .state import Colour, Picture


class KritaEditor:
    """The running Krita: which documents are open, which one is active."""

    def __init__(self) -> None:
        self._pen = PenWatch()

    def watch_pen(self) -> None:
        """Begins to see what a pen does in the window in front; cheap, for calling often."""
        window = self._window()
        if window is not None:
            self._pen.watch(window)

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
            if root is not None and uid_of(root) == uid:
                return KritaDocument(document)
        return None

    @property
    def hand_down(self) -> bool:
        """Whether a mouse button or the pen is held down."""
        return self._pen.down or QApplication.mouseButtons() != Qt.MouseButton.NoButton

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
