"""Our Adam does what torch's does, and goes on from where it was."""

import pytest
import torch
from torch import nn

from deepsim_engine.adam import Adam

INPUTS = torch.rand(6, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
BETAS = (0.5, 0.99)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1))
    return layers.to(memory_format=torch.channels_last)


def descend(net: nn.Module, adam: Adam, inputs: torch.Tensor) -> None:
    for x in inputs:
        adam.descend(net(x).square().mean(), 1.0)


def test_it_moves_weights_as_torchs_does() -> None:
    ours, theirs = network(), network()
    descend(ours, Adam(ours.parameters(), 0.01, BETAS, largest_norm=1e9), INPUTS)
    reference = torch.optim.Adam(theirs.parameters(), 0.01, BETAS)
    for x in INPUTS:
        reference.zero_grad()
        theirs(x).square().mean().backward()
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_it_goes_on_as_if_never_interrupted() -> None:
    straight, broken = network(), network()
    descend(straight, Adam(straight.parameters(), 0.01, BETAS, 1.0), INPUTS)
    first, second = (Adam(broken.parameters(), 0.01, BETAS, 1.0) for _ in range(2))
    descend(broken, first, INPUTS[:2])
    second.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    descend(broken, second, INPUTS[2:])
    for a, b in zip(straight.parameters(), broken.parameters(), strict=True):
        assert torch.equal(a, b)


def test_gradients_are_clipped_by_their_common_norm() -> None:
    weight = nn.Parameter(torch.zeros(2))
    adam = Adam([weight], 1.0, (0.0, 0.0), largest_norm=5.0)
    adam.descend((weight * torch.tensor([300.0, 400.0])).sum(), 1.0)
    torch.testing.assert_close(adam.means[0], torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_does_not_spoil_the_weights(value: float) -> None:
    weight, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    adam = Adam([weight, unused], 0.1, BETAS, 1.0)
    adam.descend((weight * torch.tensor([value, 1.0])).sum(), 1.0)
    assert weight.isfinite().all()
    assert weight[1] < 1
    assert torch.equal(unused, torch.ones(3))
