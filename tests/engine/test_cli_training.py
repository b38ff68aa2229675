"""Training and applying from the command line, as a person or a script does it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data
from typer.testing import CliRunner

from deepsim_engine.backbones import weights
from deepsim_engine.cli.app import build_app
from deepsim_engine.cli.training import save_or_rescue
from deepsim_engine.errors import WorkError
from deepsim_engine.model import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not weights.available(), reason="no backbone installed (install.py)"),
]

SIZE = (72, 56)
QUICK = ["--size", "32", "--seed", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, its segments, and edited segments."""
    folder = tmp_path_factory.mktemp("studio")
    Image.fromarray(data.coffee()).resize(SIZE).save(folder / "picture.png")
    segments = Image.new("RGB", SIZE, "navy")
    draw = ImageDraw.Draw(segments)
    draw.ellipse((12, 8, 50, 44), fill="orange")
    segments.save(folder / "segments.png")
    draw.ellipse((52, 36, 70, 54), fill="orange")
    segments.save(folder / "edited.png")
    lines = Image.new("RGBA", SIZE)
    ImageDraw.Draw(lines).ellipse((12, 8, 50, 44), outline="black")
    lines.save(folder / "lines.png")
    return folder


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def start(studio: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "deepsim_engine", *arguments],
        cwd=studio,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def deepsim(studio: Path, *arguments: str) -> dict[str, Any]:
    """Run to the end with --json; the object, with the exit status in it."""
    with inside(studio):
        result = CliRunner().invoke(build_app(), [*arguments, "--json"])
    (line,) = result.stdout.splitlines()
    return {**json.loads(line), "status": result.exit_code}


@pytest.fixture(scope="module")
def model(studio: Path) -> str:
    trained = deepsim(
        studio, "train", "picture.png", "--segments", "segments.png", "--steps", "4", *QUICK,
        "--out", "cup.safetensors",
    )  # fmt: skip
    assert trained["status"] == 0, trained
    assert {key: trained[key] for key in ("model", "name", "kind", "preset", "size", "steps")} == {
        "model": "cup.safetensors",
        "name": "cup",
        "kind": "segments",
        "preset": "draft",
        "size": list(SIZE),
        "steps": 4,
    }
    assert sorted(trained["palette"]) == [[0, 0, 128], [255, 165, 0]]
    assert not (studio / "cup.safetensors.checkpoint").exists()
    return "cup.safetensors"


def test_an_edited_drawing_gives_a_picture_that_differs_only_near_the_edit(
    studio: Path, model: str
) -> None:
    applied = deepsim(studio, "apply", model, "--segments", "edited.png", "--out", "result.png")
    assert applied["status"] == 0, applied
    assert applied["size"] == list(SIZE)
    before = np.array(Image.open(studio / "picture.png")).astype(int)
    after = np.array(Image.open(studio / "result.png")).astype(int)
    assert after.shape == before.shape
    assert np.abs(after - before)[40:52, 56:68].mean() > 2
    assert np.array_equal(after[:10, :10], before[:10, :10])


def test_without_blending_all_of_the_picture_is_painted_anew(studio: Path, model: str) -> None:
    applied = deepsim(
        studio, "apply", model, "--segments", "edited.png", "--no-blend", "--out", "all.png"
    )
    assert applied["status"] == 0, applied
    before = np.array(Image.open(studio / "picture.png")).astype(int)
    after = np.array(Image.open(studio / "all.png")).astype(int)
    assert (np.abs(after - before).max(2) > 0).mean() > 0.9


@pytest.mark.parametrize("drawing", [["--edges", "lines.png"], ["--painting", "picture.png"]])
def test_a_drawing_of_another_kind_is_refused(studio: Path, model: str, drawing: list[str]) -> None:
    refused = deepsim(studio, "apply", model, *drawing, "--out", "refused.png")
    assert (refused["status"], refused["code"]) == (2, "input")
    assert "was trained on segments" in refused["error"]
    assert not (studio / "refused.png").exists()


def test_a_damaged_model_is_refused(studio: Path, model: str) -> None:
    whole = (studio / model).read_bytes()
    (studio / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    (studio / "flipped.safetensors").write_bytes(flipped)
    for name in ("cut.safetensors", "flipped.safetensors"):
        refused = deepsim(studio, "apply", name, "--segments", "edited.png", "--out", "no.png")
        assert (refused["status"], refused["code"]) == (2, "input")
        assert "is damaged" in refused["error"]
        assert not (studio / "no.png").exists()


def test_a_model_can_begin_with_what_another_has_learned(studio: Path, model: str) -> None:
    warm = deepsim(
        studio, "train", "picture.png", "--segments", "edited.png", "--from", model,
        "--steps", "2", *QUICK, "--out", "warm.safetensors",
    )  # fmt: skip
    assert (warm["status"], warm["steps"]) == (0, 2), warm


def test_edges_made_automatically_serve_training_and_applying(studio: Path) -> None:
    both = ["--segments", "segments.png", "--edges", "auto"]
    trained = deepsim(
        studio, "train", "picture.png", *both, "--steps", "2", *QUICK, "--out", "both.safetensors"
    )
    assert (trained["status"], trained["kind"]) == (0, "both"), trained
    applied = deepsim(studio, "apply", "both.safetensors", *both, "--out", "both.png")
    assert applied["status"] == 0, applied
    original = np.array(Image.open(studio / "picture.png"))
    assert np.array_equal(np.array(Image.open(studio / "both.png")), original), "nothing was edited"


def test_instant_needs_no_training(studio: Path) -> None:
    trained = deepsim(
        studio, "train", "picture.png", "--segments", "segments.png", "--preset", "instant",
        "--out", "instant.safetensors",
    )  # fmt: skip
    assert (trained["status"], trained["preset"]) == (0, "instant"), trained
    applied = deepsim(
        studio, "apply", "instant.safetensors", "--segments", "edited.png", "--out", "instant.png"
    )
    assert applied["status"] == 0, applied


def test_a_model_whose_folder_refuses_it_is_saved_elsewhere(studio: Path, model: str) -> None:
    trained = load(studio / model)
    with pytest.raises(
        WorkError, match=r"could not be written: .* was saved as .* instead"
    ) as told:
        save_or_rescue(trained, studio / "gone" / "cup.safetensors")
    rescued = Path(str(told.value).split("saved as ")[1].removesuffix(" instead."))
    assert load(rescued).id == trained.id
    shutil.rmtree(rescued.parent)


def test_without_a_preset_the_answer_comes_at_once_unless_a_training_is_described(
    studio: Path,
) -> None:
    command = ["train", "picture.png", "--segments", "segments.png", *QUICK]
    assert deepsim(studio, *command, "--out", "now.safetensors")["preset"] == "instant"
    learned = deepsim(studio, *command, "--steps", "1", "--out", "learned.safetensors")
    assert learned["preset"] == "draft"


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_keeps_a_checkpoint_and_goes_on(
    studio: Path, sign: signal.Signals
) -> None:
    name = f"{sign.name}.safetensors"
    command = ["train", "picture.png", "--segments", "segments.png", *QUICK, "--out", name]
    process = start(studio, *command, "--steps", "1000000", "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step ") and not line.startswith("step 0"):
            break
    process.send_signal(sign)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["code"] == "cancelled"
    assert told["step"] >= 1
    assert told["checkpoint"] == f"{name}.checkpoint"
    assert "--resume" in told["error"]
    assert (studio / f"{name}.checkpoint").is_file()
    assert not (studio / name).exists()

    more = told["step"] + 2
    resumed = deepsim(studio, *command, "--steps", str(more), "--resume")
    assert (resumed["status"], resumed["steps"]) == (0, more), resumed
    assert (studio / name).is_file()
    assert not (studio / f"{name}.checkpoint").exists()


def test_a_checkpoint_of_another_drawing_is_not_resumed(studio: Path) -> None:
    (studio / "other.safetensors.checkpoint").write_bytes(b"not a checkpoint")
    refused = deepsim(
        studio, "train", "picture.png", "--segments", "segments.png", "--steps", "2", *QUICK,
        "--resume", "--out", "other.safetensors",
    )  # fmt: skip
    assert (refused["status"], refused["code"]) == (2, "input")
    assert "checkpoint" in refused["error"]
    assert not (studio / "other.safetensors").exists()
