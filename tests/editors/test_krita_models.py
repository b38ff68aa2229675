"""Models that are gone: documents say so, and train them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist, differs
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, photo, segments
else:
    from artist import FIRST_START, Artist, differs
    from pictures import SIZE, SPOON, photo, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

WIDTH, HEIGHT = SIZE
SECOND_SPOON = ((430, 10, 560, 140), SPOON)
GONE = "of this picture is not in the library any more"


@pytest.mark.every_krita
def test_a_saved_document_whose_model_is_gone_says_so_and_trains_it_again(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("orphan")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    gone = krita.call("result = S.active.model.id")
    path = str(artist.folder / "orphan.kra")
    krita.wait("S.active.remembered")
    krita.call(f"doc.setBatchmode(True); doc.saveAs({path!r}); doc.waitForDone()")
    krita.quit_krita()
    artist.remove_model(gone)
    krita.start_krita()
    krita.set_up()
    krita.call(f"""
S.settings.preset, S.settings.seconds = "draft", 300
doc = k.openDocument({path!r}); k.activeWindow().addView(doc); doc.waitForDone()
names = lambda: [n.name() for n in doc.topLevelNodes()]
node = lambda name: next(n for n in doc.topLevelNodes() if n.name() == name)""")
    artist.wait_said(f"The model “orphan” {GONE}")
    krita.wait("child('deepsim_model').currentText() == 'orphan (gone)'")
    assert krita.call("result = child('deepsim_mend_button').text()") == "Train Again"
    assert artist.emphasised() == ["deepsim_mend_button"]
    screenshot("model-gone")

    # Not with what is set now, but with what that model was trained with: it takes no time.
    krita.call("child('deepsim_mend_button').click()")
    artist.wait_said("Model “orphan” is trained", timeout=FIRST_START)
    assert krita.call("result = S.settings.preset") == "instant"
    assert krita.call("result = S.active.model.preset") == "instant"
    assert artist.emphasised() == ["deepsim_apply_button"]
    artist.repaint("Segments", segments(SECOND_SPOON))
    artist.apply()
    assert krita.call("result = names()") == ["Background", "orphan #1", "Segments"]
    changed = differs(artist.pixels("orphan #1"), photo())
    spoon = (segments(SECOND_SPOON) != segments()).any(axis=2)
    assert changed[spoon].mean() > 20
    assert (changed[HEIGHT // 2 :, : WIDTH // 2] == 0).all()


def test_a_model_that_somebody_else_removes_is_missed_by_apply_and_trained_again(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("robbed")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    krita.wait("any(m.id == S.active.model.id for m in studio.library.items)")
    artist.remove_model(krita.call("result = S.active.model.id"))
    krita.call("k.action('deepsim_apply').trigger()")
    artist.wait_said(GONE)
    # Other words in its place take the button away, but not what is to be done.
    krita.call("S.active.notice = None")
    krita.wait("child('deepsim_again_button').isVisibleTo(D)")
    assert artist.emphasised() == ["deepsim_again_button"]
    krita.call("child('deepsim_again_button').click()")
    artist.wait_said("is trained", timeout=FIRST_START)
    artist.apply()
    assert krita.call("result = names()") == ["Background", "robbed #1", "Segments"]
