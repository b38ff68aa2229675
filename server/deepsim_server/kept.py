"""Drawings that stay in the worker, so that a later request sends only what changed since.

A request with `keep` leaves its drawing here, under its own id and in place of the one that its
client left for the same document before. A request of that client with `base`, such an id, has
frames `segments-part`, `edges-part`, `painting-part` instead of whole layers, and `places` says
where in the layers they lie.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from deepsim_client.wire import Message

from deepsim_engine.errors import InputError
from deepsim_server.drawing import LAYERS, Drawing, Layers, Pixels
from deepsim_server.requests import place, text

PART = "-part"
"""What the name of a frame ends with that is a part of the layer named before it."""
MAX_DRAWINGS = 8
MAX_BYTES = 512 << 20


class BaseLostError(InputError):
    """The drawing that a request builds upon is not kept any more: it is to be sent whole."""

    def __init__(self) -> None:
        super().__init__("The drawing before is not known any more: send it whole.")


@dataclass
class _Kept:
    client: str
    document: str
    layers: Layers
    used: float

    @property
    def bytes(self) -> int:
        return sum(pixels.nbytes for pixels in self.layers.values())


class KeptDrawings:
    """Each client's newest drawing of each document; those used longest ago are forgotten first.

    Who the client is stands in the body as `client`, where the engine writes it.
    """

    def __init__(
        self,
        idle_seconds: float,
        max_bytes: int = MAX_BYTES,
        max_drawings: int = MAX_DRAWINGS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._max_bytes = max_bytes
        self._max_drawings = max_drawings
        self._clock = clock
        self._all: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def bytes(self) -> int:
        """Bytes of all pixels that are kept."""
        return sum(kept.bytes for kept in self._all.values())

    def whole(self, message: Message) -> Layers:
        """The layers that a request means, put together where it brings only parts.

        Raises BaseLostError when what it builds upon is not here; InputError for parts that do
        not fit.
        """
        base = text(message.body, "base", "")
        if not base:
            return Drawing.layers(message)
        kept = self._all.get(base)
        if kept is None or kept.client != text(message.body, "client", ""):
            raise BaseLostError
        kept.used = self._clock()
        self._all.move_to_end(base)
        if any(message.frame(name) is not None for name in LAYERS):
            raise InputError("A request that names a base brings parts of layers, not whole ones.")
        layers = dict(kept.layers)
        for name in LAYERS:
            part = Drawing.part(message, name + PART)
            if part is not None:
                layers[name] = _with_part(layers.get(name), part, place(message.body, name), name)
        return layers

    def keep(self, message: Message, layers: Layers) -> bool:
        """Keep a request's drawing; whether there is room for it."""
        client, document = (text(message.body, name, "") for name in ("client", "document"))
        for request, kept in list(self._all.items()):
            if document and (kept.client, kept.document) == (client, document):
                del self._all[request]
        new = _Kept(client, document, layers, self._clock())
        if new.bytes > self._max_bytes:
            return False
        for pixels in layers.values():
            pixels.flags.writeable = False  # a later drawing may be the same but for a part
        self._all[message.id] = new
        while len(self._all) > self._max_drawings or self.bytes > self._max_bytes:
            self._all.popitem(last=False)
        return True

    def forget_idle(self) -> None:
        """Forget what was not built upon during the idle time."""
        now = self._clock()
        for request, kept in list(self._all.items()):
            if now - kept.used > self._idle_seconds:
                del self._all[request]


def _with_part(whole: Pixels | None, part: Pixels, corner: tuple[int, int], name: str) -> Pixels:
    """A layer with other pixels in a part, whose left top corner is given."""
    if whole is None:
        raise InputError(f"The drawing before had no {name}: there is nothing to put a part into.")
    (left, top), (height, width, channels) = corner, part.shape
    rows, columns, depth = whole.shape
    if channels != depth:
        raise InputError(f"The part of the {name} has {channels} channels, the layer {depth}.")
    if left < 0 or top < 0 or left + width > columns or top + height > rows:
        raise InputError(
            f"The part of the {name}, {width} x {height} at ({left}, {top}), does not lie in the"
            f" layer, which is {columns} x {rows} pixels."
        )
    whole = whole.copy()
    whole[top : top + height, left : left + width] = part
    return whole
