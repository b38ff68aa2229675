"""How it is known that a canvas was turned, mirrored, cropped or scaled."""

from __future__ import annotations

import numpy as np
import pytest
from deepsim_krita.pixels.landmarks import GRID, Landmarks, places

TURNED, CHANGED = "turned or mirrored", "move or scale"
RNG = np.random.default_rng(5)
SIDE, WIDE = (
    RNG.integers(0, 256, (48, 48, 4), np.uint8),
    RNG.integers(0, 256, (30, 77, 4), np.uint8),
)


def landmarks(pixels: np.ndarray) -> Landmarks:
    size = pixels.shape[1], pixels.shape[0]
    return Landmarks("photo", size, tuple(pixels[y, x].tobytes() for x, y in places(size)))


WAYS = {
    "mirrored from side to side": lambda a: a[:, ::-1],
    "mirrored from top to bottom": lambda a: a[::-1],
    "turned upside down": lambda a: a[::-1, ::-1],
    "turned to the left": np.rot90,
    "turned to the right": lambda a: np.rot90(a, -1),
    "mirrored and turned": lambda a: np.rot90(a[:, ::-1]),
    "turned and mirrored": lambda a: np.rot90(a)[:, ::-1],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("canvas", [SIDE, WIDE], ids=["square", "wide"])
def test_a_canvas_that_was_turned_or_mirrored_is_known(canvas: np.ndarray, way: str) -> None:
    later = WAYS[way](canvas).copy()
    assert TURNED in landmarks(canvas).advice(landmarks(later))
    later[: len(later) // 6] = 0  # some of it is painted over
    assert TURNED in landmarks(canvas).advice(landmarks(later))


@pytest.mark.parametrize("size", [(77, 31), (78, 30), (30, 77), (5, 4)])
def test_a_canvas_of_another_size_is_told(size: tuple[int, int]) -> None:
    later = RNG.integers(0, 256, (*size[::-1], 4), np.uint8)
    assert CHANGED in landmarks(WIDE).advice(landmarks(later))
    assert CHANGED in Landmarks("gone", (77, 30)).advice(Landmarks("gone", size))


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(WIDE, id="as it was"),
        pytest.param(WIDE // 2, id="painted over"),
        pytest.param(np.zeros_like(WIDE), id="erased"),
    ],
)
def test_nothing_is_said_while_the_canvas_lies_as_it_did(later: np.ndarray) -> None:
    assert landmarks(WIDE).advice(landmarks(later)) == ""
    assert landmarks(WIDE).advice(Landmarks("photo", (77, 30))) == ""


def test_a_picture_that_looks_the_same_from_both_sides_was_not_mirrored() -> None:
    same = np.concatenate([WIDE, WIDE[:, ::-1]], axis=1)
    assert landmarks(same).advice(landmarks(same)) == ""


def test_landmarks_are_on_the_smallest_canvas_too() -> None:
    assert set(places((1, 1))) == {(0, 0)}
    assert len(list(places((3, 2)))) == GRID**2
