"""Losses: their values on cases that can be computed by hand, and where gradients go."""

import pytest
import torch
from torch import Tensor

from deepsim_engine import losses
from deepsim_engine.backbones.vgg import CAFFE, VGG16_DEPTHS, Vgg


def scales(*values: float) -> list[list[Tensor]]:
    return [[torch.full((1, 4, 5, 5), v), torch.full((1, 1, 3, 3), v)] for v in values]


def test_least_squares_is_the_squared_distance_to_the_truth() -> None:
    assert losses.least_squares(scales(1.0, 1.0), real=True).item() == 0
    assert losses.least_squares(scales(0.0, 2.0), real=True).item() == 1
    assert losses.least_squares(scales(0.0, 2.0), real=False).item() == 2


def test_feature_matching_ignores_the_verdicts_and_spares_the_real_side() -> None:
    fake, real = scales(1.0, 3.0), scales(0.0, 1.0)
    for layers in (*fake, *real):
        layers[0].requires_grad_(True)
    loss = losses.feature_matching(fake, real)
    assert loss.item() == pytest.approx((1 + 2) / 2)
    loss.backward()
    assert fake[0][0].grad is not None
    assert real[0][0].grad is None


@pytest.fixture(scope="module")
def perceptual() -> losses.PerceptualLoss:
    torch.manual_seed(0)
    trunk = Vgg(VGG16_DEPTHS, ["relu1_2", "relu2_2"], CAFFE)  # random features do for this
    return losses.PerceptualLoss(
        trunk, [("relu1_2", 1.0), ("relu2_2", 0.5)], torch.rand(1, 3, 32, 32) * 2 - 1
    )


@pytest.mark.parametrize("part", [0, 1], ids=["content", "style"])
def test_perceptual_losses_are_zero_for_equal_pictures_alone(
    perceptual: losses.PerceptualLoss, part: int
) -> None:
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    assert perceptual(picture, picture)[part].item() == 0
    near, far = picture + 0.05 * torch.randn_like(picture), torch.zeros_like(picture)
    assert 0 < perceptual(near, picture)[part] < perceptual(far, picture)[part]


def test_style_asks_for_texture_content_for_the_place(perceptual: losses.PerceptualLoss) -> None:
    """A texture shifted a little is nearly right in style and all wrong in content."""
    texture = torch.rand(1, 3, 64, 64) * 2 - 1
    shifted, flat = texture.roll(3, -1), torch.zeros_like(texture)
    content, style = zip(*(perceptual(x, texture) for x in (shifted, flat)), strict=True)
    assert style[0] < 0.2 * style[1]
    assert content[0] > 0.8 * content[1]


def test_correlations_are_those_of_each_tile() -> None:
    features = torch.rand(1, 3, 4, 4)
    tile = features[0, :, :2, 2:].reshape(3, 4)
    torch.testing.assert_close(losses.correlations(features)[1], tile @ tile.T / 4)


def test_perceptual_loss_teaches_the_fake_only(perceptual: losses.PerceptualLoss) -> None:
    fake = torch.zeros(1, 3, 16, 16, requires_grad=True)
    real = torch.rand(1, 3, 16, 16, requires_grad=True)
    sum(perceptual(fake, real)).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert real.grad is None
