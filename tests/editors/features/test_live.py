"""Live: what is sent when, what is shown, and that nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepsim_krita.features.live import union

if TYPE_CHECKING:
    from tests.editors.scenes import LINES, SIZE, Scene, WrittenEngine, flat, image_frame
else:
    from scenes import LINES, SIZE, Scene, WrittenEngine, flat, image_frame

RESULT = flat(9, 9, 9, 255)


def live(scene: Scene) -> None:
    scene.trained()
    scene.do("live")


def asked(scene: Scene) -> int:
    return sum(kind == "apply" for kind, *_ in scene.engine.sent)


def answer(scene: Scene) -> None:
    scene.engine.reply("apply", "result", {"box": [0, 0, *SIZE]}, image_frame(RESULT))


def test_the_drawing_is_sent_at_once_and_the_answer_is_a_preview_layer(scene: Scene) -> None:
    live(scene)
    body, frames = scene.engine.last("apply")
    assert body == {"model": "m1", "blend": True, "crop": True, "document": "d"}
    assert set(frames) == {"edges", "segments"}
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]
    assert scene.document.stack[2][2] == RESULT


def test_only_a_changed_drawing_is_sent_again(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.studio.live.look()
    assert asked(scene) == 1
    scene.document.paint("d/Edges", flat(0, 0, 0, 0))
    scene.studio.live.look()
    assert asked(scene) == 2


def test_nothing_is_sent_while_the_hand_is_down(scene: Scene) -> None:
    live(scene)
    scene.document.paint("d/Edges", flat(0, 0, 0, 0))
    scene.editor.hand_down = True
    scene.studio.live.look()
    assert asked(scene) == 1
    scene.editor.hand_down = False
    scene.studio.live.look()
    assert asked(scene) == 2


def test_no_more_than_two_requests_wait(scene: Scene) -> None:
    live(scene)
    for shade in range(5):
        scene.document.paint("d/Edges", flat(0, 0, 0, shade))
        scene.studio.live.look()
    assert asked(scene) == 2
    scene.engine.reply("apply", "error", {"code": "superseded", "message": "Overtaken."})
    scene.studio.live.look()
    assert asked(scene) == 3
    assert scene.state.live


def test_turning_it_off_takes_the_preview_away(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.do("live")
    assert scene.document.names == ["Edges", "Segments", "Photo"]
    assert not scene.state.live


def test_an_answer_that_comes_after_the_end_is_dropped(scene: Scene) -> None:
    live(scene)
    scene.do("live")
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Photo"]


def test_an_error_turns_it_off_and_says_why(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.document.paint("d/Edges", flat(0, 0, 0, 0))
    scene.studio.live.look()
    scene.engine.reply("apply", "error", {"code": "failed", "message": "No memory."})
    assert scene.said == "Live was turned off: No memory."
    assert scene.document.names == ["Edges", "Segments", "Photo"]


def test_with_another_engine_it_is_off_and_can_be_turned_on_again(scene: Scene) -> None:
    live(scene)
    answer(scene)
    for shade in (1, 2):
        scene.document.paint("d/Edges", flat(0, 0, 0, shade))
        scene.studio.live.look()
    scene.session.use_client(engine := WrittenEngine())
    assert not scene.state.live
    assert scene.said.startswith("Live was turned off: Another engine")
    scene.do("live")
    assert [kind for kind, *_ in engine.sent] == ["apply"]


def test_a_document_that_was_closed_and_opened_again_meanwhile_is_followed(scene: Scene) -> None:
    live(scene)
    scene.document.uid = "opened again"
    scene.session.observe()
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]
    for shade in (1, 2, 3):
        scene.document.paint("d/Edges", flat(0, 0, 0, shade))
        scene.studio.live.look()
    assert asked(scene) == 3


def test_what_ends_it_is_said_where_it_was_on(scene: Scene) -> None:
    live(scene)
    state = scene.state
    scene.show({"Photo": flat(1, 1, 1, 255)})
    scene.session.notice = scene.state.notice = None
    scene.engine.reply("apply", "error", {"code": "failed", "message": "No memory."})
    assert scene.said == ""
    assert state.notice is not None
    assert state.notice.text == "Live was turned off: No memory."


def test_without_a_model_it_does_not_turn_on(scene: Scene) -> None:
    scene.do("live")
    assert "has no model yet" in scene.said
    assert not scene.state.live


def test_the_preview_is_no_candidate_for_the_picture(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.document.current = scene.state.live_layer
    scene.session.observe()
    assert scene.state.roles.image is not None
    assert scene.state.roles.image.name == "Photo"


def test_a_deleted_preview_is_made_anew(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.document.remove(scene.state.live_layer)
    scene.document.paint("d/Edges", flat(1, 1, 1, 1))
    scene.studio.live.look()
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]


def test_a_file_saved_with_a_preview_in_it_is_cleaned_when_opened(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.session.observe()
    saved = scene.reopened()
    saved.session.observe()
    assert saved.document.names == ["Edges", "Segments", "Photo"]
    assert LINES in [picture for _, _, picture in saved.document.stack]


def test_what_may_be_shown_is_the_union_of_both_boxes() -> None:
    assert union((1, 2, 3, 4), (0, 0, 0, 0)) == (1, 2, 3, 4)
    assert union((1, 2, 3, 4), (2, 1, 5, 2)) == (1, 1, 6, 5)
    assert union((0, 0, 0, 0), (9, 9, 0, 3)) == (0, 0, 0, 0)
