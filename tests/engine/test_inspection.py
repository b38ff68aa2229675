"""Before a training begins: what it will take, and every fault that is worth a word."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from skimage import data

from deepsim_engine import inspection, speed, training
from deepsim_engine.errors import InputError
from deepsim_engine.inspection import Inspection, inspect, snap
from deepsim_engine.palette import Palette

HEIGHT, WIDTH = 60, 80
RED, BLUE, PINK = (200, 30, 30), (30, 60, 200), (250, 120, 250)


def picture(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.asarray(Image.fromarray(data.coffee()).resize((width, height)))


def segments() -> np.ndarray:
    painted = np.full((HEIGHT, WIDTH, 4), (*RED, 255), np.uint8)
    painted[20:50, 30:70, :3] = BLUE
    return painted


def lines(width: int = 1, length: int = 70) -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    drawn[30 : 30 + width, 4 : 4 + length, 3] = 255
    return drawn


def one(found: Inspection) -> str:
    """The only warning."""
    (warning,) = found.warnings
    assert warning.endswith(".")
    return warning


def test_a_sound_pair_is_ready_and_gives_no_warning() -> None:
    found = inspect(picture(), segments(), lines())
    assert found.ready
    assert found.warnings == []
    assert found.working_size == (WIDTH, HEIGHT)
    assert found.memory > 0


def test_the_working_size_and_the_memory_follow_the_size_asked_for() -> None:
    large = picture(300, 400)
    small, smaller = (inspect(large, large_segments(), size=size) for size in (320, 160))
    assert small.working_size == (320, 240)
    assert smaller.working_size == (160, 120)
    assert small.memory > smaller.memory
    assert "160 x 120" in one(smaller)
    assert "2.5 times" in one(smaller)


def large_segments() -> np.ndarray:
    return np.asarray(Image.fromarray(segments()).resize((400, 300), Image.Resampling.NEAREST))


def test_a_budget_in_seconds_is_kept_within_five_percent() -> None:
    assert inspect(picture(), segments(), seconds=90).seconds == (90, pytest.approx(94.5))
    default = inspect(picture(), segments(), preset="standard", device="cpu").seconds
    assert default[0] == training.presets.find("standard").seconds


def test_steps_are_estimated_as_a_range_and_limited_by_the_seconds() -> None:
    least, most = inspect(picture(), segments(), steps=1000, device="cpu").seconds
    assert 0 < least < most
    more = inspect(picture(), segments(), steps=100_000, device="cpu").seconds
    assert more[0] > most
    both = inspect(picture(), segments(), steps=100_000, seconds=5, device="cpu").seconds
    assert both == (5, pytest.approx(5.25))


def test_the_work_of_a_step_grows_with_picture_and_networks() -> None:
    paper, draft = (training.presets.find(name) for name in ("paper", "draft"))
    small, large = (speed.step_flops(paper, (side, side), 4) for side in (64, 128))
    assert large == pytest.approx(4 * small, rel=0.1)
    crops = [speed.step_flops(draft, (side, side), 4) for side in (256, 512)]
    assert crops[0] == crops[1], "draft learns from crops: the picture's size does not count"


def test_instant_needs_no_time_worth_mentioning() -> None:
    least, most = inspect(picture(), segments(), preset="instant").seconds
    assert 0 < least < most < inspect(picture(), segments(), preset="draft").seconds[0] * 100


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(inspection, "available_memory", lambda: 2**28)
    yield


@pytest.mark.usefixtures("little_memory")
def test_too_little_memory_is_told_before_it_is_felt() -> None:
    found = inspect(picture(), segments(), preset="paper")
    assert not found.ready
    assert found.memory_free == 2**28 < found.memory
    assert "0.2 GB are free" in one(found)


def test_thick_edges_are_told_with_their_width() -> None:
    found = inspect(picture(), None, lines(width=5))
    assert "about 5 pixels wide" in one(found)
    assert found.ready


def test_far_colours_are_told_with_their_number_and_place() -> None:
    drawn = segments()
    drawn[4:9, 40:52, 0] = np.arange(140, 200).reshape(5, 12)  # a smudge: no colour twice
    drawn[4:9, 40:52, 1] = np.arange(200, 140, -1).reshape(5, 12)
    said = one(inspect(picture(), drawn))
    assert re.match(r"\d\d pixels of the segments .* within .* pixels at \(4\d, \d\)", said)


def test_what_is_left_free_is_told_as_meant_or_as_forgotten() -> None:
    sparse = segments()
    sparse[:, :45, 3] = 0
    assert "cover only 44% of the layer" in one(inspect(picture(), sparse))
    gaps = segments()
    gaps[10:14, 10:15, 3] = 0
    said = one(inspect(picture(), gaps))
    assert "20 pixels unpainted" in said
    assert "5 x 4 pixels at (10, 10)" in said


def test_almost_empty_drawings_are_told() -> None:
    assert "almost empty" in one(inspect(picture(), None, lines(length=3)))
    speck = segments()
    speck[0:2, 0:2, :3] = (0, 255, 0)
    assert "#00ff00 covers only 4 pixels" in one(inspect(picture(), speck))
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert "one flat colour" in one(inspect(picture(), painting=flat))


def test_colours_that_no_pixel_takes_are_told_without_a_place() -> None:
    """A dotted, noisy line: a colour is found in it, but lonely pixels join what surrounds them."""
    random = np.random.default_rng(0)
    noisy = segments()[..., :3].astype(float)
    noisy[::2, 10] = (240, 240, 20)
    noisy += random.normal(0, 4, noisy.shape)
    found = inspect(picture(), np.clip(noisy, 0, 255).astype(np.uint8))
    assert found.ready
    assert any("covers only 0 pixels: too few" in warning for warning in found.warnings)


def test_what_training_would_refuse_is_told_for_every_layer_at_once() -> None:
    found = inspect(picture(), segments()[:30], np.zeros((HEIGHT, WIDTH, 4), np.uint8))
    assert not found.ready
    different, empty = found.warnings
    assert "80 x 60" in different
    assert "80 x 30" in different
    assert "edges layer is empty" in empty
    assert "Neither edges nor segments" in one(inspect(picture()))
    together = inspect(picture(), segments(), painting=picture())
    assert "cannot be combined" in one(together)


def test_what_is_no_training_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no preset 'best'"):
        inspect(picture(), segments(), preset="best")
    with pytest.raises(InputError, match="must be at least 1"):
        inspect(picture(), segments(), steps=0)
    with pytest.raises(InputError, match="the image has the shape"):
        inspect(np.zeros((3, 4, 5, 6), np.uint8), segments())


# Snapping


def soft() -> np.ndarray:
    """The segments as a soft brush leaves them."""
    return np.asarray(Image.fromarray(segments()).resize((160, 120), Image.Resampling.BICUBIC))


def test_soft_segments_snap_to_their_own_colours() -> None:
    found = snap(soft())
    assert {tuple(colour) for colour in found.palette.colours.tolist()} == {RED, BLUE}
    painted = {tuple(colour) for colour in found.segments[..., :3].reshape(-1, 3).tolist()}
    assert painted == {RED, BLUE}
    assert not found.stray.any()


def test_stray_pixels_are_those_whose_colour_belongs_to_no_class() -> None:
    drawn = segments()
    drawn[4:9, 40:52, :3] = PINK
    found = snap(drawn, Palette(np.array([RED, BLUE], np.uint8)))
    assert np.array_equal(found.stray, (drawn[..., :3] == PINK).all(2))
    assert {tuple(c) for c in found.segments[..., :3].reshape(-1, 3).tolist()} == {RED, BLUE}


def test_unpainted_pixels_stay_unpainted_and_snapping_twice_changes_nothing() -> None:
    drawn = segments()
    drawn[:10, :, 3] = 0
    once = snap(drawn, Palette(np.array([RED, BLUE], np.uint8)))
    assert np.array_equal(once.segments[..., 3] == 0, drawn[..., 3] == 0)
    again = snap(once.segments, once.palette)
    assert np.array_equal(again.segments, once.segments)


def test_an_empty_layer_cannot_be_snapped() -> None:
    with pytest.raises(InputError, match="segments layer is empty"):
        snap(np.zeros((HEIGHT, WIDTH, 4), np.uint8), Palette(np.array([RED], np.uint8)))
