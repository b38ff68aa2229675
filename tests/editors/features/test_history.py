"""Results so far: kept, compared with the original, inserted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deepsim_krita.features import history

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, LINES, PHOTO, Scene, image_frame
else:
    from scenes import COLOURS, LINES, PHOTO, Scene, image_frame


@pytest.fixture
def twice(scene: Scene) -> Scene:
    """Two results: first LINES, then COLOURS."""
    scene.trained()
    scene.apply(picture=LINES)
    scene.apply(picture=COLOURS)
    return scene


def test_results_are_kept_newest_first_with_the_picture_before(twice: Scene) -> None:
    state = twice.state
    assert [result.name for result in state.history] == ["Photo #2", "Photo #1"]
    assert [result.picture for result in state.history] == [COLOURS, LINES]
    assert state.compared is state.history[0]
    assert state.before == PHOTO


def test_an_older_result_can_be_looked_at_again(twice: Scene) -> None:
    older = twice.state.history[1]
    twice.studio.history.show(older)
    assert twice.state.preview == LINES
    assert twice.state.compared is older


def test_a_result_is_inserted_again_above_the_picture(twice: Scene) -> None:
    del twice.document.stack[2]  # the newest
    twice.document.current = "d/Photo"
    twice.session.observe()
    twice.studio.history.insert(twice.state.history[0])
    assert twice.document.names == ["Edges", "Segments", "Photo #2", "Photo #1", "Photo"]
    assert twice.document.stack[2][2] == COLOURS
    assert twice.said == "“Photo #2” is inserted again."
    twice.session.observe()
    assert twice.state.roles.image is not None
    assert twice.state.roles.image.name == "Photo"


def test_before_after_hides_the_result_on_show_and_shows_it_again(twice: Scene) -> None:
    twice.do("before_after")
    assert twice.document.hidden == {"d/Photo #2"}
    twice.do("before_after")
    assert twice.document.hidden == set()
    del twice.document.stack[2]
    twice.do("before_after")
    assert twice.document.hidden == {"d/Photo #1"}


def test_without_any_result_there_is_nothing_to_compare(scene: Scene) -> None:
    scene.do("before_after")
    assert scene.said.startswith("There is no result to compare")


def test_memory_is_given_back(twice: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_BYTES", 2 * len(PHOTO.rgba))
    twice.apply(picture=PHOTO)
    assert [result.name for result in twice.state.history] == ["Photo #3", "Photo #2"]


def test_a_document_closed_before_its_picture_is_read_for_comparing_is_no_error(
    scene: Scene,
) -> None:
    scene.trained()
    scene.do("apply")
    scene.editor.find = lambda uid: scene.document if not scene.document.stack[3:] else None  # type: ignore[method-assign]
    scene.engine.reply("apply", "result", {"model": {"name": "Photo"}}, image_frame(LINES))
    assert scene.state.before is None


def test_a_closed_document_gives_its_pictures_back(twice: Scene) -> None:
    state = twice.state
    twice.editor.open.clear()
    twice.session.observe()
    assert state.history == ()
    assert (state.compared, state.preview, state.before) == (None, None, None)
    assert not state.holds_pictures
    assert state.applied == 2  # the next result's number goes on


def test_all_documents_together_keep_only_so_much(
    twice: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_BYTES", 2 * len(PHOTO.rgba))
    first = twice.state
    twice.show({"Edges": LINES, "Segments": COLOURS, "Photo": PHOTO})
    twice.trained()
    twice.apply(picture=LINES)
    assert [result.name for result in twice.state.history] == ["Photo #1"]
    assert [result.name for result in first.history] == ["Photo #2"]


def test_a_document_opened_again_has_the_results_that_are_still_layers(twice: Scene) -> None:
    twice.session.observe()
    again = twice.reopened()
    again.session.observe()
    assert [result.name for result in again.state.history] == ["Photo #2", "Photo #1"]
    assert again.state.history[1].picture == LINES
    assert again.state.preview == COLOURS
    assert again.state.before == PHOTO


def test_a_result_whose_layer_is_gone_is_not_there_again(twice: Scene) -> None:
    twice.session.observe()
    del twice.document.stack[2]
    again = twice.reopened()
    again.session.observe()
    assert [result.name for result in again.state.history] == ["Photo #1"]


def test_a_large_document_does_not_read_all_of_them(
    twice: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "RECALLED_BYTES", len(PHOTO.rgba))
    twice.session.observe()
    again = twice.reopened()
    again.session.observe()
    assert [result.name for result in again.state.history] == ["Photo #2"]
