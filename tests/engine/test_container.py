"""Files that were damaged, anywhere and in any way, are never taken for right."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.damage import damages, undetected
from deepsim_engine import checkpoint, container
from deepsim_engine.errors import DamagedError

KEY = "deepsim"
TENSORS = {
    "generator.weight": torch.arange(6.0).view(2, 3),
    "generator.half": torch.ones(3, dtype=torch.bfloat16),
    "pair.image": torch.arange(27, dtype=torch.uint8).view(3, 3, 3),
    "scalar": torch.tensor(7),
    "empty": torch.zeros(0, 4),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file with everything that such files have."""
    path = tmp_path / "x.safetensors"
    more = {"thumbnail": "iVBORw0KGgo="}
    checkpoint.write_file(path, KEY, {"name": "Kätzchen", "seed": 10}, TENSORS, more)
    return path


def test_a_whole_file_is_right_and_told_from_both_sides(file: Path) -> None:
    described = container.verify(file, KEY)
    assert described["name"] == "Kätzchen"
    assert described["checksum"] == checkpoint.checksum(TENSORS)
    assert checkpoint.read_file(file, KEY, "a model")[0] == {"name": "Kätzchen", "seed": 10}


@pytest.mark.parametrize("seed", range(2))
def test_every_damage_is_detected(file: Path, seed: int) -> None:
    variants = list(damages(file.read_bytes(), 30, seed))
    assert len(variants) > 25
    for what, damaged in variants:
        assert undetected(file, KEY, damaged) == [], what


def test_every_single_bit_counts(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        assert undetected(file, KEY, bytes(damaged)) == [], at


def test_padding_counts_too(file: Path) -> None:
    whole = file.read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    padded = whole[:end] + b" " * 8 + whole[end:]
    padded = (int.from_bytes(whole[:8], "little") + 8).to_bytes(8, "little") + padded[8:]
    assert undetected(file, KEY, padded) == ["verify", "load"]  # more spaces are right
    for other in b"\t\n\r\0":
        assert undetected(file, KEY, padded.replace(b"  ", bytes([32, other]), 1)) == []


def test_a_file_of_the_first_version_has_no_seal_and_is_read(file: Path, tmp_path: Path) -> None:
    with file.open("rb") as old, (tmp_path / "old").open("wb") as new:
        header = container.read_header(old, file)
        described = json.dumps(container.description(header["__metadata__"], KEY, file))
        container.write_header(new, {**header, "__metadata__": {KEY: described}})
        new.write(old.read())
    assert container.verify(tmp_path / "old", KEY)["name"] == "Kätzchen"
    assert checkpoint.read_file(tmp_path / "old", KEY, "a model")[0]["seed"] == 10


def test_a_header_without_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(DamagedError, match="too long"):
        container.verify(tmp_path / "x", KEY)
