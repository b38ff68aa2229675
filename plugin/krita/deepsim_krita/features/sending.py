"""What of a drawing is sent: all of it once, then only the parts that changed since.

The engine keeps the drawing of a request that asks for it (see docs/engine.md). Later requests name
that one and bring, of each layer, the part around everything that changed after it. When the parts
have become large, the drawing is sent whole again. Until the engine says that it keeps that one,
which it does as soon as a newer request comes, everything is sent whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ..pixels.parts import cropped
from ..state import Box, Picture
from ..steps import WorkFor

COMPARED = 64
"""Rows that are compared at once."""

LARGE = 4
"""Parts that make up more than the so-manieth of a drawing are not worth their own way."""

Changes = Mapping[str, Box]
"""For each layer that changed, the box around it."""


def differing(old: Picture, new: Picture) -> WorkFor[Box | None]:
    """The box around all pixels in which two pictures of one size differ; in steps."""
    stride, rows, columns = 4 * new.width, [], 0
    for first in range(0, new.height, COMPARED):
        last = min(new.height, first + COMPARED)
        part = slice(first * stride, last * stride)
        mine, theirs = new.rgba[part], old.rgba[part]
        if mine != theirs:
            for row in range(last - first):
                there = slice(row * stride, (row + 1) * stride)
                one, other = mine[there], theirs[there]
                if one != other:
                    rows.append(first + row)
                    # As numbers of which the first byte is the least, all rows over each other.
                    columns |= int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
        yield None
    if not rows:
        return None
    left = ((columns & -columns).bit_length() - 1) // 32
    right = (columns.bit_length() - 1) // 32
    return left, rows[0], right - left + 1, rows[-1] - rows[0] + 1


def around(one: Box | None, other: Box) -> Box:
    """The box around two boxes."""
    if one is None:
        return other
    left, top = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    return left, top, right - left, bottom - top


@dataclass(frozen=True)
class Sight:
    """What a document's drawing was like when it was sent last."""

    model: str
    size: tuple[int, int]
    pictures: Mapping[str, Picture]

    def changes(self, before: Sight | None) -> WorkFor[Changes | None]:
        """What differs, to the bit; in steps. None when it is another drawing altogether."""
        if before is None or (self.model, self.size) != (before.model, before.size):
            return None
        if self.pictures.keys() != before.pictures.keys():
            return None
        found = {}
        for part, picture in self.pictures.items():
            old = before.pictures[part]
            if (old.width, old.height) != (picture.width, picture.height):
                return None
            box = yield from differing(old, picture)
            if box is not None:
                found[part] = box
        return found


class Sent:
    """What of one document's drawing the engine has."""

    def __init__(self) -> None:
        self._base = ""
        """The request whose drawing the engine keeps; empty when it keeps none."""
        self._since: dict[str, Box] = {}
        """What changed after it."""
        self._whole = ""
        """The newest request whose drawing is to be kept, for as long as it is not answered."""
        self._since_whole: dict[str, Box] = {}

    def changed(self, changes: Changes | None) -> None:
        """The drawing changed, in these places or altogether (None)."""
        if changes is None:
            self._base = self._whole = ""
        for part, box in (changes or {}).items():
            self._since[part] = around(self._since.get(part), box)
            self._since_whole[part] = around(self._since_whole.get(part), box)

    def frames(
        self, pictures: Mapping[str, Picture]
    ) -> WorkFor[tuple[dict[str, Any], dict[str, Picture]]]:
        """What to send for a drawing: more for the request's body, and the frames; in steps.

        With "keep" in the body, `asked` is to be told of the request.
        """
        pixels = sum(picture.width * picture.height for picture in pictures.values())
        changed = sum(width * height for _, _, width, height in self._since.values())
        if not self._base or changed * LARGE > pixels:
            # Where one more were to be kept, it would take the place of the one under way, and
            # where she draws faster than the engine paints, none would ever be built upon.
            return {} if self._whole else {"keep": True}, dict(pictures)
        base, since = self._base, dict(self._since)
        parts = {}
        for part, box in since.items():
            parts[f"{part}-part"] = yield from cropped(pictures[part], box)
        return {"base": base, "places": {part: list(box[:2]) for part, box in since.items()}}, parts

    def asked(self, request: str) -> None:
        """That request brought a whole drawing, to be kept."""
        self._whole, self._since_whole = request, {}

    def answered(self, request: str, *, kept: bool) -> None:
        """That request was answered, and the engine keeps its drawing or does not."""
        if request != self._whole:
            return
        if kept:
            self._base, self._since = request, self._since_whole
        self._whole, self._since_whole = "", {}
