"""Which layer of a document plays which part: the image, the edges, the segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .state import LayerInfo

AUTO = "auto"
"""A layer choice: found by name (edges, segments) or the active layer (image)."""

NONE = "none"
"""A layer choice: this part of the primitive is not used."""

GROUP_NAME = "DeepSIM"
EDGES_NAME = "Edges"
SEGMENTS_NAME = "Segments"


@dataclass(frozen=True)
class Roles:
    """The layers that play a part now; None where there is none."""

    image: LayerInfo | None = None
    edges: LayerInfo | None = None
    segments: LayerInfo | None = None


@dataclass(frozen=True)
class Choices:
    """What was picked in the docker: AUTO, NONE (not for the image) or a layer's id."""

    image: str = AUTO
    edges: str = AUTO
    segments: str = AUTO


def _by_uid(layers: Sequence[LayerInfo], uid: str | None) -> LayerInfo | None:
    return next((layer for layer in layers if layer.uid == uid), None)


def _by_name(layers: Sequence[LayerInfo], name: str) -> LayerInfo | None:
    wanted = name.casefold()
    return next((layer for layer in layers if layer.name.strip().casefold() == wanted), None)


def _primitive(layers: Sequence[LayerInfo], choice: str, name: str) -> LayerInfo | None:
    if choice == NONE:
        return None
    # A chosen layer that was deleted falls back to the search by name.
    return _by_uid(layers, choice) or _by_name(layers, name)


def _with_groups(layers: Sequence[LayerInfo], uids: set[str]) -> set[str]:
    """The layers of these ids, and the groups that they lie in."""
    found = set(uids)
    path: list[LayerInfo] = []
    for layer in layers:
        del path[layer.level :]
        if layer.uid in uids:
            found.update(group.uid for group in path)
        path.append(layer)
    return found


def resolve_roles(
    layers: Sequence[LayerInfo],
    active: str | None,
    choices: Choices,
    trained: str | None = None,
    results: frozenset[str] = frozenset(),
) -> Roles:
    """Finds the layers that play a part.

    The image is the chosen layer, else the active one. While the artist paints on a primitive (or a
    result has just become active), the image is the layer that was trained on before, else
    the only layer that is left.

    Args:
        layers: the document's layers from top to bottom.
        active: id of the active layer.
        choices: what was picked in the docker.
        trained: id of the layer that the document's last training took as image.
        results: ids of layers that Apply has made.
    """
    edges = _primitive(layers, choices.edges, EDGES_NAME)
    segments = _primitive(layers, choices.segments, SEGMENTS_NAME)
    image = _by_uid(layers, choices.image)
    if image is None:
        taken = _with_groups(layers, {layer.uid for layer in (edges, segments) if layer})
        remembered = _by_uid(layers, trained)
        image = _by_uid(layers, active)
        if image is not None and image.uid in results and remembered is not None:
            image = remembered
        if image is None or image.uid in taken:
            rest = [
                layer
                for layer in layers
                if layer.level == 0 and layer.uid not in taken and layer.uid not in results
            ]
            image = remembered or (rest[0] if len(rest) == 1 else None)
    return Roles(image=image, edges=edges, segments=segments)


def top_result(
    layers: Sequence[LayerInfo], image: str | None, results: frozenset[str]
) -> str | None:
    """The layer that a new result goes above: the image's topmost result so far, else the image.

    Only results that lie directly above the image, or one another, count.
    """
    order = [layer.uid for layer in layers]
    if image not in order:
        return image
    place = order.index(image)
    while place > 0 and order[place - 1] in results:
        place -= 1
    return order[place]


def model_name(title: str, layer: str) -> str:
    """A name for the model of a layer: the layer's, or the document's where it says nothing."""
    plain = layer.strip()
    generic = plain.casefold().rstrip("0123456789 ")
    if generic in {"", "background", "layer", "paint layer", "group", "image", "picture"}:
        plain = title.strip() or plain
    return plain or "model"


def free_name(name: str, layers: Sequence[LayerInfo]) -> str:
    """The name, or with the first number after it that no layer has yet."""
    names = {layer.name.casefold() for layer in layers}
    counter, free = 1, name
    while free.casefold() in names:
        counter += 1
        free = f"{name} {counter}"
    return free
