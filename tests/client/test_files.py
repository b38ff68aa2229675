"""Small private files: whole or not at all, and nobody else's to read."""

import json
import os
from pathlib import Path

import pytest
from deepsim_client.files import write_private, write_private_json


def test_the_file_is_the_user_s_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "remote.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private_json(path, {"endpoint": "tcp://host:1"})
    assert json.loads(path.read_text()) == {"endpoint": "tcp://host:1"}
    assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_refuses_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "remote.json"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
