"""Live in a real Krita: a preview that follows the drawing and leaves nothing behind."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, Pixels, segments
else:
    from artist import FIRST_START, Artist
    from pictures import SIZE, SPOON, Pixels, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

SECOND_SPOON = ((430, 10, 560, 140), SPOON)
ABOVE_LEFT, BELOW_RIGHT = ((100, 10, 200, 100), SPOON), ((430, 280, 560, 390), SPOON)


def opaque(artist: Artist, name: str) -> float:
    """The share of a layer that is painted on."""
    return float((artist.pixels(name)[..., 3] > 0).mean())


def picture_in(path: Path) -> Pixels:
    """The picture of all layers that a .kra file holds, (height, width, 4)."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read("mergedimage.png")
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.every_krita
def test_the_preview_follows_the_drawing_and_goes(krita: KritaProcess, artist: Artist) -> None:
    artist.open_photo("live")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(SECOND_SPOON))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.shown > 0", FIRST_START)
    assert krita.call("result = names()") == ["Background", "Live", "Segments"]
    krita.wait("doc.activeNode().name() == 'Segments'")
    krita.wait("child('deepsim_live').isChecked()")
    krita.wait("not S.steps.busy")

    # It holds what differs from the picture, not all of it.
    pixels = artist.pixels("Live")
    assert pixels[: SIZE[1] // 3, 3 * SIZE[0] // 4 :, 3].max() == 255
    assert pixels[SIZE[1] // 2 :, : SIZE[0] // 2, 3].max() == 0

    # Another edit: the old one goes, the new one comes.
    before = krita.call("result = S.active.shown")
    artist.repaint("Segments", segments(BELOW_RIGHT))
    krita.wait(f"S.active.shown > {before} and not S.busy and not S.steps.busy", 60)
    pixels = artist.pixels("Live")
    assert pixels[3 * SIZE[1] // 4 :, 3 * SIZE[0] // 4 :, 3].max() == 255
    assert pixels[: SIZE[1] // 4, 3 * SIZE[0] // 4 :, 3].max() == 0

    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    krita.wait("not child('deepsim_live').isChecked()")
    assert krita.call("result = names()") == ["Background", "Segments"]


def test_a_preview_that_undo_brings_back_is_empty_and_goes_with_the_next_edit(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("undone")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(SECOND_SPOON))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.shown > 0 and not S.steps.busy", FIRST_START)
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("'Live' in names()")
    krita.wait("not node('Live').visible() and node('Live').bounds().isEmpty()")
    # What would be redone comes last in the action's text.
    assert not krita.call("result = k.action('edit_redo').text().endswith(' ')")
    krita.call("doc.rootNode().addChildNode(doc.createNode('New', 'paintlayer'), None)")
    krita.wait("'Live' not in names()")


def test_the_preview_is_in_place_after_the_canvas_was_cropped(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("cropped")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(ABOVE_LEFT))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.shown > 0", FIRST_START)
    krita.call("shown = S.active.shown; doc.crop(20, 10, 100, 80); doc.waitForDone()")
    krita.wait("S.active.shown > shown and not S.busy and not S.steps.busy", 120)
    # No model knows this canvas, so all of it is made anew, and nothing lies beside it.
    bounds = "r = node('Live').bounds(); result = [r.x(), r.y(), r.width(), r.height()]"
    assert krita.call(bounds) == [0, 0, 100, 80]
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")


def test_a_saved_preview_is_gone_when_the_file_is_opened(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("saved")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(ABOVE_LEFT))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.shown > 0", FIRST_START)
    krita.wait("S.active.remembered and not S.steps.busy")
    path = artist.folder / "saved.kra"
    krita.call(f"""
doc.setBatchmode(True); doc.saveAs({str(path)!r}); doc.waitForDone()
doc.setFileName({str(path)!r})
doc.setModified(True)  # else Krita sees no reason to write the file""")
    before = path.stat().st_mtime_ns
    krita.press("ctrl+s")
    krita.wait(f"__import__('os').stat({str(path)!r}).st_mtime_ns > {before}", 60)
    krita.wait("node('Live').visible()")  # it was hidden for that time only
    krita.wait(f"__import__('zipfile').is_zipfile({str(path)!r})")
    merged = picture_in(path)
    krita.call("node('Live').setVisible(False); doc.refreshProjection(); doc.waitForDone()")
    assert np.array_equal(merged, artist.canvas())

    krita.close_documents()
    krita.wait("S.active is None")
    krita.call("S.documents.clear()")  # as in a Krita that was started anew
    krita.call(f"doc = k.openDocument({str(path)!r}); k.activeWindow().addView(doc)")
    krita.wait("S.active is not None and not S.active.live")
    krita.wait("'Live' not in names()")
    assert krita.call("result = names()") == ["Background", "Segments"]
