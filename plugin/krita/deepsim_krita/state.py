"""Plain data that all parts share: pictures, layers, models, notices, the engine's state.

Nothing here knows Krita, Qt or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from .observable import Observable, Property
from .text import _

Colour = Tuple[int, int, int]
"""Red, green and blue in 8-bit sRGB."""


def colours_of(values: Any) -> tuple[Colour, ...]:
    """The colours in a list of lists, as JSON has them; empty for anything else."""
    try:
        return tuple((int(red), int(green), int(blue)) for red, green, blue in values)
    except (TypeError, ValueError):
        return ()


@dataclass(frozen=True)
class Picture:
    """Pixels over the canvas: 8-bit sRGB R,G,B,A with straight alpha, rows top to bottom.

    `lost` is a sentence about what of the layer 8-bit sRGB could not hold; empty when nothing.
    """

    width: int
    height: int
    rgba: bytes | bytearray
    lost: str = ""

    def shrunk(self, longest: int) -> Picture:
        """Every so many pixels of it, so that no side is longer; itself when none is."""
        step = -(-max(self.width, self.height) // longest)
        if step <= 1:
            return self
        pixels = memoryview(self.rgba).cast("I")
        rows = [
            pixels[y * self.width : (y + 1) * self.width : step].tobytes()
            for y in range(0, self.height, step)
        ]
        return Picture(-(-self.width // step), len(rows), b"".join(rows), self.lost)

    @property
    def is_empty(self) -> bool:
        """True when every pixel is fully transparent; quick when one at the top is not."""
        some = 1 << 20
        starts = range(3, len(self.rgba), some)
        return not any(self.rgba[start : start + some - 3 : 4].strip(b"\0") for start in starts)


Box = Tuple[int, int, int, int]
"""A part of the canvas: left, top, width, height."""


def box_of(values: Any) -> Box | None:
    """The box in a list of four numbers, as JSON has it; None for anything else."""
    if not isinstance(values, list) or len(values) != 4:
        return None
    if not all(type(number) is int for number in values):
        return None
    return values[0], values[1], values[2], values[3]


@dataclass(frozen=True)
class Mask:
    """How much of each pixel of a part of the canvas is meant, as a byte: a selection's values.

    Outside of its box nothing is.
    """

    box: Box
    values: bytes | bytearray


@dataclass(frozen=True)
class Inserted:
    """A layer that was added: its id, and a sentence about what was lost; empty when nothing."""

    uid: str
    lost: str = ""


@dataclass(frozen=True, eq=False)
class Result:
    """One result of Apply: its layer's name and id, its pixels, the part of the canvas (or all).

    `shown` are the pixels for the docker, which may be fewer.
    """

    name: str
    uid: str
    picture: Picture
    shown: Picture
    box: Box | None = None


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a document: its id, which saving keeps, its name, how deep it lies in groups.

    `visible`: whether its eye is open; a closed group hides it all the same.
    """

    uid: str
    name: str
    level: int = 0
    visible: bool = True


@dataclass(frozen=True)
class Notice:
    """One sentence for the artist; `level` is info, good, warning or error.

    `mend` is the id of the action that mends what is wrong; the docker offers it as a button.
    """

    level: str
    text: str
    mend: str = ""


@dataclass(frozen=True)
class ModelInfo:
    """A trained model as the engine lists it; `size` is (width, height), (0, 0) when unknown."""

    id: str
    name: str
    kind: str = ""
    preset: str = ""
    size: tuple[int, int] = (0, 0)
    created: str = ""
    palette: tuple[Colour, ...] = ()

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> ModelInfo:
        """Reads the engine's description; unknown fields are ignored."""
        size = body.get("size") or (0, 0)
        return ModelInfo(
            id=str(body.get("id", "")),
            name=str(body.get("name") or _("model")),
            kind=str(body.get("kind", "")),
            preset=str(body.get("preset", "")),
            size=(int(size[0]), int(size[1])),
            created=str(body.get("created", "")),
            palette=colours_of(body.get("palette")),
        )


class EngineInfo(Observable):
    """The engine process as the client sees it: idle, starting, connecting, ready or failed."""

    state = Property("idle")
    message = Property("")
    device = Property("")
    devices: Property[tuple[str, ...]] = Property(())
    presets: Property[tuple[str, ...]] = Property(())

    @property
    def text(self) -> str:
        """The state in a few words."""
        words = {
            "idle": _("Engine not running"),
            "starting": _("Engine is starting…"),
            "connecting": _("Connecting to the engine…"),
            "ready": _("Engine ready"),
            "failed": _("Engine not reachable"),
        }
        text = words.get(self.state, self.state)
        return f"{text} ({self.device})" if self.state == "ready" and self.device else text
