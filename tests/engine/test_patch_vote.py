"""Making pictures of what patches propose: blended, and by what fits."""

import pytest
import torch
from torch import Tensor

from deepsim_engine.patches.search import Field, identity_field
from deepsim_engine.patches.vote import Choice, Sources, blend, choose

SIDE = 24
CHUNK = 1 << 16
ANY = Choice(patch=7, sigma=1.4, mark=0.0, fit=0.0, lenient=1.0, step=1)
STRICT = Choice(patch=7, sigma=4.0, mark=100.0, fit=0.0, lenient=1.0, step=1)
USUAL = Choice(patch=7, sigma=2.0, mark=8.0, fit=20.0, lenient=0.1, step=2)


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def halves() -> Tensor:
    """(1, SIDE, SIDE) marks: -1 on the left, 1 on the right."""
    marks = torch.ones(1, SIDE, SIDE)
    marks[:, :, : SIDE // 2] = -1
    return marks


def everywhere() -> Tensor:
    return torch.arange(SIDE * SIDE)


def scattered(distance: Tensor | None = None) -> Field:
    """Every pixel comes from anywhere."""
    random = torch.Generator().manual_seed(1)
    row, column = torch.randint(0, SIDE, (2, SIDE, SIDE), generator=random, dtype=torch.int32)
    return Field(row, column, torch.zeros(SIDE, SIDE) if distance is None else distance)


def asked(marks: Tensor) -> Tensor:
    return marks.flatten(1).T


def test_choosing_without_any_preference_is_blending(picture: Tensor, halves: Tensor) -> None:
    sources, field = Sources.of([picture], 7, [halves]), scattered()
    chosen = choose(field, sources, asked(halves), everywhere(), ANY, chunk=CHUNK)
    blended = blend(field, Sources.of([picture], 7), everywhere(), ANY.sigma, CHUNK)
    torch.testing.assert_close(chosen, blended)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_stayed_where_it_was_is_the_picture(
    picture: Tensor, halves: Tensor, step: int
) -> None:
    field = identity_field((SIDE, SIDE), picture.device)
    sources = Sources.of([picture], 7, [halves])
    choice = Choice(7, 2.0, 8.0, 20.0, 0.1, step)
    chosen = choose(field, sources, asked(halves), everywhere(), choice, chunk=CHUNK)
    torch.testing.assert_close(chosen, picture.flatten(1).T)


def test_proposals_of_another_drawing_do_not_count(halves: Tensor) -> None:
    """The left is black, the right white; the patches moved two pixels, the drawing did not."""
    black_and_white = halves.expand(3, -1, -1).contiguous()
    field = identity_field((SIDE, SIDE), halves.device)
    moved = Field(field.row, (field.column - 2).clamp_min(0), field.distance)
    moved = Field(moved.row, moved.column.where(field.column % 5 > 0, field.column), field.distance)
    sources = Sources.of([black_and_white], 13, [halves])
    chosen = choose(moved, sources, asked(halves), everywhere(), STRICT, chunk=CHUNK)
    blended = blend(moved, Sources.of([black_and_white], 13), everywhere(), 4.0, CHUNK)
    torch.testing.assert_close(chosen, asked(black_and_white))
    assert (blended - asked(black_and_white)).abs().max() > 0.5


def test_patches_that_fit_badly_count_less(picture: Tensor, halves: Tensor) -> None:
    """Half of the pixels, here and there, come from anywhere and fit badly."""
    random = torch.Generator().manual_seed(2)
    badly = torch.rand(SIDE, SIDE, generator=random) < 0.5
    right, wrong = identity_field((SIDE, SIDE), picture.device), scattered()
    field = Field(
        wrong.row.where(badly, right.row), wrong.column.where(badly, right.column), badly.float()
    )
    sources = Sources.of([picture], 7, [halves])
    choice = Choice(patch=7, sigma=3.0, mark=0.0, fit=40.0, lenient=10.0, step=1)
    chosen = choose(field, sources, asked(halves), everywhere(), choice, chunk=CHUNK)
    torch.testing.assert_close(chosen, picture.flatten(1).T, atol=1e-4, rtol=0)


def test_where_nothing_fits_at_all_there_is_a_picture_still(
    picture: Tensor, halves: Tensor
) -> None:
    sources = Sources.of([picture], 7, [halves])
    field = scattered(torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(3)) * 50)
    far = asked(halves) + 100
    chosen = choose(field, sources, far, everywhere(), USUAL, chunk=CHUNK)
    assert chosen.isfinite().all()
    assert chosen.abs().max() <= 1 + 1e-5


def test_a_few_pixels_alone_are_what_they_are_among_all(picture: Tensor, halves: Tensor) -> None:
    sources, field = Sources.of([picture], 13, [halves]), scattered()
    whole = choose(field, sources, asked(halves), everywhere(), USUAL, chunk=CHUNK)
    at = torch.tensor([0, 5, 100, SIDE * SIDE - 1])
    some = choose(field, sources, asked(halves)[at], at, USUAL, chunk=3)
    torch.testing.assert_close(some, whole[at])
    none = choose(field, sources, asked(halves)[:0], at[:0], USUAL, chunk=3)
    assert none.shape == (0, 3)


def test_where_little_fits_no_proposal_is_believed_alone(picture: Tensor, halves: Tensor) -> None:
    """The worse everything fits, the nearer the choice comes to a blend."""
    blended = blend(scattered(), Sources.of([picture], 9), everywhere(), 2.0, CHUNK)
    sources = Sources.of([picture], 9, [halves])
    choice = Choice(patch=7, sigma=2.0, mark=8.0, fit=0.0, lenient=0.1, step=1)

    def apart(distance: float) -> float:
        field = scattered(torch.full((SIDE, SIDE), distance))
        chosen = choose(field, sources, asked(halves), everywhere(), choice, chunk=CHUNK)
        return float((chosen - blended).abs().mean())

    assert apart(0.0) > apart(1.0) > apart(10.0) > apart(100.0)
    assert apart(100.0) < apart(0.0) / 5


def test_smaller_patches_than_those_of_the_sources_are_as_good(
    picture: Tensor, halves: Tensor
) -> None:
    field = scattered()
    narrow, wide = (Sources.of([picture], patch, [halves]) for patch in (7, 13))
    one, other = (
        choose(field, sources, asked(halves), everywhere(), USUAL, chunk=CHUNK)
        for sources in (narrow, wide)
    )
    torch.testing.assert_close(one, other)
