"""How far networks are trusted: by what they do to crops that nobody learned from."""

import pytest
import torch
from torch import Tensor, nn

from deepsim_engine.confidence import TRUSTS, HeldOut


class Painter(nn.Module):
    """Paints the same whatever it sees."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self.pictures = list(picture.split(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.pictures.pop(0)


@pytest.fixture
def crops() -> HeldOut:
    random = torch.Generator().manual_seed(0)
    truth = torch.rand(3, 3, 16, 16, generator=random) - 0.5
    patches = truth + 0.2 * torch.randn(truth.shape, generator=random)
    return HeldOut(torch.zeros(3, 4, 16, 16), patches, truth, None)


def test_a_network_that_is_always_right_is_trusted_wholly(crops: HeldOut) -> None:
    assert crops.trust(Painter(crops.truth)) == 1


def test_one_that_changes_nothing_or_harms_is_not_trusted(crops: HeldOut) -> None:
    assert crops.trust(Painter(crops.patches)) == 0
    assert crops.trust(Painter(-crops.truth)) == 0


def test_one_that_overshoots_is_trusted_half(crops: HeldOut) -> None:
    """As far beyond the truth as patches are before it."""
    assert crops.trust(Painter(2 * crops.truth - crops.patches)) == 0.5


def test_what_is_trusted_leaves_no_larger_error_than_patches(crops: HeldOut) -> None:
    """Closer for most pixels, very far for some: the mean distance alone would be fooled."""
    painted = crops.truth.clone()
    painted[:, :, :2, :2] = -painted[:, :, :2, :2].sign()
    trust = crops.trust(Painter(painted))
    mixed = crops.patches.lerp(painted, trust)
    assert trust in (0.0, *TRUSTS)
    before = (crops.patches - crops.truth).square().mean()
    assert (mixed.clamp(-1, 1) - crops.truth).square().mean() <= before
