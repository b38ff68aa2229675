"""Live: what is sent when, what is shown, and that nothing is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepsim_client import Reply
from deepsim_krita.features.live import REST, SAVING, Live
from deepsim_krita.state import Picture

if TYPE_CHECKING:
    from tests.editors.scenes import LINES, NOTHING, SIZE, Scene, WrittenEngine, flat, image_frame
else:
    from scenes import LINES, NOTHING, SIZE, Scene, WrittenEngine, flat, image_frame

RESULT = flat(9, 9, 9, 255)


def live(scene: Scene) -> None:
    scene.trained()
    scene.do("live")


def asked(scene: Scene) -> int:
    return sum(kind == "apply" for kind, *_ in scene.engine.sent)


def answer(scene: Scene, **more: object) -> None:
    body = {"box": [0, 0, *SIZE], **more}
    scene.engine.reply("apply", "result", body, image_frame(RESULT))


def dot(x: int, y: int) -> Picture:
    """The lines with one pixel of them in another colour."""
    rgba = bytearray(LINES.rgba)
    rgba[4 * (y * SIZE[0] + x)] = 77
    return Picture(*SIZE, rgba)


def test_the_drawing_is_sent_at_once_and_the_answer_is_a_preview_layer(scene: Scene) -> None:
    live(scene)
    body, frames = scene.engine.last("apply")
    wanted = {"model": "m1", "blend": True, "crop": True, "document": "d"}
    assert body == {**wanted, "keep": True}
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


def test_without_a_hint_of_a_change_it_looks_now_and_then(scene: Scene) -> None:
    now = [0.0]
    following = Live(scene.session, scene.studio.applying, clock=lambda: now[0])
    scene.trained()
    following.toggle()
    before = len(scene.document.boxes)
    for _ in range(3):
        following.look()
    assert len(scene.document.boxes) == before
    now[0] += REST
    following.look()
    assert len(scene.document.boxes) == before + 2, "edges and segments are looked at"
    assert asked(scene) == 1, "and are what they were"


def test_a_picture_for_a_canvas_of_another_size_is_dropped_and_asked_for_anew(scene: Scene) -> None:
    live(scene)
    scene.document.size = (8, 6)
    answer(scene)
    assert "Live" not in scene.document.names
    scene.document.paint("d/Edges", flat(1, 1, 1, 1))
    scene.studio.live.look()
    assert asked(scene) == 2


# ---- only what changed


def test_what_changed_since_the_drawing_that_the_engine_keeps_is_sent_alone(scene: Scene) -> None:
    live(scene)
    answer(scene, kept=True)
    scene.document.paint("d/Edges", dot(2, 1))
    scene.studio.live.look()
    body, frames = scene.engine.last("apply")
    assert body["base"] == f"request-{len(scene.engine.sent) - 1}"
    assert body["places"] == {"edges": [2, 1]}
    assert "keep" not in body
    assert list(frames) == ["edges-part"]
    assert (frames["edges-part"].shape, bytes(frames["edges-part"].data)[0]) == ((1, 1, 4), 77)
    answer(scene)
    assert scene.document.stack[2][2] == RESULT


def superseded(scene: Scene, number: int, **more: object) -> None:
    """The engine's answer to the apply of that number: a newer one has come."""
    applies = [reply for kind, _, _, reply in scene.engine.sent if kind == "apply"]
    applies[number](Reply("error", {"code": "superseded", "message": "Overtaken.", **more}))


def test_faster_strokes_than_the_engine_paints_are_soon_sent_alone(scene: Scene) -> None:
    live(scene)
    base = f"request-{len(scene.engine.sent)}"
    scene.document.paint("d/Edges", dot(1, 1))
    scene.studio.live.look()
    body, frames = scene.engine.last("apply")
    assert not {"base", "keep"} & set(body)
    assert set(frames) == {"edges", "segments"}
    for number in range(3):
        superseded(scene, number, **({"kept": True} if number == 0 else {}))
        scene.document.paint("d/Edges", dot(1, 2 if number % 2 else 0))
        scene.studio.live.look()
        body, frames = scene.engine.last("apply")
        assert body["base"] == base
        assert list(frames) == ["edges-part"]
    assert scene.state.live


def test_an_engine_that_drops_what_was_superseded_is_asked_again_to_keep(scene: Scene) -> None:
    live(scene)
    scene.document.paint("d/Edges", dot(1, 1))
    scene.studio.live.look()
    superseded(scene, 0)
    scene.document.paint("d/Edges", dot(1, 2))
    scene.studio.live.look()
    assert scene.engine.last("apply")[0]["keep"] is True


def test_a_drawing_that_the_engine_has_no_more_is_sent_whole_without_a_word(scene: Scene) -> None:
    live(scene)
    answer(scene, kept=True)
    scene.document.paint("d/Edges", dot(2, 1))
    scene.studio.live.look()
    before = scene.said
    scene.engine.reply("apply", "error", {"code": "base-lost", "message": "Send it whole."})
    scene.studio.live.look()
    body, frames = scene.engine.last("apply")
    assert body["keep"] is True
    assert bytes(frames["edges"].data) == dot(2, 1).rgba
    assert scene.state.live
    assert scene.said == before


def test_a_look_that_is_under_way_does_not_build_upon_a_lost_drawing(scene: Scene) -> None:
    live(scene)
    answer(scene, kept=True)
    scene.document.paint("d/Edges", dot(2, 1))
    scene.studio.live.look()
    assert "base" in scene.engine.last("apply")[0]
    scene.document.paint("d/Edges", dot(3, 1))
    reading = scene.document.reading

    def lost(*arguments: object) -> object:
        picture = yield from reading(*arguments)
        if scene.engine.last("apply")[0].get("base"):
            error = {"code": "base-lost", "message": "Send it whole."}
            scene.engine.reply("apply", "error", error)
        return picture

    scene.document.reading = lost  # type: ignore[method-assign,assignment]
    scene.studio.live.look()
    body, frames = scene.engine.last("apply")
    assert body["keep"] is True
    assert bytes(frames["edges"].data) == dot(3, 1).rgba


def test_the_drawing_of_a_closed_document_is_let_go(scene: Scene) -> None:
    live(scene)
    answer(scene, kept=True)
    scene.studio.live.observe()
    assert scene.studio.live._seen
    scene.editor.open.clear()
    scene.studio.live.observe()
    assert not scene.studio.live._seen
    assert not scene.studio.live._sent


def test_an_engine_that_keeps_no_drawings_is_sent_whole_ones(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.document.paint("d/Edges", dot(2, 1))
    scene.studio.live.look()
    body, frames = scene.engine.last("apply")
    assert "base" not in body
    assert set(frames) == {"edges", "segments"}


# ---- undo and redo


def undone(scene: Scene) -> str:
    """Live was on and off, and undo has brought its layer back; the layer's id."""
    live(scene)
    answer(scene)
    uid = scene.state.live_layer
    scene.do("live")
    scene.document.stack.insert(2, (uid, "Live", RESULT))
    scene.document.can_redo = True
    return uid


def test_a_preview_that_undo_brings_back_is_emptied_and_the_history_left_alone(
    scene: Scene,
) -> None:
    uid = undone(scene)
    scene.studio.observe()
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]
    assert scene.document.stack[2][2].is_empty
    assert uid in scene.document.hidden


def test_it_goes_when_nothing_can_be_redone_any_more(scene: Scene) -> None:
    undone(scene)
    scene.studio.observe()
    scene.document.can_redo = False
    scene.studio.observe()
    assert scene.document.names == ["Edges", "Segments", "Photo"]


def test_turned_on_again_it_uses_the_layer_that_came_back(scene: Scene) -> None:
    uid = undone(scene)
    scene.studio.observe()
    scene.do("live")
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]
    assert scene.state.live_layer == uid
    assert scene.document.visible(uid)
    scene.studio.observe()
    assert scene.document.stack[2][2] == RESULT


def test_a_preview_that_undo_took_away_does_not_come_back_at_the_cost_of_redo(
    scene: Scene,
) -> None:
    live(scene)
    answer(scene)
    scene.document.remove(scene.state.live_layer)
    scene.document.can_redo = True
    scene.document.paint("d/Edges", flat(1, 1, 1, 1))
    scene.studio.live.look()
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Photo"]
    scene.document.can_redo = False  # now it costs nothing
    scene.studio.live.look()
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]


def test_a_preview_that_was_turned_with_the_canvas_is_replaced_and_not_written_on_again(
    scene: Scene,
) -> None:
    live(scene)
    answer(scene)
    uid = scene.state.live_layer
    scene.document.size = (8, 6)
    scene.document.paint("d/Edges", flat(1, 1, 1, 1))
    scene.studio.live.look()
    answer(scene)
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]
    assert scene.state.live_layer != uid
    # Undo brings it back, and then the canvas as it was.
    scene.document.stack.insert(3, (uid, "Live", RESULT))
    scene.document.can_redo = True
    scene.studio.observe()
    scene.document.size = SIZE
    scene.studio.observe()
    assert scene.document.stack[3] == (uid, "Live", RESULT)
    assert not scene.document.visible(uid)
    scene.document.can_redo = False
    scene.studio.observe()
    assert scene.document.names == ["Edges", "Segments", "Live", "Photo"]


# ---- saving


def test_it_is_hidden_while_the_document_may_be_saved(scene: Scene) -> None:
    now = [0.0]
    following = Live(scene.session, scene.studio.applying, clock=lambda: now[0])
    scene.trained()
    following.toggle()
    answer(scene)
    uid = scene.state.live_layer
    following.put_away()
    assert not scene.document.visible(uid)
    scene.editor.asking = True  # a dialog asks for a name for longer than that
    now[0] += 2 * SAVING
    following.look()
    assert not scene.document.visible(uid)
    scene.editor.asking = False
    following.look()
    assert not scene.document.visible(uid)
    now[0] += 2 * SAVING
    following.look()
    assert scene.document.visible(uid)


def test_a_preview_that_the_artist_hid_stays_hidden_when_she_saves(scene: Scene) -> None:
    live(scene)
    answer(scene)
    scene.document.set_visible(scene.state.live_layer, visible=False)
    scene.studio.live.put_away()
    scene.studio.live.look()
    assert not scene.document.visible(scene.state.live_layer)


def test_nothing_is_shown_by_an_answer_that_comes_while_the_document_may_be_saved(
    scene: Scene,
) -> None:
    now = [0.0]
    following = Live(scene.session, scene.studio.applying, clock=lambda: now[0])
    scene.trained()
    following.toggle()
    following.put_away()  # before the first answer
    answer(scene)
    assert scene.state.live_layer == ""
    now[0] += 2 * SAVING
    following.look()
    answer(scene)
    assert scene.document.visible(scene.state.live_layer)


def test_a_preview_that_was_hidden_to_be_saved_is_seen_in_the_document_opened_again(
    scene: Scene,
) -> None:
    live(scene)
    answer(scene)
    scene.studio.live.put_away()
    assert not scene.document.visible(scene.state.live_layer)
    scene.session.opened.emit(scene.state)
    assert scene.document.visible(scene.state.live_layer)


def test_no_stroke_is_cut_by_a_preview_that_comes_or_goes(scene: Scene) -> None:
    live(scene)
    scene.editor.hand_down = True
    answer(scene)
    assert scene.state.live_layer == ""
    scene.editor.hand_down = False
    scene.session.steps.go_on()
    uid = scene.state.live_layer
    scene.do("live")  # off
    scene.document.stack.insert(0, (uid, "Live", NOTHING))  # undone
    scene.editor.hand_down = True
    scene.studio.live.observe()
    assert "Live" in scene.document.names
    scene.editor.hand_down = False
    scene.studio.live.observe()
    assert "Live" not in scene.document.names
