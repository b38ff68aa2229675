"""Applying: which model gets which layers, and where the result goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepsim_krita.features.applying import TRAINING
from deepsim_krita.roles import Choices

if TYPE_CHECKING:
    from tests.editors.scenes import (
        PHOTO,
        SIZE,
        MemoryEditor,
        Scene,
        WrittenEngine,
        image_frame,
        studio_with,
    )
else:
    from scenes import PHOTO, SIZE, MemoryEditor, Scene, WrittenEngine, image_frame, studio_with


def test_the_result_goes_above_the_picture_and_becomes_active(scene: Scene) -> None:
    scene.trained()
    scene.document.current = "d/Segments"
    scene.do("apply")
    body, frames = scene.engine.last("apply")
    assert body == {"model": "m1", "blend": True, "influence": True}
    assert set(frames) == {"segments", "edges"}
    scene.engine.reply("apply", "result", {"model": "m1"}, image_frame(PHOTO))
    assert scene.document.names == ["Edges", "Segments", "Photo #1", "Photo"]
    assert scene.document.stack[2][2] == PHOTO
    assert scene.document.current == "d/Photo #1"
    assert "The drawing lies over it" in scene.said


def test_a_model_of_segments_is_sent_only_segments(scene: Scene) -> None:
    scene.trained(kind="segments")
    scene.do("apply")
    assert set(scene.engine.last("apply")[1]) == {"segments"}


def test_a_missing_part_of_the_drawing_is_named(scene: Scene) -> None:
    scene.trained()
    scene.studio.choosing.choose(Choices(edges="none"))
    scene.do("apply")
    assert scene.said == "“Photo” was trained with edges, but no edges layer is chosen."


def test_without_a_model_apply_says_what_to_do(scene: Scene) -> None:
    scene.do("apply")
    assert scene.said == "This picture has no model yet: Train first, or choose a model."


def test_while_the_first_training_runs_apply_uses_it(scene: Scene) -> None:
    scene.do("train")
    scene.do("apply")
    assert scene.engine.last("apply")[0]["job"] == "request-1"


def test_while_a_later_training_runs_apply_uses_the_finished_model_unless_told(
    scene: Scene,
) -> None:
    scene.trained()
    scene.do("train")
    rid = f"request-{len(scene.engine.sent)}"
    scene.do("apply")
    assert scene.engine.last("apply")[0]["model"] == "m1"
    scene.state.model_choice = TRAINING
    scene.do("apply")
    assert scene.engine.last("apply")[0]["job"] == rid


def test_a_model_chosen_from_the_list_is_used(scene: Scene) -> None:
    scene.trained()
    listed = [{"id": "m2", "name": "other", "kind": "edges", "size": [9, 9], "created": "2"}]
    scene.studio.library.refresh()
    scene.engine.reply("models", "result", {"models": listed})
    scene.state.model_choice = "m2"
    scene.do("apply")
    body, frames = scene.engine.last("apply")
    assert (body["model"], set(frames)) == ("m2", {"edges"})


def test_a_document_without_memory_takes_the_newest_model_of_its_size(scene: Scene) -> None:
    sizes = {"old": [4, 3], "new": [4, 3], "newest": [9, 9]}
    models = [
        {"id": name, "name": name, "kind": "both", "size": size, "created": str(i)}
        for i, (name, size) in enumerate(sizes.items())
    ]
    scene.studio.library.refresh()
    scene.engine.reply("models", "result", {"models": models})
    scene.do("apply")
    assert scene.engine.last("apply")[0]["model"] == "new"


def test_a_model_that_is_gone_stays_the_document_s_own_until_it_is_back(scene: Scene) -> None:
    scene.trained()
    scene.do("apply")
    scene.engine.reply("apply", "error", {"code": "not-found", "message": "No such model."})
    assert scene.said == "No such model. Train on the layer again, or choose another model."
    scene.engine.reply("models", "result", {"models": []})
    scene.do("apply")
    assert scene.said.startswith("The model “Photo” of this picture is not in the library")
    assert scene.mend == "train_again"
    described = {"id": "m1", "name": "Photo", "kind": "both", "size": list(SIZE)}
    scene.studio.library.refresh()  # as after its file was imported
    scene.engine.reply("models", "result", {"models": [described]})
    asked = len(scene.engine.sent)
    scene.do("apply")
    assert [sent[0] for sent in scene.engine.sent[asked:]] == ["apply"]
    assert scene.engine.last("apply")[0]["model"] == "m1"


def test_while_the_lost_model_is_trained_again_apply_uses_that_training(scene: Scene) -> None:
    scene.trained()
    scene.studio.library.refresh()
    scene.engine.reply("models", "result", {"models": []})
    scene.do("train_again")
    rid = f"request-{len(scene.engine.sent)}"
    scene.do("apply")
    assert scene.engine.last("apply")[0]["job"] == rid


def test_a_document_closed_while_applying_gets_nothing_and_that_is_said(scene: Scene) -> None:
    scene.trained()
    scene.do("apply")
    scene.editor.open = []
    scene.session.observe()
    scene.engine.reply("apply", "result", {}, image_frame(PHOTO))
    assert scene.said == "“car” was closed before the result came; nothing was added to it."
    assert scene.document.names == ["Edges", "Segments", "Photo"]


def test_the_picture_deleted_while_applying_leaves_the_result_on_top(scene: Scene) -> None:
    scene.trained()
    scene.do("apply")
    del scene.document.stack[2]
    scene.engine.reply("apply", "result", {"model": {"name": "Photo"}}, image_frame(PHOTO))
    assert scene.document.names == ["Photo #1", "Edges", "Segments"]


def test_results_are_named_after_model_note_and_number_which_the_document_keeps(
    scene: Scene,
) -> None:
    scene.trained()
    scene.state.note = " wheel  added "
    scene.apply("car")
    scene.state.note = ""
    scene.apply("car")
    assert scene.document.names[2:4] == ["car #2", "car: wheel added #1"]
    scene.session.observe()
    again = studio_with(MemoryEditor(scene.document), WrittenEngine()).session
    again.observe()
    assert again.active is not None
    assert again.active.applied == 2
