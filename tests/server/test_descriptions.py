"""`deepsim models show`: everything that is known of a model, in words."""

import json
from pathlib import Path

import numpy as np
import pytest
from deepsim_server.descriptions import describe
from deepsim_server.folders import Folders
from PIL import Image

from deepsim_engine.cli import main
from deepsim_engine.primitive import Primitive
from deepsim_engine.training import train

DRAFT = {
    "id": "0123456789ab",
    "name": "Cat",
    "kind": "both",
    "size": [640, 480],
    "working_size": [448, 336],
    "preset": "draft",
    "generator": {"kind": "unet", "depth": 4},
    "palette": [[255, 0, 16], [0, 0, 0]],
    "unpainted": True,
    "backbone": "hed",
    "seed": 7,
    "steps": 300,
    "seconds": 119.5,
    "losses": {"pixel": 0.03},
    "pair_sha256": "f00d",
    "created": "2026-01-01T00:00:00+00:00",
    "versions": {"torch": "2.5"},
    "bytes": 15_600_000,
    "format": 1,
    "mood": "good",
}


def test_everything_that_is_known_is_said() -> None:
    told = dict(line.split(None, 1) for line in describe(DRAFT))
    assert told["drawing:"] == "segments and edges"
    assert told["picture:"] == "640 x 480 pixels, learned at 448 x 336"
    assert told["colours:"] == "#ff0010, #000000, unpainted"
    assert told["training:"] == "300 steps in 119.5 s, seed 7"
    assert told["network:"] == "kind unet, depth 4"
    assert told["features:"] == "hed"
    assert told["losses:"] == "pixel 0.03"
    assert told["with:"] == "torch 2.5"
    assert told["file:"] == "15.6 MB"
    assert told["pair:"] == "f00d"
    assert told["mood:"] == "good", "what a newer version knows is shown too"


def test_what_is_not_there_is_left_out() -> None:
    instant = {**DRAFT, "generator": None, "palette": None, "unpainted": False, "losses": {}}
    told = dict(line.split(None, 1) for line in describe(instant))
    assert told["training:"].startswith("none")
    assert not {"network:", "colours:", "losses:"} & set(told)


def test_show_writes_the_small_picture_where_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Folders.find(tmp_path, None).models
    folder.mkdir(parents=True)
    drawn = np.zeros((60, 40, 3), np.uint8)
    drawn[:30] = 255
    model = train(drawn, Primitive.from_layers(segments=drawn), "instant", device="cpu", name="Two")
    model.save(folder / f"{model.id}.safetensors")
    out = tmp_path / "two.png"
    show = ["models", "show", "Two", "--data", str(tmp_path), "--json", "--thumbnail"]
    assert main([*show, str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["thumbnail"] == str(out)
    assert Image.open(out).size == (82, 60)
    assert main([*show, str(tmp_path / "two.gif")]) == 2
    assert "--thumbnail is two.gif" in json.loads(capsys.readouterr().out)["error"]
