"""The core: jobs, notices and the document in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.scenes import LINES, PHOTO, MemoryDocument, Scene
else:
    from scenes import LINES, PHOTO, MemoryDocument, Scene


def test_without_a_document_everything_is_refused(scene: Scene) -> None:
    scene.editor.open = []
    for action in ("train", "apply", "segment"):
        scene.session.notice = None
        scene.do(action)
        assert scene.said == "Open a picture first."


def test_a_reply_after_the_last_one_changes_nothing(scene: Scene) -> None:
    scene.do("train")
    scene.engine.reply("train", "error", {"code": "failed", "message": "No memory."})
    scene.engine.reply("train", "progress", {"step": 1})
    assert (scene.said, scene.session.jobs) == ("No memory.", [])


def test_a_training_of_another_document_is_shown_where_nothing_else_runs(scene: Scene) -> None:
    scene.do("train")
    other = MemoryDocument("o", "other", {"Edges": LINES, "Photo": PHOTO})
    scene.editor.open.insert(0, other)
    scene.session.observe()
    assert scene.session.shown_job is scene.session.jobs[0]
    scene.do("segment")
    assert scene.session.shown_job is scene.session.jobs[1]
