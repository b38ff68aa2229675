"""Extracted edges are thin lines where the picture changes, ready to be drawn on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt
from skimage import data
from skimage.measure import label
from skimage.morphology import skeletonize

from deepsim_engine import edges
from deepsim_engine.backbones import hed
from deepsim_engine.errors import InputError
from deepsim_engine.primitive import Primitive


def disc(
    ground: str = "white", fill: str = "black", size: tuple[int, int] = (120, 100)
) -> np.ndarray:
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).ellipse((30, 20, 90, 80), fill=fill)
    return np.array(image)


def outline() -> np.ndarray:
    """Distance of each pixel from the disc's border."""
    y, x = np.mgrid[:100, :120]
    return np.abs(np.hypot(x - 60, y - 50) - 30)


@pytest.mark.parametrize(
    ("ground", "fill"), [("white", "black"), ("#303030", "#606060"), ("#c05050", "#5a8a3a")]
)
def test_the_outline_of_a_disc_is_found_whether_by_lightness_or_by_colour(
    ground: str, fill: str
) -> None:
    lines = edges.extract_edges(disc(ground, fill), sigma=1)
    assert outline()[lines].max() < 3
    assert distance_transform_edt(~lines)[outline() < 0.5].max() < 4


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
def test_lines_of_a_photograph_are_one_pixel_wide(name: str) -> None:
    picture = getattr(data, name)()
    lines = edges.extract_edges(picture)
    assert lines.shape == picture.shape[:2]
    assert lines.dtype == np.bool_
    assert np.array_equal(lines, skeletonize(lines))
    assert 0.005 < lines.mean() < 0.15


def test_more_smoothing_gives_fewer_lines() -> None:
    fine, coarse = (edges.extract_edges(data.astronaut(), sigma=sigma).sum() for sigma in (1, 5))
    assert coarse < 0.6 * fine


def test_the_drawn_layer_is_black_on_transparent_and_reads_back_the_same() -> None:
    lines = edges.extract_edges(data.coffee())
    layer = edges.draw(lines)
    assert np.unique(layer[lines], axis=0).tolist() == [[0, 0, 0, 255]]
    assert not layer[~lines].any()
    again = Primitive.from_layers(edges=layer).edges
    assert again is not None
    assert np.array_equal(again, lines)


def test_a_picture_without_edges_says_so() -> None:
    with pytest.raises(InputError, match="No edges were found with canny at sigma 2"):
        edges.extract_edges(np.full((40, 40, 3), 90, np.uint8))


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no edge method 'sobel'; choose one of canny, hed"):
        edges.extract_edges(disc(), method="sobel")


@pytest.mark.parametrize("sigma", [-1, 51, float("nan")])
def test_sigma_has_a_range(sigma: float) -> None:
    with pytest.raises(InputError, match="Sigma is"):
        edges.extract_edges(disc(), sigma=sigma)


def test_hed_without_its_weights_says_how_to_get_them(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSIM_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"not installed.*install\.py"):
        edges.extract_edges(disc(), method="hed")


# HED's soft edges become lines


def soft_lines(*distances: np.ndarray) -> np.ndarray:
    """A surface with crests where a distance is 0, as HED's edges look."""
    return np.max([np.exp(-((d / 2.5) ** 2)) for d in distances], axis=0).astype(np.float32)


def test_lines_side_by_side_are_not_bridged(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[:80, :100].astype(float)
    radius = np.hypot(x - 50, y - 40)
    surface = soft_lines(np.abs(radius - 20), np.abs(radius - 27))
    monkeypatch.setattr(hed, "edge_probability", lambda image, _: padded(surface, image))
    lines = edges.extract_edges(np.zeros((80, 100, 3), np.uint8), "hed")
    assert label(lines, connectivity=2).max() == 2, "two rings"
    assert label(~lines, connectivity=1).max() == 3, "and nothing between them"


@pytest.mark.parametrize(("gap", "parts"), [(0, 1), (3, 1), (8, 2)])
def test_small_gaps_ahead_are_closed_and_large_ones_left(gap: int, parts: int) -> None:
    lines = np.zeros((60, 100), bool)
    lines[30, 20:80] = True
    lines[30, 50 : 50 + gap] = False
    joined = edges._join(lines)
    assert label(joined, connectivity=2).max() == parts
    assert (joined | ~lines).all(), "nothing is taken away"


def test_loose_ends_are_not_joined_sideways() -> None:
    lines = np.zeros((60, 100), bool)
    lines[30, 20:80] = lines[33, 40:60] = True
    assert np.array_equal(edges._join(lines), lines)


def padded(surface: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The surface, continued to the size that HED was given."""
    margin = (image.shape[0] - surface.shape[0]) // 2
    return np.pad(surface, margin, mode="symmetric")


def test_hed_draws_an_outline_and_leaves_the_pictures_rim_alone(weights: Path) -> None:
    assert weights
    lines = edges.extract_edges(disc("white", "#803020"), "hed")
    assert label(lines, connectivity=2).max() == 1
    assert outline()[lines].max() < 6
    assert distance_transform_edt(~lines)[outline() < 0.5].max() < 6
