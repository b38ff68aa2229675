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


def test_perceptual_loss_is_zero_for_equal_pictures_alone(
    perceptual: losses.PerceptualLoss,
) -> None:
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    assert perceptual(picture, picture).item() == 0
    near, far = picture + 0.05 * torch.randn_like(picture), torch.zeros_like(picture)
    assert 0 < perceptual(near, picture) < perceptual(far, picture)


def test_perceptual_loss_teaches_the_fake_only(perceptual: losses.PerceptualLoss) -> None:
    fake = torch.zeros(1, 3, 16, 16, requires_grad=True)
    real = torch.rand(1, 3, 16, 16, requires_grad=True)
    perceptual(fake, real).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert real.grad is None
