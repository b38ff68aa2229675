"""Files of tensors: whole or not there, and every kind of damage told in a sentence."""

from pathlib import Path

import pytest
import torch

from deepsim_engine import checkpoint
from deepsim_engine.errors import InputError, WorkError
from deepsim_engine.files import write_atomically

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2], dtype=torch.uint8)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.write_file(path, "key", {"step": 3, "names": ["ü"]}, TENSORS)
    description, tensors = checkpoint.read_file(path, "key", "a checkpoint")
    assert description == {"step": 3, "names": ["ü"]}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkError, match="No space left"):
        checkpoint.write_file(path, "key", {}, TENSORS)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="could not be written"):
        checkpoint.write_file(tmp_path / "absent" / "x", "key", {}, TENSORS)


def test_missing_cut_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(InputError, match="does not exist"):
        checkpoint.read_file(path, "key", "a checkpoint")
    checkpoint.write_file(path, "other", {}, TENSORS)
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.read_file(path, "key", "a checkpoint")
    whole = path.read_bytes()
    for length in (0, 4, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged or not"):
            checkpoint.read_file(path, "other", "a checkpoint")
    path.write_bytes(b"\x89PNG and so on" * 10)
    with pytest.raises(InputError, match="damaged or not"):
        checkpoint.read_file(path, "other", "a checkpoint")
    with pytest.raises(InputError):
        checkpoint.read_file(tmp_path, "key", "a checkpoint")


def test_the_checksum_sees_names_types_shapes_and_bytes() -> None:
    base = checkpoint.checksum(TENSORS)
    assert base == checkpoint.checksum(dict(reversed(TENSORS.items())))
    changed = TENSORS["a.weight"].clone()
    changed[1, 2] += 1
    variants = [
        {**TENSORS, "a.weight": changed},
        {**TENSORS, "a.weight": TENSORS["a.weight"].view(3, 2)},
        {**TENSORS, "b": TENSORS["b"].view(torch.int8)},
        {"a": TENSORS["a.weight"], "b": TENSORS["b"]},
    ]
    assert base not in [checkpoint.checksum(variant) for variant in variants]
