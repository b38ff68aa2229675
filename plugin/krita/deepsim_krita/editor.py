"""What the session needs of an editor. Krita's answers: `application.py` and `document.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Protocol, Sequence

from .pixels.landmarks import Landmarks
from .state import Box, Colour, Inserted, LayerInfo, Mask, Picture
from .steps import Work, WorkFor


class GoneError(LookupError):
    """A document or layer is not there any more; one sentence."""


class Reel(Protocol):
    """A document that can be set to any time without touching the artist's own."""

    def wind(self, time: int) -> None:
        """Goes to a frame."""

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        """Reads a layer in a part of the canvas (None: all of it) as it is at that frame, in steps.

        Raises:
            GoneError: the layer was deleted.
        """

    def close(self) -> None:
        """Gives the copy back."""


class Strip(Protocol):
    """Frames of an animated layer, kept on disk until it is inserted."""

    def adding(self, time: int, picture: Picture, place: tuple[int, int] = (0, 0)) -> Work:
        """Keeps a frame whose left top pixel is at `place`, in steps.

        Raises:
            OSError: there is no room for it.
        """

    def close(self) -> None:
        """Removes the files."""


class Document(Protocol):
    """An open document; good for one turn of the event loop, not to be kept."""

    @property
    def uid(self) -> str:
        """The document's id while it is open."""

    @property
    def title(self) -> str:
        """The file's name without its ending, else the document's title."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the canvas in pixels."""

    def layers(self) -> list[LayerInfo]:
        """All layers from top to bottom, groups before what is in them; no masks."""

    def active_layer(self) -> str | None:
        """Id of the active layer; of the layer that a mask belongs to when that is active."""

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        """Reads a layer in a part of the canvas (None: all of it), in steps.

        It is read as it is at the moment when the editor has first nothing to do on the document.

        Raises:
            GoneError: the layer was deleted before that, or the document closed before the end.
        """

    def landmarks(self, uid: str) -> Landmarks:
        """What tells later whether the canvas was turned or changed meanwhile; takes no time."""

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

    def inserting_group(
        self, name: str, layers: Sequence[tuple[str, Picture]], above: str | None
    ) -> WorkFor[list[str]]:
        """Adds a group of paint layers, given from top to bottom, in one undo step; in steps.

        It goes above the layer `above`, or on top of everything when that is gone. Gives the ids
        of the paint layers.

        Raises:
            GoneError: the document was closed before the end.
        """

    def replacing(self, uid: str, picture: Picture) -> WorkFor[str]:
        """Gives a layer other pixels, which can be undone; its id afterwards. In steps.

        Raises:
            GoneError: the layer was deleted, or the document closed, before the end.
        """

    @property
    def selected_box(self) -> Box | None:
        """The box around the selection, at once; None when nothing is selected."""

    def selecting(self) -> WorkFor[Mask | None]:
        """The selection on the canvas, in steps; None when nothing is selected.

        Raises:
            GoneError: the document was closed.
        """

    def select(self, mask: Mask | None) -> None:
        """Makes a selection of the mask's values; None: no selection."""

    def activate(self, uid: str) -> None:
        """Makes a layer active; raises GoneError."""

    def visible(self, uid: str) -> bool:
        """Whether the layer's eye is open; raises GoneError."""

    def set_visible(self, uid: str, visible: bool) -> None:
        """Opens or closes the layer's eye; raises GoneError."""

    def insert_preview(self, name: str, above: str | None) -> str:
        """Adds an empty layer above another one, leaves the active layer as it is."""

    def showing(self, uid: str, picture: Picture, place: tuple[int, int]) -> Work:
        """Puts a picture on a preview layer, which is no change that could be undone; in steps.

        Args:
            uid: the layer.
            picture: what it is to show, and nothing else.
            place: of the picture's left top pixel.

        Raises:
            GoneError: the layer was deleted.
        """

    def empty(self, uid: str) -> None:
        """Makes a preview layer show nothing, which is no undo step either; raises GoneError."""

    @property
    def idle(self) -> bool:
        """Whether the editor has no work left on the document."""

    @property
    def can_redo(self) -> bool:
        """Whether there may be something to redo, which the next undo step would cost."""

    def remove(self, uid: str) -> None:
        """Takes a layer away; raises GoneError."""

    def keyframes(self, uids: Sequence[str]) -> tuple[int, ...]:
        """The frames at which any of these layers, or what is in them, changes."""

    def reel(self) -> Reel:
        """A copy of the document for reading it at any time; close it."""

    def strip(self) -> Strip:
        """A place for the frames of an animated layer; close it."""

    def insert_strip(self, strip: Any, name: str, above: str | None) -> str:
        """Adds an animated layer in one undo step, makes it active and returns its id.

        It goes above the layer `above`, or on top of everything when that is gone.
        """

    def recall(self) -> dict[str, Any]:
        """What `remember` stored in the document; empty when nothing is."""

    def remember(self, values: Mapping[str, Any]) -> None:
        """Stores JSON-ready values in the document, to be saved with it."""


class Editor(Protocol):
    """The running editor."""

    def active(self) -> Document | None:
        """The document in front, or None."""

    def find(self, uid: str) -> Document | None:
        """The open document with this id, or None when it was closed."""

    @property
    def hand_down(self) -> bool:
        """Whether a stroke is being made."""

    @property
    def history(self) -> str:
        """Differs where something was done, undone or redone; the same action twice may not."""

    @property
    def asking(self) -> bool:
        """Whether a menu or a dialog is open."""

    def choose_folder(self, title: str) -> Path | None:
        """Lets the artist pick a folder; None when she does not."""

    def choose_file(self, title: str, pattern: str) -> Path | None:
        """Lets the artist pick a file that is there; None when she does not."""

    def choose_new_file(self, title: str, name: str) -> Path | None:
        """Lets the artist pick a file to write, `name` unless she says else; None if none."""

    def load_picture(self, path: Path) -> Picture:
        """A picture file as 8-bit sRGB; OSError with a sentence when it is none."""

    def save_picture(self, picture: Picture, path: Path) -> None:
        """Writes a PNG file, whole or not at all; OSError with a sentence when it cannot be."""

    def open_file(self, path: str) -> bool:
        """Shows a file in the system's program for it; False when there is no such file."""

    def open_folder(self, path: str) -> bool:
        """Shows a folder in the system's file manager; False when there is none."""

    def undo(self) -> None:
        """Takes one step back in the document in front, from the event loop."""

    def redo(self) -> None:
        """Takes one step forth again."""

    def open_picture(self) -> None:
        """Lets the artist pick a file to open as a document."""

    def set_brush_colour(self, colour: Colour) -> None:
        """Makes a colour the foreground colour of the brush."""
