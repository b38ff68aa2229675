"""Models and trainings in another folder than keys and logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from deepsim_client import LocationError
from deepsim_client.storage import STORAGE_NAME, keep_in, storage_of

from tests.server.conftest import Engine, ask, deepsim, pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def disk(engine: Engine, tmp_path: Path) -> Path:
    """A folder that the engine is told to keep things in."""
    folder = tmp_path / "disk"
    folder.mkdir()
    engine.data.mkdir(parents=True, exist_ok=True)
    keep_in(engine.data, folder)
    return folder


def test_what_is_trained_is_kept_there_and_listed_by_the_command(
    engine: Engine, disk: Path
) -> None:
    client = engine.ready()
    body = {"name": "Head", "preset": "instant"}
    model = ask(client, "train", body, pair()).body["model"]["id"]
    assert (disk / "models" / f"{model}.safetensors").is_file()
    assert (disk / "engine.sqlite").is_file()
    for name in ("models", "jobs", "engine.sqlite"):
        assert not (engine.data / name).exists()
    assert (engine.data / "keys" / "engine.key_secret").is_file()
    listed = json.loads(deepsim(engine, "models", "list", "--json").stdout)
    assert [entry["id"] for entry in listed["models"]] == [model]


def test_a_disk_that_is_not_connected_is_said_and_nothing_is_made_in_its_place(
    engine: Engine, disk: Path
) -> None:
    disk.rmdir()
    ended = deepsim(engine, "serve")
    assert ended.returncode == 1
    assert f"The folder {disk}, where models and trainings are kept, is not there" in ended.stderr
    assert not disk.exists()


def test_two_engines_do_not_share_it(engine: Engine, disk: Path, tmp_path: Path) -> None:
    engine.ready()
    other = tmp_path / "other"
    other.mkdir()
    keep_in(other, disk)
    ended = deepsim(Engine(other), "serve")
    assert ended.returncode == 1
    said = f"Another engine (process {engine.process().pid}) keeps its models in {disk}"
    assert said in ended.stderr


def test_the_data_folder_again(engine: Engine, disk: Path) -> None:
    assert storage_of(engine.data) == disk
    keep_in(engine.data, engine.data)
    assert storage_of(engine.data) == engine.data
    keep_in(engine.data, engine.data)  # it was so already


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"folder": 1}', '{"folder": "disk"}'])
def test_a_damaged_file_is_named(engine: Engine, disk: Path, content: str) -> None:
    path = engine.data / STORAGE_NAME
    path.write_text(content)
    with pytest.raises(LocationError, match="storage file") as caught:
        storage_of(engine.data)
    assert str(path) in str(caught.value)
