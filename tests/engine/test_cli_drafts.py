"""Commands that need no training: edges, segment, doctor, help."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from deepsim_engine.cli.app import build_app
from deepsim_engine.cli.progress import clock, describe, fraction
from deepsim_engine.primitive import Primitive


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(data.coffee()).resize((150, 100)).save(path)
    return path


def invoke(*arguments: str | Path) -> dict[str, object]:
    result = CliRunner().invoke(build_app(), [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_edges_are_a_layer_to_draw_on(picture: Path) -> None:
    out = picture.with_name("edges.png")
    told = invoke("edges", picture, "--sigma", "1.5", "--out", out)
    layer = np.array(Image.open(out))
    assert layer.shape == (100, 150, 4)
    assert told["size"] == [150, 100]
    assert told["drawn"] == pytest.approx((layer[:, :, 3] > 0).mean(), abs=1e-5)


def test_segments_have_the_regions_that_were_asked_for(picture: Path) -> None:
    out = picture.with_name("segments.png")
    told = invoke("segment", picture, "--regions", "7", "--out", out)
    colours = np.unique(np.array(Image.open(out)).reshape(-1, 3), axis=0)
    assert told["regions"] == 7
    assert told["palette"] == colours.tolist()


def test_both_drafts_together_are_a_primitive(picture: Path) -> None:
    for command in ("edges", "segment"):
        invoke(command, picture, "--out", picture.with_name(f"{command}.png"))
    primitive = Primitive.from_layers(
        segments=Image.open(picture.with_name("segment.png")),
        edges=Image.open(picture.with_name("edges.png")),
    )
    assert primitive.kind == "both"
    assert primitive.channels == 13
    assert primitive.warnings == []


def test_without_json_the_result_is_a_sentence(picture: Path) -> None:
    out = picture.with_name("segments.png")
    result = CliRunner().invoke(build_app(), ["segment", str(picture), "--out", str(out)])
    assert result.stdout == f"Wrote {out} (150 x 100, 12 regions).\n"


def test_the_doctor_names_what_is_missing_and_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSIM_DATA", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    result = CliRunner().invoke(build_app(), ["doctor", "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    checks = {check["name"]: check for check in told["checks"]}
    assert told["ok"] is False
    assert checks["python"]["ok"]
    assert checks["torch"]["ok"]
    assert "cpu" in checks["devices"]["found"]
    assert not checks["weights"]["ok"]
    assert "install.py" in checks["weights"]["mend"]


def test_the_doctor_finds_damaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSIM_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "hed-vgg16.safetensors").write_bytes(b"\x10" * 100)
    result = CliRunner().invoke(build_app(), ["doctor"])
    assert result.exit_code == 1
    assert "✗ hed-vgg16.safetensors: damaged" in result.stdout


@pytest.mark.parametrize("command", ["train", "apply", "edges", "segment", "doctor"])
def test_every_command_has_help_and_json(command: str) -> None:
    result = CliRunner().invoke(build_app(), [command, "--help"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert "--json" in result.stdout


class Step:
    """Where a training stands; as much of it as progress lines show."""

    def __init__(self, step: int, steps: int | None, seconds: float, left: float | None) -> None:
        self.step, self.steps, self.seconds, self.seconds_left = step, steps, seconds, left
        self.losses = {"pixel": 0.5, "total": 0.123456}


def test_progress_reads_like_a_sentence() -> None:
    assert describe(Step(3, 40, 1.0, 65.2)) == (  # type: ignore[arg-type]
        "step 3 of 40, 1:05 left, loss 0.123"
    )
    assert describe(Step(3, None, 1.0, None)) == "step 3, loss 0.123"  # type: ignore[arg-type]


def test_progress_is_silent_about_losses_that_do_not_exist() -> None:
    instant = Step(1, 1, 1.0, 0.0)
    instant.losses = {}
    assert describe(instant) == "step 1 of 1, 0:00 left"  # type: ignore[arg-type]


def test_progress_counts_time_where_it_is_known_and_steps_otherwise() -> None:
    assert fraction(Step(3, 40, 10.0, 30.0)) == 0.25  # type: ignore[arg-type]
    assert fraction(Step(10, 40, 10.0, None)) == 0.25  # type: ignore[arg-type]
    assert fraction(Step(10, None, 10.0, None)) == 0.0  # type: ignore[arg-type]


def test_the_clock_shows_hours_only_when_there_are_any() -> None:
    assert [clock(7), clock(750), clock(10800)] == ["0:07", "12:30", "3:00:00"]
