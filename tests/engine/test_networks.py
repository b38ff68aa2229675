"""Generators and discriminators: shapes, reach, and weights that depend on the seed alone."""

import ast
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from deepsim_engine.networks.build import build_discriminator, build_generator, count_weights
from deepsim_engine.networks.pix2pixhd import GlobalGenerator, InstanceNorm, WideConv
from deepsim_engine.networks.run import run_on_parts
from deepsim_engine.presets import DRAFT, PAPER, DiscriminatorConfig, GeneratorConfig

SMALL = GeneratorConfig(widths=(8, 16, 24), depth=1)


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def run_whole(network: nn.Module, x: torch.Tensor, **how: Any) -> torch.Tensor:
    size = (x.shape[-2], x.shape[-1])
    return run_on_parts(network, lambda rows, columns: x[:, :, rows, columns], size, **how)


def test_generators_keep_the_size() -> None:
    for config in (SMALL, GeneratorConfig(kind="global", widths=(4, 8, 16), depth=1)):
        network = build_generator(config, in_channels=5)
        assert network.multiple == 4
        assert network(torch.rand(2, 5, 24, 36)).shape == (2, 3, 24, 36)


def test_any_size_is_padded_and_cut_back() -> None:
    network = build_generator(SMALL, in_channels=2)
    for height, width in ((2, 2), (5, 30), (31, 4)):
        assert run_whole(network, torch.rand(1, 2, height, width)).shape == (3, height, width)


def test_the_paper_generator_is_as_large_as_published() -> None:
    with torch.device("meta"):
        network = GlobalGenerator(7)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(182.5e6, rel=0.01)
    assert PAPER.generator.widths == (64, 128, 256, 512, 1024)
    assert PAPER.generator.depth == 9


def test_weights_depend_on_the_seed_alone_and_leave_the_callers_random_numbers() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = build_generator(SMALL, 4, seed=7)
    assert torch.equal(torch.rand(3), expected)
    assert equal(first, build_generator(SMALL, 4, seed=7))
    assert not equal(first, build_generator(SMALL, 4, seed=8))


def test_a_mending_generator_begins_by_changing_nothing() -> None:
    config = GeneratorConfig(widths=(8, 16), depth=1, patches=True, residual=True, fold=2)
    x = torch.randn(1, 4 + 3, 16, 16)
    assert torch.equal(build_generator(config, 4)(x), x[:, -3:])


@pytest.mark.parametrize("fold", [1, 2])
def test_what_the_compact_generator_paints_does_not_depend_on_far_pixels(fold: int) -> None:
    """So it may learn on crops and paint whole pictures, or tiles of them."""
    network = build_generator(replace(SMALL, fold=fold), 3).double()
    x = torch.randn(1, 3, 32, 160, dtype=torch.float64)
    y = x.clone()
    y[:, :, :, 132:] = torch.randn(1, 3, 32, 28, dtype=torch.float64)
    with torch.no_grad():
        same = (network(x) == network(y)).all(1).all(1)[0]
    assert isinstance(network.reach, int)
    assert 0 < network.reach < 132
    assert same[: 132 - network.reach].all()
    assert not same[132:].any()


@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("size", [(96, 224), (97, 130)])
def test_a_picture_made_in_tiles_equals_one_made_whole(size: tuple[int, int], fold: int) -> None:
    network = build_generator(replace(SMALL, fold=fold), 3)
    x = torch.rand(1, 3, *size)
    whole, tiled = run_whole(network, x), run_whole(network, x, tile=64)
    assert (whole - tiled).abs().max() < 1 / 255


@pytest.mark.parametrize("box", [(40, 30, 50, 20), (0, 0, 130, 97), (101, 60, 29, 37)])
def test_a_part_is_painted_as_in_the_whole(box: tuple[int, int, int, int]) -> None:
    network = build_generator(SMALL, 3)
    x = torch.rand(1, 3, 97, 130)
    left, top, width, height = box
    whole, part = run_whole(network, x), run_whole(network, x, box=box)
    apart = (whole - part)[:, top : top + height, left : left + width]
    assert apart.abs().max() < 1 / 255


def test_no_more_than_a_tile_and_its_surroundings_is_encoded_at_once() -> None:
    network = build_generator(SMALL, 3)
    asked: list[int] = []

    def part(rows: slice, columns: slice) -> torch.Tensor:
        asked.append(max(rows.stop - rows.start, columns.stop - columns.start))
        return torch.zeros(1, 3, rows.stop - rows.start, columns.stop - columns.start)

    run_on_parts(network, part, (64, 400), tile=64)
    assert isinstance(network.reach, int)
    assert len(asked) == 7
    assert max(asked) <= 64 + 2 * (network.reach + 8)


def test_the_discriminator_judges_at_two_scales() -> None:
    network = build_discriminator(DiscriminatorConfig(base=8, layers=2), in_channels=7)
    found = network(torch.rand(2, 4, 64, 64), torch.rand(2, 3, 64, 64))
    assert [layers[-1].shape[1] for layers in found] == [1, 1]
    assert found[0][-1].shape[-1] == pytest.approx(2 * found[1][-1].shape[-1], abs=3)
    assert len(found[0]) == 4


@pytest.mark.parametrize("side", [32, 48])
def test_discriminators_of_the_presets_accept_the_smallest_crops(side: int) -> None:
    for preset in (DRAFT, PAPER):
        with torch.no_grad():
            network = build_discriminator(preset.discriminator, in_channels=5)
            found = network(torch.rand(1, 2, side, side), torch.rand(1, 3, side, side))
        assert all(layers[-1].isfinite().all() for layers in found)


@pytest.mark.parametrize("size", [(2, 2), (8, 8), (5, 9), (24, 20)])
def test_products_of_matrices_give_what_the_convolution_gives(size: tuple[int, int]) -> None:
    convolution = WideConv(6).double()
    x = torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)
    ours, theirs = convolution(x), nn.Conv2d.forward(convolution, x)
    assert torch.allclose(ours, theirs)
    gradients = [
        torch.autograd.grad(y.square().sum(), [x, *convolution.parameters()])
        for y in (ours, theirs)
    ]
    assert all(torch.allclose(a, b) for a, b in zip(*gradients, strict=True))


def test_instance_normalisation_is_torchs() -> None:
    x = torch.randn(2, 5, 7, 6) * 3 + 1
    assert torch.allclose(InstanceNorm()(x), nn.InstanceNorm2d(5)(x), atol=1e-5)


COUNT = """
import sys
from deepsim_engine.networks.build import count_weights
from deepsim_engine.presets import PRESETS
print([count_weights(preset.generator, 2) for preset in PRESETS.values() if preset.trains])
print("torch._dynamo" in sys.modules)
"""


def test_weights_are_counted_without_drawing_them() -> None:
    """Drawing weights that have no values loads torch's compiler: seconds of every start."""
    network = build_generator(SMALL, 3)
    assert count_weights(SMALL, 3) == sum(each.numel() for each in network.parameters())
    told = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    counts, compiler = told.stdout.splitlines()
    assert min(ast.literal_eval(counts)) > 100_000
    assert compiler == "False"
