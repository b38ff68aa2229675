"""Full and read-only disks, real ones: small file systems in memory, which only root may mount."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import torch
from deepsim_client import Message
from deepsim_client.wire import encode, new_id
from deepsim_server.inputs import write_inputs
from deepsim_server.jobs import JobStore
from deepsim_server.model_files import verify_model
from deepsim_server.models import ModelStore

from deepsim_engine import checkpoint
from deepsim_engine.errors import WorkError
from tests.server.conftest import Engine, ask, deepsim, pair, segments_frame
from tests.server.disks import MIB, fill, mounted, release, unmount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    if not mounted(folder, size):
        pytest.skip("only root may mount a small disk")
    yield folder
    unmount(folder)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    yield from _disk(tmp_path / "tiny", MIB)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk that an engine can work on; a checkpoint has 75 MB, and is written beside the old."""
    yield from _disk(tmp_path / "small", 256 * MIB)


@pytest.mark.parametrize("pages", [0, 1, 2, 4, 8, 16, 32])
def test_every_write_on_a_full_disk_is_told_and_harms_nothing(tiny: Path, pages: int) -> None:
    (tiny / "jobs").mkdir()
    (tiny / "models").mkdir()
    jobs, models = JobStore(tiny / "db", tiny / "jobs"), ModelStore(tiny / "models")
    kept = jobs.add(new_id(), "Cat", "draft", "p", {}).id
    tensors = {"pair.image": torch.arange(60000, dtype=torch.uint8)}
    model = checkpoint.checksum(tensors)[:12]
    path = tiny / "models" / f"{model}.safetensors"
    checkpoint.write_file(path, "deepsim", {"name": "Old"}, tensors)
    parts = encode(Message("train", new_id(), {}, tuple(pair(96))))
    fill(tiny, pages * 4096)

    refused = 0
    for write in (
        lambda: write_inputs(tiny / "jobs" / "new" / "inputs", parts),
        lambda: checkpoint.write_file(path, "deepsim", {"name": "New"}, tensors),
        lambda: models.rename(model, "New"),
        lambda: [jobs.add(new_id(), "Dog", "draft", "p", {}) for _ in range(9)],
    ):
        try:
            write()
        except (OSError, WorkError) as error:
            assert "No space left" in str(error)
            refused += 1
        except jobs.Refused as error:
            assert "full" in str(error)
            refused += 1
    assert refused >= (4 if pages < 2 else 1)
    assert jobs.update(kept, state="done", reply={"text": "x" * 9000}).state == "done"
    verify_model(path)
    assert models.find(model)["name"] in ("Old", "New")
    assert not list(tiny.glob("**/*.part"))

    release(tiny)
    jobs.retry()
    assert not jobs.behind
    assert models.rename(model, "Newer")["name"] == "Newer"
    jobs.close()
    again = JobStore(tiny / "db", tiny / "jobs")
    assert again.get(kept).state == "done"
    again.close()
    models.close()


def test_an_engine_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    small: Path, weights: Path
) -> None:
    (small / "data").mkdir()
    (small / "data" / "weights").symlink_to(weights)
    engine = Engine(small / "data", options=("--checkpoint-seconds", "0"))
    try:
        client = engine.ready()
        model = ask(client, "train", {"preset": "instant", "name": "Old"}, pair()).body["model"]
        fill(small, 0)
        body = {"preset": "draft", "steps": 3, "name": "New"}
        refused = ask(client, "train", body, pair())
        assert refused.body["code"] == "failed"
        assert "No space left" in refused.body["message"]
        fill(small, MIB)  # enough to be accepted, not for a checkpoint
        failed = ask(client, "train", body, pair())
        assert failed.body["code"] == "failed", failed.body
        assert "No space left" in failed.body["message"]
        assert ask(client, "apply", {"model": model["id"]}, [segments_frame()]).kind == "result"
        verify_model(small / "data" / "models" / f"{model['id']}.safetensors")
        release(small)
        assert ask(client, "train", {**body, "resume": True}, pair()).kind == "result"
    finally:
        engine.end()


def test_a_read_only_data_folder_is_told_in_a_sentence(tiny: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)
    told = deepsim(Engine(tiny / "data"), "serve")
    assert told.returncode == 1
    assert "Read-only file system" in told.stderr
    assert "Traceback" not in told.stderr
