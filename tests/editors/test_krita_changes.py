"""All kinds of layers, and what happens to documents while the plugin is at work on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.editors.artist import CANVAS_CHANGES, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.parts import of_which_in_every_krita
    from tests.editors.pictures import SIZE, segments
else:
    from artist import CANVAS_CHANGES, Artist
    from parts import of_which_in_every_krita
    from pictures import SIZE, segments

pytestmark = pytest.mark.editor

SRGB = "sRGB-elle-V2-srgbtrc.icc"
RED, GREEN, NOTHING = [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 0, 0]

SCENE = f"""
from krita import Selection
from deepsim_krita.application import KritaEditor
from deepsim_krita.document import KritaDocument
from deepsim_krita.editor import GoneError
from deepsim_krita.state import Picture
from deepsim_krita.steps import at_once
doc = k.createDocument(64, 48, "picture", "RGBA", "U8", {SRGB!r}, 72.0)
k.activeWindow().addView(doc); doc.waitForDone()
here = KritaEditor().active()
names = lambda: [n.name() for n in doc.topLevelNodes()]
uid_of = lambda n: n.uniqueId().toString()
def paint(name, bgra, x, y, w, h, parent=None):
    n = doc.createNode(name, "paintlayer")
    n.setPixelData(bytes(bgra) * (w * h), x, y, w, h)
    (parent or doc.rootNode()).addChildNode(n, None)
    doc.waitForDone()
    return n
def at(picture, x, y):
    return list(picture.rgba[(y * picture.width + x) * 4:][:4])
photo = paint("Photo", (0, 0, 255, 255), 0, 0, 32, 48)
result = True
"""
# Red at the left, nothing at the right.
LAYERS = {
    "paint": "n = photo",
    "hidden": "n = photo; n.setVisible(False)",
    "locked": "n = photo; n.setLocked(True)",
    "translucent": "n = photo; n.setOpacity(30)",
    "beyond the canvas": """
n = paint("wide", (0, 0, 255, 255), -40, -30, 72, 100); n.setName("wide")""",
    "group": """
n = doc.createGroupLayer("group"); doc.rootNode().addChildNode(n, None)
paint("inner", (0, 0, 255, 255), 0, 0, 32, 48, n)""",
    "hidden group": """
n = doc.createGroupLayer("group"); doc.rootNode().addChildNode(n, None)
paint("inner", (0, 0, 255, 255), 0, 0, 32, 48, n); n.setVisible(False)""",
    "vector": """
n = doc.createVectorLayer("vector"); doc.rootNode().addChildNode(n, None)
n.addShapesFromSvg('<svg xmlns="http://www.w3.org/2000/svg" width="64px" height="48px" '
    'viewBox="0 0 64 48"><rect width="32" height="48" fill="#ff0000"/></svg>')""",
    "clone": "n = doc.createCloneLayer('clone', photo); doc.rootNode().addChildNode(n, None)",
    "file": """
n = doc.createFileLayer("file", {file!r}, "None"); doc.rootNode().addChildNode(n, None)""",
    "masked": """
n = paint("masked", (0, 0, 255, 255), 0, 0, 64, 48)
left = Selection(); left.select(0, 0, 32, 48, 255); doc.setSelection(left)
doc.setActiveNode(n); doc.waitForDone()
QTimer.singleShot(0, k.action("add_new_transparency_mask").trigger)""",
}


@pytest.mark.parametrize(
    "kind", of_which_in_every_krita(LAYERS, ["group", "vector", "file", "masked"])
)
def test_every_kind_of_layer_can_be_the_image(
    krita: KritaProcess, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "photo.png"
    photo = Image.new("RGBA", (64, 48))
    photo.paste(tuple(RED), (0, 0, 32, 48))
    photo.save(path)
    krita.call(SCENE)
    krita.call(LAYERS[kind].replace("{file!r}", repr(str(path))))
    krita.call("doc.refreshProjection(); doc.waitForDone(); uid = uid_of(n)")
    # What a file, shapes or a mask give comes when Krita finds the time.
    krita.call("def seen(p): return [at(p, 3, 3), at(p, 28, 40), at(p, 60, 20)]")
    krita.wait(f"seen(here.read(uid)) == {[RED, RED, NOTHING]}")
    listed = krita.call("result = [layer.uid for layer in here.layers()]")
    assert krita.call("result = uid") in listed


CHANGES = {
    "layer deleted": "photo.remove()",
    "layer renamed": "photo.setName('Another')",
    "layer painted over": "photo.setPixelData(bytes((255, 0, 0, 255)) * 3072, 0, 0, 64, 48)",
    "layer hidden": "photo.setVisible(False)",
    "colours converted": f"doc.setColorSpace('RGBA', 'U16', {SRGB!r})",
    "canvas made larger": "doc.resizeImage(-10, -10, 100, 90)",
    "canvas made smaller": "doc.resizeImage(5, 5, 20, 20)",
    "canvas turned": "doc.rotateImage(1.5707963)",
    "document closed": "doc.setModified(False); doc.close()",
}
ENDS = """
try: at_once(work)
except GoneError as e: result = str(e)
del work, photo"""
HARD_CHANGES = ["layer deleted", "colours converted", "canvas turned", "document closed"]


@pytest.mark.parametrize("change", of_which_in_every_krita(CHANGES, HARD_CHANGES))
def test_a_picture_is_read_as_it_was_whatever_happens_meanwhile(
    krita: KritaProcess, change: str
) -> None:
    krita.call(SCENE)
    krita.call("doc.waitForDone(); work = here.reading(uid_of(photo)); next(work)")
    krita.call(CHANGES[change])
    if change == "document closed":
        assert krita.call(ENDS) == "The document was closed."
        return
    pixels = krita.call("""
p = at_once(work); result = [p.width, p.height, at(p, 3, 3), at(p, 60, 20)]""")
    assert pixels == [64, 48, RED, NOTHING]
    krita.call("del work, photo")


@pytest.mark.parametrize("change", of_which_in_every_krita(CHANGES, HARD_CHANGES))
def test_a_result_finds_its_place_whatever_happens_meanwhile(
    krita: KritaProcess, change: str
) -> None:
    krita.call(SCENE)
    krita.call("""
paint("Top", (0, 255, 0, 255), 0, 0, 8, 8)
picture = Picture(64, 48, bytes((0, 255, 0, 255)) * 3072)
work = here.inserting(picture, "Result", uid_of(photo), uid_of(photo)); next(work)""")
    krita.call(CHANGES[change])
    if change == "document closed":
        assert krita.call(ENDS) == "The document was closed."
        return
    krita.call("doc.waitForDone(); uid = at_once(work).uid")
    wanted = ["Background", "Photo", "Result", "Top"]
    if change == "layer renamed":
        wanted[1] = "Another"
    if change == "layer deleted":
        wanted = ["Background", "Top", "Result"]
    krita.wait(f"names() == {wanted}")
    depth = "U16" if change == "colours converted" else "U8"
    assert krita.call("result = doc.topLevelNodes()[2].colorDepth()") == depth
    krita.call("p = KritaDocument(doc).read(uid)")
    assert krita.call("result = at(p, 3, 3)") == GREEN
    # One step back brings back what was there before.
    krita.wait("k.action('edit_undo').isEnabled()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait(f"names() == {[name for name in wanted if name != 'Result']}")
    krita.call("del work, photo")


def test_a_result_comes_into_its_document_when_another_is_in_front(krita: KritaProcess) -> None:
    krita.call(SCENE)
    krita.call(f"""
picture = Picture(64, 48, bytes((0, 255, 0, 255)) * 3072)
work = here.inserting(picture, "Result", uid_of(photo)); next(work)
other = k.createDocument(32, 32, "other", "RGBA", "U8", {SRGB!r}, 72.0)
k.activeWindow().addView(other); other.waitForDone(); at_once(work)""")
    assert krita.call("result = names()") == ["Background", "Photo", "Result"]
    assert krita.call("result = [n.name() for n in other.topLevelNodes()]") == ["Background"]


@pytest.mark.timeout(900)
def test_a_result_for_a_canvas_that_was_changed_meanwhile_says_what_to_do(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("changed")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    for name, change in CANVAS_CHANGES.items():
        artist.once_applied(change)
        artist.apply()
        told = "turn or mirror" if "turned" in name or "mirrored" in name else "move or scale"
        assert told in artist.said, (name, artist.said)
        assert krita.call("result = changed and names()[1].startswith('changed #')"), name
        # It is the whole result, though the canvas may show a part of it.
        bounds = "r = doc.topLevelNodes()[1].bounds(); result = [r.width(), r.height()]"
        assert krita.call(bounds) == list(SIZE), name
        krita.wait("not S.jobs and not S.steps.busy")
        krita.call("k.action('edit_undo').trigger()")
        krita.wait("names() == ['Background', 'Segments']")
        krita.call("steps = k.action('edit_undo').text(); k.action('edit_undo').trigger()")
        krita.wait("k.action('edit_undo').text() != steps")
        krita.call("doc.waitForDone()")
        krita.wait(f"[doc.width(), doc.height()] == {list(SIZE)} == list(S.active.size)")
    # Where nothing was changed nothing is said.
    artist.apply()
    assert "meanwhile" not in artist.said


@pytest.mark.every_krita
def test_a_document_in_two_windows_and_views_is_one(krita: KritaProcess) -> None:
    krita.call(SCENE)
    krita.call("first = k.activeWindow(); first.addView(doc); second = k.openWindow()")
    krita.call("second.addView(doc)")
    try:
        krita.call("picture = Picture(64, 48, bytes((0, 255, 0, 255)) * 3072)")
        krita.call("uid = here.insert(picture, 'Result', uid_of(photo))")
        assert krita.call("result = names()") == ["Background", "Photo", "Result"]
        assert krita.call("result = KritaEditor().find(here.uid) is not None")
        assert krita.call("result = KritaEditor().active().uid == here.uid")
    finally:
        krita.call("doc.setModified(False); QTimer.singleShot(0, second.qwindow().close)")
        krita.wait("len(k.windows()) == 1")


def test_an_8k_canvas_can_be_read_and_added_to(krita: KritaProcess) -> None:
    krita.call(SCENE.replace('64, 48, "picture"', '8192, 8192, "large"'))
    pixels = krita.call("""
p = here.read(uid_of(photo))
result = [p.width, p.height, len(p.rgba), at(p, 3, 3), at(p, 8000, 8000), p.is_empty]
del p""")
    assert pixels == [8192, 8192, 4 * 8192**2, RED, NOTHING, False]

    # A result for a part of it, at its lower right edge.
    krita.call("""
picture = Picture(640, 480, bytes((0, 255, 0, 255)) * (640 * 480))
uid = at_once(here.inserting(picture, "Result", uid_of(photo), uid_of(photo), (7552, 7712))).uid
doc.waitForDone()""")
    assert krita.call("result = names()") == ["Background", "Photo", "Result"]
    bounds = "r = doc.topLevelNodes()[2].bounds(); result = [r.x(), r.y(), r.right(), r.bottom()]"
    assert krita.call(bounds) == [7552, 7712, 8191, 8191]
    seen = "result = [list(bytes(doc.pixelData(x, x, 1, 1))) for x in (7711, 7712, 8191)]"
    assert krita.call(seen) == [[255] * 4, GREEN, GREEN]
    krita.wait("k.action('edit_undo').isEnabled()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("names() == ['Background', 'Photo']")


def test_a_result_goes_above_every_kind_of_layer(krita: KritaProcess, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGBA", (64, 48), tuple(RED)).save(path)
    krita.call(SCENE)
    krita.call("picture = Picture(64, 48, bytes((0, 255, 0, 255)) * 3072)")
    makes = {kind: code for kind, code in LAYERS.items() if kind != "masked"}
    makes["locked hidden group"] = """
g = doc.createGroupLayer("outer"); doc.rootNode().addChildNode(g, None)
n = paint("inside", (0, 0, 255, 255), 0, 0, 32, 48, g)
n.setLocked(True); g.setLocked(True); g.setVisible(False)"""
    wrong = []
    for kind, make in makes.items():
        krita.call(make.replace("{file!r}", repr(str(path))))
        order = krita.call("""
doc.waitForDone(); uid = here.insert(picture, "Result", uid_of(n), uid_of(n))
order = [(uid_of(each), each.name()) for each in n.parentNode().childNodes()]
at_layer = [entry[0] for entry in order].index(uid_of(n))
result = order[at_layer + 1] == (uid, "Result")
next(each for each in n.parentNode().childNodes() if uid_of(each) == uid).remove()""")
        if not order:
            wrong.append(kind)
    assert wrong == []
