"""What stands behind the buttons beside error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.scenes import Scene
else:
    from scenes import Scene


def test_an_engine_that_cannot_be_reached_can_be_restarted(scene: Scene) -> None:
    scene.engine.state("failed", "The engine does not answer.")
    assert (scene.said, scene.mend) == ("The engine does not answer.", "restart_engine")
    scene.do(scene.mend)
    assert scene.engine.restarts == 1
    assert scene.said == "The engine is restarting."


def test_a_running_engine_can_be_restarted_too(scene: Scene) -> None:
    scene.engine.state("ready")
    scene.do("restart_engine")
    assert scene.engine.restarts == 1


def test_the_log_is_shown_or_said_where_it_would_be(scene: Scene) -> None:
    scene.do("open_log")
    assert scene.editor.shown == ["engine.log"]
    scene.editor.files_exist = False
    scene.do("open_log")
    assert scene.said == "There is no log yet; it would be engine.log."


def test_without_a_document_the_button_opens_a_picture(scene: Scene) -> None:
    scene.editor.open = []
    scene.do("train")
    assert (scene.said, scene.mend) == ("Open a picture first.", "open_picture")
    scene.do(scene.mend)
    assert scene.editor.asked_for_picture


def test_a_part_that_is_missing_can_be_chosen_in_the_docker(scene: Scene) -> None:
    wanted: list[str] = []
    scene.session.wanted.connect(wanted.append)
    scene.trained()
    del scene.document.stack[0]
    scene.do("apply")
    assert "no edges layer is chosen" in scene.said
    scene.do(scene.mend)
    assert wanted == ["edges"]
