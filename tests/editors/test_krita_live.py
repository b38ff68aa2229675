"""Live in a real Krita: a preview that follows the drawing and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, segments
else:
    from artist import FIRST_START, Artist
    from pictures import SIZE, SPOON, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

SECOND_SPOON = ((430, 10, 560, 140), SPOON)
ABOVE_LEFT, BELOW_RIGHT = ((100, 10, 200, 100), SPOON), ((430, 280, 560, 390), SPOON)


def opaque(artist: Artist, name: str) -> float:
    """The share of a layer that is painted on."""
    return float((artist.pixels(name)[..., 3] > 0).mean())


@pytest.mark.every_krita
def test_the_preview_follows_the_drawing_and_goes(krita: KritaProcess, artist: Artist) -> None:
    artist.open_photo("live")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(SECOND_SPOON))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.live_box[2] > 0", FIRST_START)
    assert krita.call("result = names()") == ["Background", "Live", "Segments"]
    krita.wait("doc.activeNode().name() == 'Segments'")
    krita.wait("child('deepsim_live').isChecked()")
    krita.wait("not S.steps.busy")

    # It holds what differs from the picture, not all of it.
    pixels = artist.pixels("Live")
    assert pixels[: SIZE[1] // 3, 3 * SIZE[0] // 4 :, 3].max() == 255
    assert pixels[SIZE[1] // 2 :, : SIZE[0] // 2, 3].max() == 0

    # Another edit: the old one goes, the new one comes.
    before = krita.call("result = list(S.active.live_box)")
    artist.repaint("Segments", segments(BELOW_RIGHT))
    krita.wait(f"list(S.active.live_box) != {before} and not S.steps.busy", 60)
    pixels = artist.pixels("Live")
    assert pixels[3 * SIZE[1] // 4 :, 3 * SIZE[0] // 4 :, 3].max() == 255
    assert pixels[: SIZE[1] // 4, 3 * SIZE[0] // 4 :, 3].max() == 0

    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    krita.wait("not child('deepsim_live').isChecked()")
    assert krita.call("result = names()") == ["Background", "Segments"]


def test_a_saved_preview_is_gone_when_the_file_is_opened(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("saved")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    artist.repaint("Segments", segments(ABOVE_LEFT))
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' in names() and S.active.live_box[2] > 0", FIRST_START)
    krita.wait("S.active.remembered and not S.steps.busy")
    path = str(artist.folder / "saved.kra")
    krita.call(f"doc.setBatchmode(True); doc.saveAs({path!r}); doc.waitForDone()")
    krita.close_documents()
    krita.wait("S.active is None")
    krita.call("S.documents.clear()")  # as in a Krita that was started anew
    krita.call(f"doc = k.openDocument({path!r}); k.activeWindow().addView(doc)")
    krita.wait("S.active is not None and not S.active.live")
    krita.wait("'Live' not in names()")
    assert krita.call("result = names()") == ["Background", "Segments"]
