"""What of a drawing is sent: from the parts that are sent, the engine can make the whole."""

from __future__ import annotations

from typing import Any

from deepsim_krita.features.sending import Sent, Sight, differing
from deepsim_krita.state import Box, Picture
from deepsim_krita.steps import at_once
from hypothesis import given
from hypothesis import strategies as st

WIDTH, HEIGHT = 9, 150
"""More rows than are compared at once."""
PIXEL = st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(0, 3))
PLAIN = Picture(WIDTH, HEIGHT, bytes(4 * WIDTH * HEIGHT))


def changed(picture: Picture, pixels: list[tuple[int, int, int]]) -> Picture:
    """The picture with other values of some channels of some pixels."""
    rgba = bytearray(picture.rgba)
    for x, y, channel in pixels:
        rgba[4 * (y * WIDTH + x) + channel] ^= 128
    return Picture(WIDTH, HEIGHT, rgba)


@given(st.sets(PIXEL, max_size=5))
def test_the_box_is_around_all_that_differs_and_no_larger(
    pixels: set[tuple[int, int, int]],
) -> None:
    found = at_once(differing(PLAIN, changed(PLAIN, list(pixels))))
    if not pixels:
        assert found is None
        return
    columns, rows = ([pixel[axis] for pixel in pixels] for axis in (0, 1))
    size = (max(columns) - min(columns) + 1, max(rows) - min(rows) + 1)
    assert found == (min(columns), min(rows), *size)


class Engine:
    """Keeps the newest drawing that was sent whole, and puts others together of that and parts."""

    def __init__(self) -> None:
        self.base, self.drawing = "", dict[str, Picture]()

    def take(
        self, request: str, body: dict[str, Any], frames: dict[str, Picture]
    ) -> dict[str, bytes]:
        """The layers that a request means."""
        if body.get("keep"):
            self.base, self.drawing = request, frames
            return {name: bytes(picture.rgba) for name, picture in frames.items()}
        if "base" not in body:
            return {name: bytes(picture.rgba) for name, picture in frames.items()}
        assert body["base"] == self.base
        whole = {name: bytearray(picture.rgba) for name, picture in self.drawing.items()}
        for name, (left, top) in body["places"].items():
            part = frames[f"{name}-part"]
            for row in range(part.height):
                start = 4 * ((top + row) * WIDTH + left)
                line = part.rgba[4 * part.width * row : 4 * part.width * (row + 1)]
                whole[name][start : start + 4 * part.width] = line
        return {name: bytes(rgba) for name, rgba in whole.items()}


STROKE = st.tuples(st.sampled_from(["edges", "segments"]), PIXEL, st.booleans())


@given(st.lists(STROKE, max_size=12))
def test_the_engine_can_always_make_the_whole_drawing(
    strokes: list[tuple[str, tuple[int, int, int], bool]],
) -> None:
    sent, engine, before, asked = Sent(), Engine(), None, ""
    now = {"edges": PLAIN, "segments": PLAIN}
    for number, (layer, pixel, answered) in enumerate(strokes):
        now = {**now, layer: changed(now[layer], [pixel])}
        sight = Sight("car", (WIDTH, HEIGHT), now)
        sent.changed(at_once(sight.changes(before)))
        body, frames = at_once(sent.frames(now))
        request = str(number)
        whole = engine.take(request, body, frames)
        assert whole == {name: bytes(picture.rgba) for name, picture in now.items()}
        if "keep" in body:
            sent.asked(request)
            asked = request
        if answered:  # soon, or after more strokes
            sent.answered(asked, kept=True)
        before = sight


def test_much_that_changed_is_sent_whole_and_what_changes_then_builds_upon_that() -> None:
    sent, pictures = Sent(), {"edges": PLAIN}
    sent.changed(None)
    sent.asked("first")
    sent.answered("first", kept=True)
    box: Box = (0, 0, WIDTH, HEIGHT // 4)
    sent.changed({"edges": box})
    assert "base" in at_once(sent.frames(pictures))[0]
    sent.changed({"edges": (4, HEIGHT // 4, 1, 9)})
    assert at_once(sent.frames(pictures)) == ({"keep": True}, pictures)
    sent.asked("second")
    sent.changed({"edges": (1, 2, 1, 1)})
    sent.answered("second", kept=True)
    body, frames = at_once(sent.frames(pictures))
    assert body == {"base": "second", "places": {"edges": [1, 2]}}
    assert (frames["edges-part"].width, frames["edges-part"].height) == (1, 1)


def test_a_drawing_that_is_to_be_kept_is_not_replaced_while_it_is_under_way() -> None:
    sent, pictures = Sent(), {"edges": PLAIN}
    sent.changed(None)
    assert at_once(sent.frames(pictures)) == ({"keep": True}, pictures)
    sent.asked("first")
    for column in (3, 4):
        sent.changed({"edges": (column, 5, 1, 1)})
        assert at_once(sent.frames(pictures)) == ({}, pictures)
    sent.answered("another", kept=True)
    assert at_once(sent.frames(pictures)) == ({}, pictures)
    sent.answered("first", kept=True)
    body, frames = at_once(sent.frames(pictures))
    assert body == {"base": "first", "places": {"edges": [3, 5]}}
    assert (frames["edges-part"].width, frames["edges-part"].height) == (2, 1)


def test_where_the_engine_did_not_keep_a_drawing_the_next_is_to_be_kept() -> None:
    sent, pictures = Sent(), {"edges": PLAIN}
    sent.changed(None)
    sent.asked("first")
    sent.answered("first", kept=False)
    assert at_once(sent.frames(pictures)) == ({"keep": True}, pictures)


def test_another_model_or_canvas_is_another_drawing() -> None:
    one = Sight("car", (WIDTH, HEIGHT), {"edges": PLAIN})
    assert at_once(one.changes(one)) == {}
    for other in (
        Sight("cat", one.size, one.pictures),
        Sight("car", (1, 1), one.pictures),
        Sight("car", one.size, {"segments": PLAIN}),
        Sight("car", one.size, {"edges": Picture(1, 1, bytes(4))}),
    ):
        assert at_once(one.changes(other)) is None
    assert at_once(one.changes(None)) is None
