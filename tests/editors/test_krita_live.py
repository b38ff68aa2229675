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
    from tests.editors.artist import CANVAS_CHANGES, FIRST_START, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, Pixels, segments
else:
    from artist import CANVAS_CHANGES, FIRST_START, Artist
    from pictures import SIZE, SPOON, Pixels, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

SECOND_SPOON = ((430, 10, 560, 140), SPOON)
ABOVE_LEFT, BELOW_RIGHT = ((100, 10, 200, 100), SPOON), ((430, 280, 560, 390), SPOON)


def picture_in(path: Path) -> Pixels:
    """The picture of all layers that a .kra file holds, (height, width, 4)."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read("mergedimage.png")
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.every_krita
def test_the_preview_follows_the_drawing_and_goes(krita: KritaProcess, artist: Artist) -> None:
    artist.follow_live("live", SECOND_SPOON)
    assert krita.call("result = names()") == ["Background", "Live", "Segments"]
    krita.wait("doc.activeNode().name() == 'Segments'")
    krita.wait("child('deepsim_live').isChecked()")
    assert krita.call("result = node('Live').locked()")  # nobody paints on it by mistake

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
    artist.follow_live("undone", SECOND_SPOON)
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("'Live' in names()")
    krita.wait("not node('Live').visible() and node('Live').bounds().isEmpty()")
    assert krita.call("result = S.editor.active().can_redo")  # that it goes again
    krita.call("doc.rootNode().addChildNode(doc.createNode('New', 'paintlayer'), None)")
    krita.wait("'Live' not in names()")


def test_the_preview_follows_a_canvas_that_is_turned_mirrored_scaled_and_cropped(
    krita: KritaProcess, artist: Artist
) -> None:
    logged = krita.log.stat().st_size
    artist.follow_live("turned", ABOVE_LEFT)
    krita.call("seen = lambda: S.active.shown > shown and not S.busy and not S.steps.busy")
    for number, name in enumerate(("mirrored", "turned", "scaled", "cropped")):
        before = artist.pixels("Live")
        artist.once_applied(CANVAS_CHANGES[name])
        artist.repaint("Segments", segments((BELOW_RIGHT, ABOVE_LEFT)[number % 2]))
        krita.wait("changed")
        krita.call("doc.waitForDone(); shown = changed[0] - 1")
        krita.wait("seen()", 120)
        assert krita.call("result = names()") == ["Background", "Live", "Segments"], name
        assert krita.call("result = S.active.live"), (name, artist.said)
        # Nothing of it is beside the canvas.
        inside = "r = node('Live').bounds(); result = (r & doc.bounds()) == r"
        assert krita.call(inside), (name, krita.call("r = node('Live').bounds(); result = str(r)"))

        # It is another layer, lest the steps back and forth meet with what was drawn on it.
        back_and_forth(krita, "undo", "undo", "undo")
        assert krita.call("result = [doc.width(), doc.height()]") == list(SIZE), name
        assert np.array_equal(artist.pixels("Live"), before), name
        assert not krita.call("result = node('Live').visible()"), name
        back_and_forth(krita, "redo", "redo", "redo", "undo", "undo", "undo")
        assert np.array_equal(artist.pixels("Live"), before), name
        assert "changeList" not in krita.log.read_bytes()[logged:].decode(errors="replace")

        # Another step, so that there is nothing to redo: it is there again.
        krita.call("shown = S.active.shown")
        krita.call("doc.rootNode().addChildNode(doc.createNode('New', 'paintlayer'), None)")
        krita.wait("seen()", 120)
        krita.call("node('New').remove(); doc.waitForDone()")
        assert krita.call("result = names()") == ["Background", "Live", "Segments"], name
        pixels = artist.pixels("Live")[..., 3]
        assert pixels.max() == 255, name
        assert pixels[: SIZE[1] // 4, 3 * SIZE[0] // 4 :].max() == 0, (
            name
        )  # nothing was drawn there
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    assert krita.call("result = names()") == ["Background", "Segments"]


def back_and_forth(krita: KritaProcess, *steps: str) -> None:
    """Takes steps in the history, each with the time that a person takes."""
    for step in steps:
        krita.call(f"k.action('edit_{step}').trigger()")
        krita.call("calm = []; QTimer.singleShot(500, lambda: calm.append(True))")
        krita.wait("calm and S.editor.active().idle and not S.steps.busy")


def test_the_preview_follows_on_when_the_worker_that_kept_the_drawing_is_killed(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.follow_live("killed", ABOVE_LEFT)
    krita.call("""
bodies, client = [], S._client
def ask(kind, body, **more):
    bodies.extend([sorted(set(body) & {"base", "keep"})] if kind == "apply" else [])
    return type(client).request(client, kind, body, **more)
client.request = ask""")
    (worker,) = artist.engine().children()
    worker.kill()
    shown = krita.call("result = S.active.shown")
    artist.repaint("Segments", segments(ABOVE_LEFT, BELOW_RIGHT))
    krita.wait(f"S.active.shown > {shown}", FIRST_START)
    krita.call("del client.request")
    assert krita.call("result = bodies") == [["base"], ["keep"]]
    assert krita.call("result = S.active.live"), artist.said


def test_while_a_pen_is_down_the_drawing_is_not_looked_at(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.follow_live("pen", ABOVE_LEFT)
    artist.take_pen()
    krita.call("""
looks, look = [], studio.live.look
studio.live.look = lambda: [look(), looks.append(S.active.shown)]
# Below the canvas: what is drawn then is drawn by somebody else.
below = W.height() - canvas.mapTo(W, canvas.rect().center()).y() - 2
pen('Press', 0, below)""")
    assert krita.call("result = QApplication.mouseButtons() == Qt.MouseButton.NoButton")
    assert krita.call("result = S.editor.hand_down")
    artist.repaint("Segments", segments(BELOW_RIGHT))
    krita.call("looks.clear()")
    krita.wait("len(looks) > 50")
    assert krita.call("result = len(set(looks)) == 1 and not S.busy and not S.steps.busy")
    krita.call("pen('Release', 0, below)")
    assert not krita.call("result = S.editor.hand_down")
    krita.wait("S.active.shown > looks[0]")

    # A release that was missed does not stop Live: the pen in the air tells, or the mouse.
    krita.call("studio.live.look = look; pen('Press', 0, below); pen('Hover', 0, below)")
    assert not krita.call("result = S.editor.hand_down")
    krita.call("pen('Press', 0, below)")
    krita.click(
        *krita.call("""
place = canvas.mapToGlobal(canvas.rect().center() + QPoint(0, below))
result = [place.x(), place.y()]""")
    )
    krita.wait("not S.editor.hand_down")


def test_a_saved_preview_is_gone_when_the_file_is_opened(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.follow_live("saved", ABOVE_LEFT)
    krita.wait("S.active.remembered")
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
