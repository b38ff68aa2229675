"""Wrong input: one clear sentence, exit status 2, and nothing half-written."""

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data
from typer.testing import CliRunner

from deepsim_engine.cli.app import build_app, main

SIZE = (48, 40)


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture and good and bad drawings of it, to work in."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.coffee()).resize(SIZE).save("picture.png")
    segments = Image.new("RGB", SIZE, "navy")
    ImageDraw.Draw(segments).ellipse((8, 8, 36, 32), fill="orange")
    segments.save("segments.png")
    segments.resize((24, 20), Image.Resampling.NEAREST).save("small.png")
    Image.new("RGB", SIZE, "navy").save("one-colour.png")
    Image.new("RGBA", SIZE).save("empty.png")
    Image.new("RGB", SIZE, "white").save("white.png")
    Image.fromarray(data.astronaut()).resize(SIZE).save("photograph.png")
    tiles = np.random.default_rng(1).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    Image.fromarray(tiles.repeat(4, 0).repeat(4, 1)[:40, :48]).resize(
        (480, 400), Image.Resampling.NEAREST
    ).save("many-colours.png")
    Image.fromarray(data.coffee()).resize((480, 400)).save("large.png")
    Image.new("RGB", (1, 40)).save("line.png")
    (tmp_path / "bomb.png").write_bytes(png_header(40_000, 40_000))
    (tmp_path / "text.png").write_text("not a picture")
    whole = (tmp_path / "picture.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder").mkdir()
    return tmp_path


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG file that claims a size and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header) - 4)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


def listing(folder: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


TRAIN = "train picture.png --out model.safetensors"

WRONG = {
    # files
    "train nowhere.png --segments segments.png --out m": r"nowhere\.png does not exist",
    "edges nowhere.png --out e.png": r"nowhere\.png does not exist",
    "segment text.png --out s.png": r"text\.png is not a picture",
    "segment cut.png --out s.png": r"cut\.png is damaged|cut\.png is not a picture",
    "edges folder --out e.png": "folder is a folder",
    "edges line.png --out e.png": "1 x 40 pixels: it must be at least 2",
    "edges bomb.png --out e.png": "134 million",
    f"{TRAIN} --segments nowhere.png": r"nowhere\.png does not exist \(wanted as the segments\)",
    f"{TRAIN} --edges nowhere.png": r"nowhere\.png does not exist \(wanted as the edges\)",
    f"{TRAIN} --segments line.png": "he segments line.png is 1 x 40 pixels",
    # drawings
    TRAIN: "Neither edges nor segments are given",
    f"{TRAIN} --segments small.png": (
        r"The image is 48 x 40 pixels but the segments are 24 x 20: they must have the same size"
    ),
    f"{TRAIN} --segments segments.png --edges small.png": "but the edges are 24 x 20",
    f"{TRAIN} --edges empty.png": "edges layer is empty",
    f"{TRAIN} --edges white.png": "edges layer is empty",
    f"{TRAIN} --segments empty.png": "segments layer is empty",
    f"{TRAIN} --segments one-colour.png": r"single colour \(#000080\)",
    f"{TRAIN} --segments photograph.png": "as in a photograph; .*Segment Layer",
    "train large.png --segments many-colours.png --out m": "more than 64 colours: .*Segment Layer",
    f"{TRAIN} --painting segments.png --segments segments.png": "--painting stands alone",
    # numbers and names
    f"{TRAIN} --segments segments.png --preset best": (
        "no preset 'best'; choose one of instant, draft, standard, paper"
    ),
    f"{TRAIN} --segments segments.png --device cuda:99": "device 'cuda:99' is not there",
    f"{TRAIN} --segments segments.png --steps 0": "must be at least 1",
    f"{TRAIN} --segments segments.png --seconds=-5": "must be more than nothing",
    f"{TRAIN} --segments segments.png --size 4": "it must be from 16",
    f"{TRAIN} --segments segments.png --steps 5 --seconds 5": "exclude each other",
    "edges picture.png --sigma=-1 --out e.png": "Sigma is -1",
    "edges picture.png --method sobel --out e.png": "no edge method 'sobel'",
    "segment picture.png --regions 1 --out s.png": "1 regions are wanted: it must be 2 to 64",
    # where the result goes
    "edges picture.png --out nowhere/e.png": "The folder .*nowhere for --out does not exist",
    "edges picture.png --out folder": "folder is a folder",
    "edges picture.png --out picture.png": "--out is the input",
    "edges picture.png --out e.jpg": r"its name must end in \.png",
    "train picture.png --segments segments.png --out segments.png": "--out is the input",
    "apply text.png --segments segments.png --out r.jpg": r"its name must end in \.png",
    # models
    "apply nowhere.safetensors --segments segments.png --out r.png": "does not exist",
    "apply text.png --segments segments.png --out r.png": "damaged or not a DeepSIM model",
    "apply picture.png --segments segments.png --out r.png": "damaged or not a DeepSIM model",
    "apply text.png --out r.png": "Neither edges nor segments",
    f"{TRAIN} --segments segments.png --from text.png": "damaged or not a DeepSIM model",
}


@pytest.mark.parametrize("command", WRONG, ids=str)
def test_wrong_input_is_one_sentence_and_leaves_nothing_behind(studio: Path, command: str) -> None:
    before = listing(studio)
    result = CliRunner().invoke(build_app(), command.split())
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (sentence,) = result.stderr.strip().splitlines()
    assert re.search(WRONG[command], sentence), sentence
    assert sentence.endswith((".", ")"))
    assert listing(studio) == before


@pytest.mark.parametrize(
    "command",
    ["edges nowhere.png --out e.png --json", "train picture.png --out m --json"],
)
def test_with_json_the_sentence_is_in_the_object(studio: Path, command: str) -> None:
    result = CliRunner().invoke(build_app(), command.split())
    assert result.exit_code == 2
    assert result.stderr == ""
    error = json.loads(result.stdout)
    assert error["code"] == "input"
    assert error["error"].endswith((".", ")"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["edges", "--json"], "IMAGE"),
        (["train", "a.png", "--out", "m", "--steps", "many", "--json"], "--steps"),
        (["paint", "--json"], "paint"),
    ],
)
def test_a_mistyped_command_is_an_object_too_with_json(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main(arguments) == 2
    error = json.loads(capsys.readouterr().out)
    assert error["code"] == "input"
    assert complaint.lower() in error["error"].lower()


def test_training_beyond_memory_is_refused_by_an_estimate(studio: Path) -> None:
    Image.new("RGB", (4096, 4096)).save("canvas.png")
    command = "train canvas.png --painting canvas.png --preset paper --size 4096 --out m"
    result = CliRunner().invoke(build_app(), command.split())
    assert result.exit_code == 2, result.output
    assert re.search(r"Training needs about \d+\.\d GB of memory", result.stderr), result.stderr
    assert not (studio / "m").exists()


Deepsim = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def deepsim(studio: Path) -> Deepsim:
    """The command as a process of its own, in the studio."""

    def run(command: str, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "deepsim_engine", *command.split()],
            cwd=studio,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    return run


def test_the_real_command_says_the_same_without_a_traceback(deepsim: Deepsim) -> None:
    done = deepsim("edges nowhere.png --out e.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nowhere.png does not exist (wanted as the image).\n"


def test_the_real_command_helps_without_importing_torch(studio: Path) -> None:
    look = (
        "import sys; from deepsim_engine.cli.app import build_app; build_app(); "
        "sys.exit('torch' in sys.modules or 'skimage' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", look], check=False, timeout=60).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes are POSIX")
def test_no_room_on_the_disk_is_a_sentence_and_leaves_no_litter(
    studio: Path, deepsim: Deepsim
) -> None:
    import resource  # noqa: PLC0415 - POSIX only

    before = listing(studio)
    # A limit on file size stands for the full disk: writing fails in the middle just the same.
    done = deepsim(
        "segment large.png --out s.png",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"s\.png could not be written: .*\.\n", done.stderr), done.stderr
    assert listing(studio) == before


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind the administrator"
)
def test_a_folder_without_permission_is_refused_before_work(studio: Path, deepsim: Deepsim) -> None:
    (studio / "folder").chmod(0o500)
    done = deepsim("edges picture.png --out folder/e.png")
    assert done.returncode == 2
    assert "permission denied" in done.stderr
