"""The demo's drawing, and the demo as a person runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from deepsim_engine.demo.__main__ import SHEET_NAME, SIZE
from deepsim_engine.demo.coffee import DRAWN, EDITED
from deepsim_engine.demo.drawing import Drawing, closed_curve, open_curve, points


def layers(drawing: Drawing) -> tuple[np.ndarray, np.ndarray]:
    segments, edges = drawing.render(SIZE)
    return np.array(segments), np.array(edges)


def test_curves_run_through_their_points() -> None:
    corners = points("0,0 100,0 100,50 0,50")
    for curve in (closed_curve(corners), open_curve(corners)):
        for corner in corners:
            assert np.abs(curve - corner).sum(axis=1).min() < 1e-9


def test_every_shape_is_a_class_that_shows_in_both_drawings() -> None:
    for drawing in (DRAWN, EDITED):
        segments, _ = layers(drawing)
        seen = {tuple(colour) for colour in np.unique(segments.reshape(-1, 3), axis=0).tolist()}
        assert seen == {shape.colour for shape in drawing.shapes}


def test_edges_lie_on_every_border_between_colours() -> None:
    segments, edges = layers(DRAWN)
    border = (segments[:, :-1] != segments[:, 1:]).any(axis=-1)
    assert (edges[:, :-1, 3][border] == 255).all()
    assert (edges[..., 3] > 0).mean() < 0.06


def test_the_edit_fills_the_cup_and_moves_the_spoon_and_nothing_else() -> None:
    (before, _), (after, _) = layers(DRAWN), layers(EDITED)
    colours = {shape.name: np.array(shape.colour) for shape in DRAWN.shapes}

    def area(picture: np.ndarray, name: str) -> int:
        return int((picture == colours[name]).all(axis=-1).sum())

    assert area(after, "coffee") > 1.4 * area(before, "coffee")
    assert area(after, "handle") == area(before, "handle")
    changed = (before != after).any(axis=-1)
    assert 0.02 < changed.mean() < 0.15
    assert not changed[:, : SIZE[0] // 4].any()


def test_the_demo_leaves_one_picture_with_all_four_side_by_side(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "deepsim_engine.demo"),
            *("--preset", "instant", "--seconds", "1", "--out", str(out)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(str(out / SHEET_NAME))
    with Image.open(out / SHEET_NAME) as sheet, Image.open(out / "result.png") as result:
        assert sheet.width > 4 * SIZE[0]
        assert result.size == SIZE
        there = np.array(result).astype(float)
    with Image.open(out / "image.png") as image:
        original = np.array(image).astype(float)
    difference = np.abs(there - original).mean(axis=-1)
    # The cup's inside, white wall before and coffee now; and a far corner of the table.
    assert difference[45:65, 170:200].mean() > 25
    assert difference[:60, -60:].max() == 0


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "deepsim_engine.demo", "--out", str(blocked / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Cannot make the folder" in done.stdout
    assert "Traceback" not in done.stderr
