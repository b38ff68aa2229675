"""The adapter to Krita's documents, in a real Krita: pixels in any colour space, place, undo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess

pytestmark = pytest.mark.editor

SRGB = "sRGB-elle-V2-srgbtrc.icc"
LINEAR = "sRGB-elle-V2-g10.icc"
SPACES = [
    ("RGBA", "U8", SRGB),
    ("RGBA", "U16", SRGB),
    ("RGBA", "U16", LINEAR),
    ("RGBA", "F16", LINEAR),
    ("RGBA", "F32", LINEAR),
]
NEW = """
from deepsim_krita.application import KritaEditor
from deepsim_krita.state import Picture
doc = k.createDocument({width}, {height}, "picture", {model!r}, {depth!r}, {profile!r}, 72.0)
k.activeWindow().addView(doc); doc.waitForDone()
here = KritaEditor().active()
names = lambda: [n.name() for n in doc.topLevelNodes()]
"""


def new(
    krita: KritaProcess, space: tuple[str, str, str] = SPACES[0], width: int = 64, height: int = 48
) -> None:
    model, depth, profile = space
    krita.call(NEW.format(width=width, height=height, model=model, depth=depth, profile=profile))


# Every colour byte value, and alpha from nothing to all.
RAMP = """
ramp = bytearray()
for y in range(48):
    for x in range(64):
        ramp += bytes((x * 4, 255 - x * 4, y * 5, 255 if y < 24 else (y - 24) * 11))
picture = Picture(64, 48, bytes(ramp))
"""


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s[0]}-{s[1]}-{s[2]}")
def test_pixels_go_in_and_come_out_unchanged(
    krita: KritaProcess, space: tuple[str, str, str]
) -> None:
    new(krita, space)
    worst = krita.call(
        RAMP
        + """
uid = here.insert(picture, "ramp", None)
doc.waitForDone()
back = KritaEditor().active().read(uid)
worst = 0
for i in range(0, len(ramp), 4):
    if ramp[i + 3]:
        worst = max(worst, *(abs(a - b) for a, b in zip(ramp[i:i + 4], back.rgba[i:i + 4])))
result = [worst, back.width, back.height, str(doc.activeNode().colorDepth())]"""
    )
    assert worst == [0, 64, 48, space[1]]


def test_an_offset_layer_is_read_at_its_place(krita: KritaProcess) -> None:
    new(krita)
    pixels = krita.call("""
n = doc.createNode("moved", "paintlayer")
n.setPixelData(bytes((0, 0, 255, 255)) * 400, 0, 0, 20, 20)
doc.rootNode().addChildNode(n, None); n.move(-5, 40); doc.waitForDone()
p = here.read(n.uniqueId().toString())
at = lambda x, y: list(p.rgba[(y * 64 + x) * 4:][:4])
result = [at(0, 40), at(14, 47), at(15, 47), at(0, 39)]""")
    red, nothing = [255, 0, 0, 255], [0, 0, 0, 0]
    assert pixels == [red, red, nothing, nothing]


def test_a_group_is_read_as_one_picture_with_its_masks(krita: KritaProcess) -> None:
    new(krita)
    pixels = krita.call("""
g = doc.createGroupLayer("group"); doc.rootNode().addChildNode(g, None)
for name, colour, x in (("a", (0, 0, 255, 255), 0), ("b", (0, 255, 0, 255), 10)):
    n = doc.createNode(name, "paintlayer")
    n.setPixelData(bytes(colour) * 400, x, 0, 20, 20); g.addChildNode(n, None)
doc.refreshProjection(); doc.waitForDone()
p = here.read(g.uniqueId().toString())
at = lambda x, y: list(p.rgba[(y * 64 + x) * 4:][:4])
result = [at(5, 5), at(15, 5), at(25, 5), at(40, 5)]""")
    assert pixels == [[255, 0, 0, 255], [0, 255, 0, 255], [0, 255, 0, 255], [0, 0, 0, 0]]


def test_a_hidden_translucent_layer_is_read_as_drawn(krita: KritaProcess) -> None:
    new(krita)
    pixel = krita.call("""
n = doc.createNode("hidden", "paintlayer")
n.setPixelData(bytes((9, 8, 7, 255)) * (64 * 48), 0, 0, 64, 48)
doc.rootNode().addChildNode(n, None); n.setOpacity(40); n.setVisible(False)
doc.refreshProjection(); doc.waitForDone()
result = list(here.read(n.uniqueId().toString()).rgba[:4])""")
    assert pixel == [7, 8, 9, 255]


@pytest.mark.every_krita
def test_a_new_layer_goes_above_the_named_one_in_one_undo_step(krita: KritaProcess) -> None:
    new(krita)
    krita.call(
        RAMP
        + """
top = doc.createNode("Top", "paintlayer"); doc.rootNode().addChildNode(top, None)
base = doc.topLevelNodes()[0]
uid = here.insert(picture, "result", base.uniqueId().toString())"""
    )
    krita.wait("names() == ['Background', 'result', 'Top']")
    krita.wait("doc.activeNode().name() == 'result'")
    krita.wait("k.action('edit_undo').isEnabled()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("names() == ['Background', 'Top']")
    krita.call("k.action('edit_redo').trigger()")
    krita.wait("names() == ['Background', 'result', 'Top']")
    assert krita.call("result = KritaEditor().active().read(uid).rgba == picture.rgba")


def test_a_new_layer_goes_into_the_group_of_the_picture(krita: KritaProcess) -> None:
    new(krita)
    krita.call(
        RAMP
        + """
g = doc.createGroupLayer("group"); doc.rootNode().addChildNode(g, None)
n = doc.createNode("photo", "paintlayer"); g.addChildNode(n, None)
here.insert(picture, "result", n.uniqueId().toString())"""
    )
    assert krita.call("result = [c.name() for c in g.childNodes()]") == ["photo", "result"]


def test_when_the_picture_is_gone_the_new_layer_goes_on_top(krita: KritaProcess) -> None:
    new(krita)
    krita.call(RAMP + "here.insert(picture, 'result', '{00000000-0000-0000-0000-000000000000}')")
    assert krita.call("result = names()") == ["Background", "result"]


def test_layers_are_listed_from_top_to_bottom_without_masks(krita: KritaProcess) -> None:
    new(krita)
    listed = krita.call("""
g = doc.createGroupLayer("group"); doc.rootNode().addChildNode(g, None)
n = doc.createNode("inner", "paintlayer"); g.addChildNode(n, None)
m = doc.createNode("mask", "transparencymask"); n.addChildNode(m, None)
doc.setActiveNode(m); doc.waitForDone()
result = [(layer.name, layer.level) for layer in here.layers()]""")
    assert listed == [["group", 0], ["inner", 1], ["Background", 0]]
    krita.wait("doc.activeNode().name() == 'mask'")
    assert krita.call("result = here.active_layer() == n.uniqueId().toString()")


@pytest.mark.every_krita
def test_layer_ids_and_memory_survive_saving_and_opening_again(
    krita: KritaProcess, tmp_path: Path
) -> None:
    path = str(tmp_path / "a.kra")
    new(krita, SPACES[1])
    before = krita.call(f"""
here.remember({{"model": {{"id": "abc"}}}})
doc.setBatchmode(True); doc.saveAs({path!r}); doc.waitForDone()
result = [layer.uid for layer in here.layers()]""")
    krita.close_documents()
    after = krita.call(f"""
doc = k.openDocument({path!r}); k.activeWindow().addView(doc); here = KritaEditor().active()
result = [[layer.uid for layer in here.layers()], here.recall(), here.title]""")
    assert after == [before, {"model": {"id": "abc"}}, "a"]


@pytest.mark.every_krita
def test_a_closed_document_is_not_found(krita: KritaProcess) -> None:
    new(krita)
    uid = krita.call("result = here.uid")
    assert krita.call(f"result = KritaEditor().find({uid!r}) is not None")
    krita.close_documents()
    assert krita.call(f"result = KritaEditor().find({uid!r}) is None")
    assert krita.call("result = KritaEditor().active() is None")
