"""Feature networks: the trunk and its taps, HED's edges, and what is said when weights lack."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from deepsim_engine.backbones import hed_convert, weights
from deepsim_engine.backbones.hed import edge_probability
from deepsim_engine.backbones.vgg import CAFFE, VGG16_DEPTHS, VGG19_DEPTHS, Vgg
from deepsim_engine.errors import InputError

needs_hed = pytest.mark.skipif(
    weights.HED not in weights.available(), reason="HED weights not installed (install.py)"
)


def test_the_trunk_ends_behind_its_deepest_tap() -> None:
    trunk = Vgg(VGG16_DEPTHS, ["relu3_3", "relu1_2"], CAFFE)
    assert list(trunk.convolutions)[-1] == "conv3_3"
    taps = trunk(torch.rand(1, 3, 33, 40))
    assert {tap: tuple(x.shape) for tap, x in taps.items()} == {
        "relu1_2": (1, 64, 33, 40),
        "relu3_3": (1, 256, 9, 10),
    }


def test_only_existing_layers_can_be_tapped() -> None:
    with pytest.raises(ValueError, match="relu3_4"):
        Vgg(VGG16_DEPTHS, ["relu3_4"], CAFFE)
    assert Vgg(VGG19_DEPTHS, ["relu3_4"], CAFFE).taps == ("relu3_4",)
    with pytest.raises(ValueError, match="not the name"):
        Vgg(VGG16_DEPTHS, ["conv3_1"], CAFFE)


def test_input_is_bgr_bytes_minus_the_mean() -> None:
    trunk = Vgg(VGG16_DEPTHS, ["relu1_1"], CAFFE)
    colour = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1) / 255
    expected = torch.tensor([30 - 103.939, 20 - 116.779, 10 - 123.68]).view(1, 3, 1, 1)
    torch.testing.assert_close(trunk.prepare(colour), expected)


def test_gradients_reach_the_picture_but_not_the_weights() -> None:
    trunk = Vgg(VGG16_DEPTHS, ["relu2_1"], CAFFE)
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    trunk(picture)["relu2_1"].sum().backward()
    assert picture.grad is not None
    assert all(p.grad is None for p in trunk.parameters())


@needs_hed
def test_hed_finds_the_outline_of_the_cup_and_not_the_table() -> None:
    edges = edge_probability(data.coffee())
    assert edges.shape == (400, 600)
    assert edges.dtype == np.float32
    assert edges.min() >= 0
    assert edges.max() <= 1
    rim, table = edges[15:30, 240:330], edges[330:390, 10:60]
    assert rim.max(axis=0).mean() > 0.8  # every column crosses the rim once
    assert table.mean() < 0.1


@needs_hed
def test_hed_accepts_odd_tiny_and_long_pictures() -> None:
    assert edge_probability(np.zeros((5, 7, 3), np.uint8)).shape == (5, 7)
    assert edge_probability(np.zeros((9, 1500, 3), np.uint8)).shape == (9, 1500)


def test_missing_weights_name_the_command_that_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSIM_DATA", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert weights.available() == []
    with pytest.raises(InputError, match=r"python3 install\.py"):
        weights.choose()
    with pytest.raises(InputError, match="vgg19"):
        weights.choose("vgg19")
    with pytest.raises(InputError, match="no backbone 'resnet'"):
        weights.choose("resnet")


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSIM_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "hed-vgg16.safetensors").write_bytes(b"\x08" + bytes(40))
    with pytest.raises(InputError, match="damaged"):
        weights.hed_weights()


def test_conversion_refuses_anything_but_the_published_file(tmp_path: Path) -> None:
    wrong = tmp_path / "hed.h5"
    wrong.write_bytes(b"something else")
    target = tmp_path / "out.safetensors"
    with pytest.raises(InputError, match="not the published file"):
        hed_convert.convert(wrong, target)
    with pytest.raises(InputError, match="Cannot read"):
        hed_convert.convert(tmp_path / "absent.h5", target)
    assert not target.exists()
    assert hed_convert.main([str(wrong), str(target)]) == 2
