"""Training and applying inside a selection, and selecting what a result changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deepsim_client import Frame
from deepsim_krita.document_state import DocumentState
from deepsim_krita.state import Mask

if TYPE_CHECKING:
    from tests.editors.scenes import PHOTO, SIZE, Scene, flat, image_frame
else:
    from scenes import PHOTO, SIZE, Scene, flat, image_frame

PART = (1, 1, 2, 2)
FEATHERED = Mask(PART, bytes((255, 128, 7, 0)))


def alphas(scene: Scene) -> list[int]:
    """The alpha values of the new layer, which is the active one."""
    current = scene.document.current
    picture = next(picture for uid, _, picture in scene.document.stack if uid == current)
    return list(picture.rgba[3::4])


def test_the_rectangle_around_a_selection_is_learned_and_remembered(scene: Scene) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    assert scene.document.boxes == [PART] * 3
    assert scene.said.endswith("It learned the rectangle around the selection.")
    again = DocumentState("again")
    again.restore(json.loads(json.dumps(scene.document.annotation)))
    assert again.box == PART


def test_a_selection_of_everything_is_as_none(scene: Scene) -> None:
    scene.document.selection = Mask((0, 0, *SIZE), b"\xff" * 12)
    scene.trained()
    assert scene.document.boxes == [None] * 3
    assert "rectangle" not in scene.said


def test_a_model_of_a_part_is_applied_to_that_part(scene: Scene) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    scene.document.selection = None
    scene.do("apply")
    assert scene.document.boxes[3:] == [PART] * 2
    part = Frame("image", (2, 2, 4), "uint8", bytes((1, 2, 3, 255)) * 4)
    scene.engine.reply("apply", "result", {}, part)
    assert scene.document.places == [PART[:2]]
    assert alphas(scene) == [255] * 4


def test_a_part_that_the_canvas_does_not_have_any_more_is_refused(scene: Scene) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    scene.document.size = (2, 2)
    scene.do("apply")
    assert scene.said == "The canvas is smaller than where the model was trained: train again."
    assert scene.mend == "train"


def test_a_result_is_cut_to_the_selection_with_its_feather(scene: Scene) -> None:
    scene.trained()
    scene.document.selection = FEATHERED
    scene.do("apply")
    scene.document.selection = None
    scene.engine.reply("apply", "result", {}, image_frame(PHOTO))
    assert alphas(scene) == [0, 0, 0, 0, 0, 255, 128, 0, 0, 7, 0, 0]


def test_a_selection_beside_the_part_that_the_model_knows_is_refused(scene: Scene) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    scene.document.selection = Mask((0, 0, 1, 3), b"\xff" * 3)
    scene.do("apply")
    assert scene.said == "The selection lies beside what the model knows: change or remove it."
    assert not scene.session.jobs


def test_train_again_learns_the_same_layer_and_part_whatever_is_selected_now(scene: Scene) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    scene.document.stack.insert(0, ("d/Sketch", "Sketch", flat(9, 9, 9, 255)))
    scene.document.current, scene.document.selection = "d/Sketch", None
    scene.do("train_again")
    assert scene.document.boxes[3:] == [PART] * 3
    assert bytes(scene.engine.last("train")[1]["image"].data) == PHOTO.rgba
    scene.engine.reply("train", "result", {"model": {"id": "m2", "name": "Photo"}})
    assert (scene.state.box, scene.state.trained) == (PART, "d/Photo")


def test_train_again_learns_what_is_selected_where_the_canvas_has_lost_the_part(
    scene: Scene,
) -> None:
    scene.document.selection = FEATHERED
    scene.trained()
    scene.document.size, scene.document.selection = (2, 2), None
    scene.do("train_again")
    assert scene.document.boxes[3:] == [None] * 3


def test_a_selection_of_nothing_is_refused(scene: Scene) -> None:
    scene.document.selection = Mask((0, 0, 0, 0), b"")
    scene.do("train")
    assert scene.said == "The selection holds nothing of the canvas: change or remove it."
    assert not scene.session.jobs


def test_what_the_last_result_changed_becomes_the_selection(scene: Scene) -> None:
    scene.do("select_changed")
    assert scene.said == "There is no result yet whose change could be selected."
    assert scene.mend == "apply"
    scene.trained()
    scene.do("apply")
    assert scene.engine.last("apply")[0]["influence"] is True
    influence = bytes(range(12))
    frames = (image_frame(PHOTO), Frame("influence", (SIZE[1], SIZE[0], 1), "uint8", influence))
    scene.engine.reply("apply", "result", {}, *frames)
    scene.do("select_changed")
    assert scene.document.selection == Mask((0, 0, *SIZE), influence)


def test_a_result_without_change_leaves_the_selection(scene: Scene) -> None:
    scene.trained()
    scene.do("apply")
    frames = (image_frame(PHOTO), Frame("influence", (SIZE[1], SIZE[0], 1), "uint8", bytes(12)))
    scene.engine.reply("apply", "result", {}, *frames)
    scene.do("select_changed")
    assert scene.said == "The last result changed nothing."
    assert scene.document.selection is None
