"""What several opinions make together: nearer to the truth, and as sharp as each of them."""

import pytest
import torch
from torch import Tensor

from deepsim_engine.patches.agreement import united

SHAPE = (3, 40, 56)


def noise(seed: int, strength: float = 1.0) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed)) * strength


@pytest.fixture
def truth() -> Tensor:
    return noise(0, 0.3)


@pytest.fixture
def opinions(truth: Tensor) -> list[Tensor]:
    """Of the truth each has most, and something of its own."""
    return [0.8 * truth + noise(seed, 0.18) for seed in range(1, 5)]


def contrast(picture: Tensor) -> float:
    return float(picture.std())


def test_it_is_nearer_to_the_truth_than_each(truth: Tensor, opinions: list[Tensor]) -> None:
    def error(picture: Tensor) -> float:
        return float((picture - truth).square().mean())

    assert error(united(opinions)) < 0.8 * min(error(opinion) for opinion in opinions)


def test_its_details_are_as_strong_as_those_of_each(opinions: list[Tensor]) -> None:
    mean = torch.stack(opinions).mean(0)
    own = contrast(opinions[0])
    assert contrast(mean) < 0.9 * own
    assert abs(contrast(united(opinions)) - own) < 0.04 * own


def test_where_all_agree_it_is_what_they_are_to_the_bit(opinions: list[Tensor]) -> None:
    for opinion in opinions[1:]:
        opinion[:, :10] = opinions[0][:, :10]
        opinion[:, :, 30:] = opinions[0][:, :, 30:]
    for number in (1, 2, 3, 4):
        together = united(opinions[:number])
        assert torch.equal(together[:, :10], opinions[0][:, :10])
        assert torch.equal(together[:, :, 30:], opinions[0][:, :, 30:])


def test_a_part_alone_is_what_it_is_in_the_whole(opinions: list[Tensor]) -> None:
    """Only around what differs is anything computed."""
    plain = [opinions[0].clone() for _ in opinions]
    for one, opinion in zip(plain, opinions, strict=True):
        one[:, 15:25, 20:40] = opinion[:, 15:25, 20:40]
    shifted = [one.roll((3, -4), (1, 2)) for one in plain]
    torch.testing.assert_close(
        united(shifted)[:, 18:28, 16:36], united(plain)[:, 15:25, 20:40], atol=1e-5, rtol=0
    )


def test_opinions_that_say_the_same_are_left_as_they_are(opinions: list[Tensor]) -> None:
    assert torch.equal(united([opinions[0], opinions[0].clone()]), opinions[0])


def test_flat_colours_that_differ_give_their_mean() -> None:
    grey = [torch.full(SHAPE, value) for value in (-0.5, 0.25, 0.25)]
    torch.testing.assert_close(united(grey), torch.zeros(SHAPE), atol=1e-6, rtol=0)
