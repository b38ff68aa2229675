"""Windows: what is made in a part of a level is what the whole level has there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deepsim_engine.patches.features import Between, edited_pyramid, fit_basis, pyramid
from deepsim_engine.patches.window import Window

EVERYWHERE = Window(0, 0, 37, 50)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window of a level of 37 x 50 pixels, with some pixels or none."""
    top, bottom = sorted(draw(st.tuples(st.integers(0, 37), st.integers(0, 37))))
    left, right = sorted(draw(st.tuples(st.integers(0, 50), st.integers(0, 50))))
    return Window(top, left, bottom, right)


@pytest.fixture(scope="module")
def planes() -> Tensor:
    return torch.rand(3, 37, 50, generator=torch.Generator().manual_seed(1))


@settings(max_examples=40, deadline=None)
@given(window=windows())
def test_a_window_is_around_exactly_what_is_set(window: Window) -> None:
    mask = torch.zeros(37, 50, dtype=torch.bool)
    window.cut(mask)[:] = True
    found = Window.of(mask)
    assert found == (window if window.area else Window(0, 0, 0, 0))
    if window.area:
        at = mask.view(-1).nonzero()[:, 0]
        assert Window.around(at // 50, at % 50) == window
        assert window.number(at, 50).tolist() == list(range(window.area))


@settings(max_examples=40, deadline=None)
@given(window=windows())
def test_only_the_edited_part_of_a_pyramid_is_made_anew(window: Window, planes: Tensor) -> None:
    edited = planes.clone()
    window.cut(edited)[:] = 2
    made = edited_pyramid(edited, pyramid(planes, 6), window.halvings(6))
    for part, whole in zip(made, pyramid(edited, 6), strict=True):
        assert torch.equal(part, whole)


@settings(max_examples=25, deadline=None)
@given(window=windows())
def test_patches_of_a_window_are_described_as_those_of_the_whole(
    window: Window, planes: Tensor
) -> None:
    if not window.area:
        return
    basis = fit_basis(planes, 7, 12, torch.Generator().manual_seed(2))
    whole = basis(planes).T.reshape(12, 37, 50)
    part = basis.within(planes, window).T.reshape(12, *window.size)
    assert torch.allclose(part, window.cut(whole), atol=1e-5)


def test_a_table_is_enlarged_from_the_window_that_is_needed(planes: Tensor) -> None:
    at = torch.tensor([74 * 20 + 99, 3 * 100 + 7, 31 * 100 + 50])
    between = Between.of((37, 50), (74, 100), at)
    table = planes.flatten(1).T.contiguous()
    near = between.window
    part = near.cut(planes).flatten(1).T.contiguous()
    whole = between.enlarge(table, EVERYWHERE)
    assert torch.equal(between.enlarge(part, near), whole)
    large = torch.nn.functional.interpolate(planes[None], (74, 100), mode="bilinear")[0]
    assert torch.allclose(whole, large.flatten(1).T[at], atol=1e-6)
