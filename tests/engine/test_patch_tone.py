"""What is coarser than details comes from a second opinion, details do not."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from deepsim_engine.patches.tone import reach_of, toned

HEIGHT, WIDTH = 40, 56
BLUR = 2.0


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) * 2 - 1


def everywhere() -> Tensor:
    return torch.ones(HEIGHT, WIDTH, dtype=torch.bool)


def saying(other: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda at: other.reshape(3, -1)[:, at].T


@pytest.mark.parametrize("every", [1, 2, 3])
def test_another_tone_is_taken_over_everywhere_also_at_the_borders(
    picture: Tensor, every: int
) -> None:
    brighter = picture + 0.25
    result = toned(picture, everywhere(), saying(brighter), every=every, blur=BLUR)
    torch.testing.assert_close(result, brighter)


def test_other_details_are_not() -> None:
    plain = torch.zeros(3, HEIGHT, WIDTH)
    checks = plain.clone()
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 1.0
    checks -= checks.mean()
    result = toned(plain, everywhere(), saying(checks), every=1, blur=BLUR)
    assert float(result.abs().amax()) < 0.02


def test_it_is_asked_at_every_so_many_pixels_of_the_region_alone(picture: Tensor) -> None:
    region, asked = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool), []
    region[9:21, 11:30] = True

    def opinion(at: Tensor) -> Tensor:
        asked.append(at)
        return picture.reshape(3, -1)[:, at].T

    toned(picture, region, opinion, every=3, blur=BLUR)
    (at,) = asked
    assert {(int(i) // WIDTH, int(i) % WIDTH) for i in at} == {
        (y, x) for y in range(9, 21, 3) for x in range(12, 30, 3)
    }


def test_what_lies_further_away_stays_to_the_bit(picture: Tensor) -> None:
    region = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    region[10:20, 20:30] = True
    result = toned(picture, region, saying(picture + 1), every=2, blur=BLUR)
    reach = reach_of(BLUR)
    changed = (result != picture).any(0).nonzero()
    (top, left), (bottom, right) = changed.amin(0).tolist(), changed.amax(0).tolist()
    assert top >= 10 - reach and left >= 20 - reach
    assert bottom < 20 + reach and right < 30 + reach
    assert (result != picture)[:, 10:20, 20:30].all()


def test_a_part_is_made_as_the_whole_is(picture: Tensor) -> None:
    """How much is worked on at once does not matter: a region's inside knows nothing of that."""
    other = picture.flip(1)
    whole = toned(picture, everywhere(), saying(other), every=2, blur=BLUR)
    region = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    region[6:30, 6:40] = True
    part = toned(picture, region, saying(other), every=2, blur=BLUR)
    inside = 2 * reach_of(BLUR)
    torch.testing.assert_close(
        part[:, 6 + inside : 30 - inside, 6 + inside : 40 - inside],
        whole[:, 6 + inside : 30 - inside, 6 + inside : 40 - inside],
    )


def test_an_empty_region_changes_nothing(picture: Tensor) -> None:
    nowhere = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    assert toned(picture, nowhere, saying(picture + 1), every=2, blur=BLUR) is picture
