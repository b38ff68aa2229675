"""Models of documents: gone and trained again, exported and imported, trainings begun with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
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


def test_an_exported_model_is_imported_again_and_its_picture_has_it_back(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("given")
    artist.train_and_edit(SECOND_SPOON)
    mine = krita.call("result = S.active.model.id")
    artist.apply()
    artist.open_library(mine)
    path = artist.folder / "given.safetensors"
    artist.press_in_library("export")
    artist.choose_path(path)
    artist.wait_said(f"The model “given” is in {path}.")

    artist.remove_model(mine)
    krita.call("studio.library.refresh()")
    artist.wait_said(f"The model “given” {GONE}")
    krita.wait("w.list.count() == 0 or w.list.item(0).text() != 'given'")
    artist.press_in_library("import")
    artist.choose_path(path)
    krita.wait("'“given” is in the library' in w.said.text()")
    krita.wait(f"any(m.id == {mine!r} for m in studio.library.items)")
    krita.wait("not S.active.missing")
    krita.call("w.close()")
    assert krita.call("result = child('deepsim_model').currentText()") == "given (this picture's)"
    artist.apply()
    assert np.array_equal(artist.pixels("given #2"), artist.pixels("given #1"))


def test_a_training_begins_with_what_a_model_of_the_library_has_learned(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("teacher")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_through(seconds=4)
    teacher = krita.call("result = S.active.model.id")
    artist.train_instantly()
    instant = krita.call("result = S.active.model.id")

    artist.open_photo("pupil")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.open_library(instant)
    artist.press_in_library("start")
    artist.wait_said("has learned nothing that a training could begin with")
    artist.choose_model(teacher)
    artist.press_in_library("start")
    artist.wait_said("The next training of this picture begins with what “teacher” has learned.")
    screenshot("library-start")
    artist.train(seconds=300)
    # The training needs it: it stays, whatever is wished for.
    artist.press_in_library("delete")
    artist.confirm_delete("This cannot be undone")
    needed = "The training 'pupil' begins with the model 'teacher'"
    artist.confirm_delete(needed)
    krita.wait(f"w.said.text().startswith({needed!r})")
    artist.choose_model(teacher)
    krita.call("w.close(); child('deepsim_cancel_button').click()")
    artist.wait_said("Training stopped")
