"""Where an edit may change the picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsim_engine import influence
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import box_of
from deepsim_engine.influence import check_box, farthest_box, intersection

GRAY = np.full((100, 200, 3), 120, np.uint8)


def edit(shape: tuple[int, int] = (100, 200)) -> np.ndarray:
    different = np.zeros(shape, bool)
    different[50, 100] = True
    return different


def weight(different: np.ndarray, result: np.ndarray = GRAY) -> np.ndarray:
    return influence.influence(different, GRAY, result)


def test_it_is_one_at_the_edit_and_nothing_far_away() -> None:
    found = weight(edit())
    assert found[50, 100] == 1
    assert found[50, 105] == 1
    assert found[0, 0] == 0
    falling = found[50, 100:]
    assert (np.diff(falling) <= 0).all()
    assert np.abs(np.diff(falling)).max() < 0.3, "a seam that the eye does not catch"
    assert not weight(np.zeros((100, 200), bool)).any()


def test_a_result_that_goes_on_to_differ_is_followed_to_where_both_agree() -> None:
    result = GRAY.copy()
    result[46:54, 100:122] = (20, 20, 200)  # what belongs to the edit goes on to the right
    found = weight(edit(), result)
    assert (found[48:52, 100:121] == 1).all()
    assert found[50, 78] == 0, "and not to the left"
    assert weight(edit())[50, 121] == 0


@given(seed=st.integers(0, 10_000), look=st.sampled_from([60, 1024]))
@settings(max_examples=15, deadline=None)
def test_looking_only_around_the_edit_changes_nothing(seed: int, look: int) -> None:
    random = np.random.default_rng(seed)
    different = np.zeros((120, 160), bool)
    different[tuple(random.integers(0, (120, 160), (2, 2)).T)] = True
    original, result = random.integers(0, 256, (2, 120, 160, 3)).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(influence, "_LOOK", look)
        part = influence.influence(different, original, result)
        everything = tuple(slice(0, 10_000) for _ in range(2))
        patch.setattr(influence, "part_around", lambda mask, far: everything)
        assert np.array_equal(part, influence.influence(different, original, result))


def test_differences_apart_from_the_edit_are_left_alone() -> None:
    result = GRAY.copy()
    result[10:20, 10:30] = 255
    assert np.array_equal(weight(edit(), result), weight(edit()))


def test_it_is_followed_for_a_while_only() -> None:
    found = weight(edit(), np.full_like(GRAY, 255))
    assert found[50, 100 + 200 // 5 :].max() == 0
    left, _, width, _ = farthest_box(edit())
    assert found[:, :left].max(initial=0) == 0
    assert found[:, left + width :].max(initial=0) == 0


def test_large_pictures_are_looked_at_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = weight(edit())
    monkeypatch.setattr(influence, "_LOOK", 60)
    coarse = weight(edit())
    assert coarse.shape == exact.shape
    assert coarse[50, 100] == 1
    assert coarse[0, 0] == 0
    assert np.abs(coarse - exact).mean() < 0.03


@given(seed=st.integers(0, 10_000), look=st.sampled_from([20, 1024]))
@settings(max_examples=30, deadline=None)
def test_no_influence_lies_outside_its_farthest_box(seed: int, look: int) -> None:
    random = np.random.default_rng(seed)
    different = random.random((40, 53)) < 0.002
    original, result = random.integers(0, 256, (2, 40, 53, 3)).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(influence, "_LOOK", look)
        found = influence.influence(different, original, result)
        box = farthest_box(different)
    assert (box is None) == (not different.any())
    assert (found[different] == 1).all()
    if box is not None:
        left, top, width, height = box
        found[top : top + height, left : left + width] = 0
    assert not found.any()


def test_boxes() -> None:
    mask = np.zeros((9, 12), bool)
    assert box_of(mask) is None
    mask[2, 3] = mask[5, 10] = True
    assert box_of(mask) == (3, 2, 8, 4)
    assert intersection((0, 0, 5, 5), (3, 2, 8, 4)) == (3, 2, 2, 3)
    assert intersection((0, 0, 2, 2), (3, 2, 8, 4)) == (0, 0, 1, 1)
    check_box((0, 0, 12, 9), (12, 9))
    for wrong in ((-1, 0, 2, 2), (0, 0, 13, 1), (5, 5, 0, 2), (11, 0, 2, 2)):
        with pytest.raises(InputError, match="does not lie in the picture"):
            check_box(wrong, (12, 9))
