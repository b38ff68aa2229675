"""What the session needs of an editor. `document.py` is Krita's answer."""

from __future__ import annotations

from typing import Any, Mapping, Protocol, Sequence

from .state import Box, Colour, Inserted, LayerInfo, Mask, Picture
from .steps import WorkFor


class GoneError(LookupError):
    """A document or layer is not there any more; one sentence."""


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
            GoneError: the layer was deleted, or the document closed, before that.
        """

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

    def open_file(self, path: str) -> bool:
        """Shows a file in the system's program for it; False when there is no such file."""

    def open_picture(self) -> None:
        """Lets the artist pick a file to open as a document."""

    def set_brush_colour(self, colour: Colour) -> None:
        """Makes a colour the foreground colour of the brush."""
