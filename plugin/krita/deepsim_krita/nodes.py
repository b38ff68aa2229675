"""The layers of a Krita document: walked through, and looked up by their ids.

Krita's objects die under their Python wrappers when a document closes or a layer is deleted, and
using a stale node kills Krita. So nobody keeps one: ids are kept, and looked up each time.
"""

from __future__ import annotations

from typing import Any, Iterator

from .editor import GoneError
from .text import _


def uid_of(node: Any) -> str:
    """The id of a layer, or by its root that of a document, while the document is open."""
    return str(node.uniqueId().toString())


def is_mask(node: Any) -> bool:
    """Whether a node only changes how its layer looks."""
    return bool(node.type().endswith("mask"))


def walk(parent: Any, level: int = 0) -> Iterator[tuple[Any, int]]:
    """All layers below a node, top to bottom as in the layer docker; masks are left out."""
    for node in reversed(parent.childNodes()):
        if not is_mask(node):
            yield node, level
            yield from walk(node, level + 1)


def find(document: Any, uid: str) -> Any:
    """The layer of that id.

    Raises:
        GoneError: it was deleted, or the document closed.
    """
    root = document.rootNode()
    if root is None:
        raise GoneError(_("The document was closed."))
    for node, _level in walk(root):
        if uid_of(node) == uid:
            return node
    raise GoneError(_("The layer is not in the document any more."))
