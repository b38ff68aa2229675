"""Keeping models: names, removal, who uses them, a model that is not there any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deepsim_client import Frame
from deepsim_krita.roles import AUTO

if TYPE_CHECKING:
    from tests.editors.scenes import SIZE, Scene
else:
    from scenes import SIZE, Scene

CAR = {"id": "m1", "name": "car", "kind": "both", "preset": "draft", "size": list(SIZE)}
CUP = {"id": "m2", "name": "cup", "kind": "edges", "preset": "instant", "size": [9, 9]}


def listed(scene: Scene, *models: dict[str, Any]) -> None:
    """The engine is there and has these models."""
    if scene.session.engine.state != "ready":
        scene.engine.state("ready")
    else:
        scene.studio.library.refresh()
    scene.engine.reply("models", "result", {"models": list(models)})


def asked(scene: Scene, action: str) -> list[dict[str, Any]]:
    bodies = [body for kind, body, *_ in scene.engine.sent if kind == "models"]
    return [body for body in bodies if body["action"] == action]


def model(scene: Scene, name: str) -> Any:
    return next(m for m in scene.studio.library.items if m.name == name)


def test_a_model_gets_another_name_and_its_document_learns_it(scene: Scene) -> None:
    scene.trained(**CAR)
    listed(scene, CAR)
    scene.studio.keeping.rename(model(scene, "car"), " red car ")
    assert asked(scene, "rename") == [{"action": "rename", "model": "m1", "name": "red car"}]
    scene.engine.reply("models", "result", {"model": {**CAR, "name": "red car"}})
    assert scene.state.model is not None
    assert scene.state.model.name == "red car"


def test_a_model_without_a_name_is_refused(scene: Scene) -> None:
    listed(scene, CAR)
    scene.studio.keeping.rename(model(scene, "car"), "  ")
    assert not asked(scene, "rename")
    assert scene.said == "A model needs a name."


def test_a_model_in_use_is_removed_only_when_that_is_wanted(scene: Scene) -> None:
    listed(scene, CAR)
    keeping = scene.studio.keeping
    keeping.remove(model(scene, "car"))
    sentence = "“car.kra” uses this model."
    scene.engine.reply("models", "error", {"code": "in-use", "message": sentence})
    assert keeping.in_use is not None
    assert keeping.in_use[1] == sentence
    keeping.remove(model(scene, "car"), force=True)
    assert asked(scene, "remove")[-1]["force"] is True
    scene.engine.reply("models", "result", {"model": CAR})
    assert scene.said == "The model “car” was deleted."
    assert keeping.in_use is None


def test_a_model_that_a_training_needs_is_not_asked_about_again_and_again(scene: Scene) -> None:
    listed(scene, CAR)
    scene.studio.keeping.remove(model(scene, "car"), force=True)
    sentence = "The training “cup” begins with the model “car”."
    scene.engine.reply("models", "error", {"code": "in-use", "message": sentence})
    assert scene.studio.keeping.in_use is None
    assert scene.said == sentence


def test_the_engine_is_told_once_which_document_uses_a_model(scene: Scene) -> None:
    scene.trained(**CAR)
    listed(scene, CAR)
    scene.session.observe()
    listed(scene, CAR)
    assert asked(scene, "claim") == [{"action": "claim", "model": "m1", "document": "car"}]


def test_a_missing_model_is_said_once_and_train_again_uses_its_settings(scene: Scene) -> None:
    scene.session.settings.preset = "standard"
    scene.session.settings.seconds = 77
    scene.trained(**CAR)
    scene.session.settings.preset = "draft"
    listed(scene, CUP)
    assert "“car” of this picture is not in the library any more" in scene.said
    assert scene.mend == "train_again"
    scene.do("train_again")
    body, _ = scene.engine.last("train")
    assert (body["preset"], body["seconds"]) == ("standard", 77)


def test_a_new_model_is_missed_only_once_it_is_gone(scene: Scene) -> None:
    listed(scene, CUP)  # told before there was the new one
    notices: list[str] = []
    scene.state.changed.connect(lambda name: notices.append(scene.said))
    scene.trained(**CAR)
    listed(scene, CAR, CUP)
    assert not any("not in the library" in text for text in notices)
    listed(scene, CUP)
    assert "“car” of this picture is not in the library any more" in scene.said


def test_a_document_opened_with_a_missing_model_says_so_at_once(scene: Scene) -> None:
    scene.trained(**CAR)
    scene.session.observe()
    again = scene.reopened()
    again.editor.open.clear()
    listed(again, CUP)
    again.editor.open.append(again.document)
    again.session.observe()
    assert "“car” of this picture is not in the library any more" in again.said


def test_what_a_model_was_trained_with_is_kept_in_the_document(scene: Scene) -> None:
    scene.session.settings.preset = "instant"
    scene.trained(**CAR)
    scene.session.observe()
    again = scene.reopened()
    again.session.observe()
    assert again.state.trained_with == {"preset": "instant"}


def test_it_is_said_at_each_opening_and_not_any_more_once_the_model_is_back(scene: Scene) -> None:
    scene.trained(**CAR)
    listed(scene, CUP)
    scene.state.notice = None  # something else was said meanwhile, and is done with
    scene.editor.open.clear()
    scene.session.observe()
    scene.document.uid = "reopened"
    scene.editor.open.append(scene.document)
    scene.session.observe()
    assert "“car” of this picture is not in the library any more" in scene.said
    listed(scene, CAR, CUP)
    assert scene.said == ""


def test_a_model_that_was_chosen_and_is_gone_is_chosen_no_more(scene: Scene) -> None:
    scene.trained(**CAR)
    listed(scene, CAR, CUP)
    scene.studio.keeping.use(model(scene, "cup"))
    listed(scene, CAR)
    assert scene.state.model_choice == AUTO


def test_training_begins_with_another_model_once(scene: Scene) -> None:
    listed(scene, CAR, CUP)
    scene.studio.keeping.start_from(model(scene, "car"))
    assert scene.said == ("The next training of this picture begins with what “car” has learned.")
    scene.trained()
    assert scene.engine.last("train")[0]["from"] == "m1"
    scene.do("train")
    assert "from" not in scene.engine.last("train")[0]


def test_chosen_once_more_it_is_no_beginning_any_more(scene: Scene) -> None:
    listed(scene, CAR)
    for _ in range(2):
        scene.studio.keeping.start_from(model(scene, "car"))
    assert scene.said == "The next training of this picture begins anew."
    scene.do("train")
    assert "from" not in scene.engine.last("train")[0]


def test_a_beginning_that_is_gone_stands_in_the_way_once(scene: Scene) -> None:
    listed(scene, CAR)
    scene.studio.keeping.start_from(model(scene, "car"))
    scene.do("train")
    scene.engine.reply("train", "error", {"code": "not-found", "message": "No such model."})
    assert scene.said == "No such model. The next training begins anew."
    scene.do(scene.mend)
    assert "from" not in scene.engine.last("train")[0]


def test_an_instant_model_is_no_beginning(scene: Scene) -> None:
    listed(scene, CUP)
    scene.studio.keeping.start_from(model(scene, "cup"))
    assert "has learned nothing" in scene.said
    assert scene.state.start_from is None


def test_pictures_are_asked_for_once(scene: Scene) -> None:
    listed(scene, CAR)
    scene.studio.keeping.look()
    rest = Frame("rest", (1, 3, 1), "uint8", b"PNG")
    scene.engine.reply("models", "result", {"model": CAR}, rest)
    scene.studio.keeping.look()
    assert len(asked(scene, "show")) == 1
    assert scene.studio.keeping.pictures == {"m1": b"PNG"}


def test_another_model_is_used_for_the_picture(scene: Scene) -> None:
    scene.trained(**CAR)
    listed(scene, CAR, CUP)
    scene.studio.keeping.use(model(scene, "cup"))
    scene.do("apply")
    assert scene.engine.last("apply")[0]["model"] == "m2"
