"""Adding layers to a Krita document, each time in one undo step, without keeping the UI thread."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Sequence

from .editor import GoneError
from .nodes import find, uid_of
from .pixels.colour import SRGB8, space_of
from .pixels.placing import fill
from .pixels.reading import copied, quiet, while_open
from .state import Inserted, Picture
from .steps import WorkFor


def attach(document: Any, node: Any, name: str, above: str | None, activate: bool = True) -> str:
    """Adds a layer above the layer `above`, or on top when that is gone, at once; gives its id."""
    parent, below = _place(document, above)
    node.setName(name)
    parent.addChildNode(node, below)
    if activate:
        document.setActiveNode(node)
    return uid_of(node)


def _place(document: Any, above: str | None) -> tuple[Any, Any]:
    """Where addChildNode puts a node directly above a layer, or on top: parent, below."""
    try:
        below = find(document, above) if above else None
    except GoneError:
        below = None
    return (below.parentNode() if below is not None else document.rootNode()), below


def insert_picture(
    document: Any,
    picture: Picture,
    name: str,
    above: str | None,
    *,
    original: str | None = None,
    place: tuple[int, int] = (0, 0),
) -> WorkFor[Inserted]:
    """Adds a paint layer and makes it active; in steps.

    Pixels that look as those of the layer `original` get its very values, which may be finer than
    8 bits.

    Args:
        document: where to.
        picture: what the layer is to show; its left top corner comes to `place`.
        name: of the layer.
        above: it goes above this layer, or on top of everything when that is gone.
        original: see above.
        place: on the canvas.

    Raises:
        GoneError: the document was closed before the end.
    """
    yield from quiet(document)
    space = space_of(document)
    # Where nothing is converted, no copy is needed to do that in.
    with nullcontext(document) if space == SRGB8 else copied(document) as workshop:
        try:
            source = find(workshop, original) if original else None
        except GoneError:
            source = None
        # Pixels first: on an attached layer they would be a change that cannot be undone.
        made = workshop.createNode(name, "paintlayer")
        lost = yield from while_open(document, fill(workshop, made, picture, place, source))
        yield from quiet(document)
        if space_of(document) == space:
            if workshop is not document:
                made = made.duplicate()
            return Inserted(attach(document, made, name, above), lost)
    # It was converted meanwhile.
    again = insert_picture(document, picture, name, above, original=original, place=place)
    return (yield from again)


def insert_group(
    document: Any, name: str, layers: Sequence[tuple[str, Picture]], above: str | None
) -> WorkFor[list[str]]:
    """Adds a group of paint layers, given from top to bottom; in steps. Gives these layers' ids.

    It goes above the layer `above`, or on top of everything when that is gone.

    Raises:
        GoneError: the document was closed before the end.
    """
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
            attach(document, whole, name, above)
            return [uid_of(node) for node in reversed(whole.childNodes())]
    # It was converted meanwhile.
    return (yield from insert_group(document, name, layers, above))
