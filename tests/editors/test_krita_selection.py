"""Krita's selections, to the value: read, made, and a picture cut to one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess

pytestmark = pytest.mark.editor

SRGB = "sRGB-elle-V2-srgbtrc.icc"
SCENE = """
from array import array
from krita import Selection
from deepsim_krita.document import KritaDocument
from deepsim_krita.pixels.masking import masked
from deepsim_krita.state import Mask, Picture
from deepsim_krita.steps import at_once
doc = k.createDocument(64, 48, "picture", "RGBA", {depth!r}, {profile!r}, 72.0)
k.activeWindow().addView(doc); doc.waitForDone()
here = KritaDocument(doc)
photo = bytes(i % 251 if i % 4 != 3 else 255 for i in range(4 * 64 * 48))
uid = here.insert(Picture(64, 48, photo), "Photo", None)
"""
FEATHERED = """
made = Selection(); made.select(10, 8, 30, 20, 255); made.feather(4); doc.setSelection(made)
doc.waitForDone()
wanted = bytes(doc.selection().pixelData(0, 0, 64, 48))
"""


@pytest.fixture(autouse=True)
def nothing_left(krita: KritaProcess) -> Iterator[None]:
    """Krita dies when a document closes while Python still holds its selection."""
    yield
    krita.call("made = None; doc.setSelection(None); doc.waitForDone()")
    krita.wait("doc.selection() is None")


def new(krita: KritaProcess, depth: str = "U8") -> None:
    krita.call(SCENE.format(depth=depth, profile=SRGB))


def test_no_selection_is_none(krita: KritaProcess) -> None:
    new(krita)
    assert krita.call("result = at_once(here.selecting()) is None")


@pytest.mark.every_krita
def test_a_feathered_selection_is_read_to_the_value(krita: KritaProcess) -> None:
    new(krita)
    krita.call(FEATHERED)
    krita.call("""
mask = at_once(here.selecting()); left, top, width, height = mask.box
full = bytearray(64 * 48)
for row in range(height):
    start = (top + row) * 64 + left
    full[start : start + width] = mask.values[row * width : (row + 1) * width]""")
    assert krita.call("result = bytes(full) == wanted")
    assert krita.call("result = len(set(wanted))") > 10


def test_a_selection_beyond_the_canvas_is_read_where_the_canvas_is(krita: KritaProcess) -> None:
    new(krita)
    krita.call("""
made = Selection(); made.select(-20, 30, 40, 100, 255); doc.setSelection(made)
mask = at_once(here.selecting())""")
    box = krita.call("result = mask.box")
    assert box == [0, 30, 20, 18]
    assert krita.call("result = mask.values == bytes([255]) * 360")


@pytest.mark.parametrize(("depth", "step"), [("U8", 1), ("U16", 257)])
def test_a_result_is_exact_outside_the_selection_and_as_transparent_as_its_feather(
    krita: KritaProcess, depth: str, step: int
) -> None:
    new(krita, depth)
    krita.call(FEATHERED)
    kind = "B" if depth == "U8" else "H"
    krita.call(f"kind = {kind!r}")
    krita.call("""
def layer(uid): return next(n for n in doc.topLevelNodes() if n.uniqueId().toString() == uid)
before = bytes(layer(uid).pixelData(0, 0, 64, 48)); doc.setSelection(None)
mask = Mask((0, 0, 64, 48), wanted)
green = Picture(64, 48, bytes((0, 255, 0, 255)) * 3072)
new = here.insert(at_once(masked(green, mask, (0, 0))), "Result", uid)
doc.refreshProjection(); doc.waitForDone()
alphas = array(kind, bytes(layer(new).pixelData(0, 0, 64, 48)))[3::4]
shown = array(kind, bytes(doc.pixelData(0, 0, 64, 48)))
old = array(kind, before)""")
    assert krita.call(f"result = list(alphas) == [{step} * v for v in wanted]")
    outside = "[i for i, v in enumerate(wanted) if v == 0]"
    same = f"all(shown[4*i:4*i+4] == old[4*i:4*i+4] for i in {outside})"
    assert krita.call(f"result = {same}")
    assert krita.call("result = wanted.count(0)") > 1000


def test_a_mask_becomes_the_selection_to_the_value(krita: KritaProcess) -> None:
    new(krita)
    krita.call("""
values = bytes(range(0, 240, 2))
here.select(Mask((5, 6, 12, 10), values)); doc.waitForDone()""")
    assert krita.call("result = bytes(doc.selection().pixelData(5, 6, 12, 10)) == values")
    assert krita.call("result = list(set(bytes(doc.selection().pixelData(20, 20, 9, 9))))") == [0]
    assert krita.call("result = [layer.name for layer in here.layers()]") == ["Photo", "Background"]
