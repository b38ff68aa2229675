"""What to do next: one sentence and one action, from the first minute to the next edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.editors.scenes import LINES, PHOTO, Scene, image_frame
else:
    from scenes import LINES, PHOTO, Scene, image_frame


def test_the_way_from_nothing_to_an_edit(scene: Scene) -> None:
    def step() -> str:
        return scene.studio.guiding.next.action

    scene.editor.open = []
    scene.session.observe()
    assert step() == "open_picture"
    scene.show({"Photo": PHOTO})
    assert step() == "primitive"
    scene.show({"Edges": LINES, "Photo": PHOTO})
    assert step() == "train"
    scene.do("train")
    assert step() == ""
    scene.engine.reply("train", "preview", {}, image_frame(PHOTO, "preview"))
    assert step() == "apply"
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    assert step() == "train"
    scene.do("train")
    scene.engine.reply("train", "result", {"model": {"id": "m1", "name": "Photo"}})
    assert step() == "apply"


def test_each_step_has_a_sentence_and_an_action_that_exists(scene: Scene) -> None:
    scene.editor.open = []
    for layers in (None, {"Photo": PHOTO}, {"Edges": LINES, "Photo": PHOTO}):
        if layers is not None:
            scene.show(layers)
        step = scene.studio.guiding.next
        assert step.text.endswith(".")
        assert step.action in scene.studio.actions


def test_where_the_model_is_gone_the_next_step_is_to_train_as_before(scene: Scene) -> None:
    scene.trained()
    assert scene.studio.guiding.next.action == "apply"
    scene.studio.library.refresh()
    other = {"id": "m2", "name": "other", "kind": "both", "size": [4, 3]}
    scene.engine.reply("models", "result", {"models": [other]})
    assert scene.studio.guiding.next.action == "train_again"
    scene.state.model_choice = "m2"
    assert scene.studio.guiding.next.action == "apply"


def test_a_model_of_the_same_size_is_no_reason_not_to_train(scene: Scene) -> None:
    scene.studio.library.refresh()
    fitting = {"id": "m2", "name": "other", "kind": "both", "size": [4, 3], "created": "2"}
    scene.engine.reply("models", "result", {"models": [fitting]})
    assert scene.studio.library.own(scene.state) is not None
    assert scene.studio.guiding.next.action == "train"
    scene.state.model_choice = "m2"
    assert scene.studio.guiding.next.action == "apply"
