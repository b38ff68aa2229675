"""A first-draft segmentation: as many flat regions as asked, true to shape, easy to tell apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage import data
from skimage.color import rgb2lab

from deepsim_engine.colours import to_lab
from deepsim_engine.errors import InputError
from deepsim_engine.palette import Palette
from deepsim_engine.segmentation import segment


def still_life(scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A shaded, noisy picture of four things, and which pixel belongs to which."""
    width, height = 200 * scale, 150 * scale
    things = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(things)
    draw.rectangle((0, 100 * scale, width, height), fill=1)
    draw.ellipse((30 * scale, 40 * scale, 90 * scale, 110 * scale), fill=2)
    draw.polygon(
        [(120 * scale, 120 * scale), (150 * scale, 30 * scale), (180 * scale, 120 * scale)], fill=3
    )
    truth = np.array(things)
    colours = np.array([[120, 150, 190], [110, 80, 50], [190, 50, 40], [220, 200, 90]])
    shade = np.linspace(-20, 20, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    return np.clip(colours[truth] + shade + noise, 0, 255).astype(np.uint8), truth


def labels_of(map_: np.ndarray) -> np.ndarray:
    colours, labels = np.unique(map_.reshape(-1, 3), axis=0, return_inverse=True)
    assert len(colours) <= 64
    return labels.reshape(map_.shape[:2])


def agreement(labels: np.ndarray, truth: np.ndarray) -> float:
    """Share of pixels whose region belongs mostly to the thing that they are of."""
    right = sum(np.bincount(truth[labels == label]).max() for label in range(int(labels.max()) + 1))
    return float(right / truth.size)


@pytest.mark.parametrize("scale", [1, 6])
def test_things_keep_their_shape_also_where_a_reduced_copy_was_divided(scale: int) -> None:
    picture, truth = still_life(scale)
    labels = labels_of(segment(picture, regions=4))
    assert labels.shape == truth.shape
    assert agreement(labels, truth) > 0.985


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
@pytest.mark.parametrize("regions", [6, 12, 24])
def test_colours_of_regions_are_told_apart_easily(name: str, regions: int) -> None:
    colours = np.unique(segment(getattr(data, name)(), regions).reshape(-1, 3), axis=0)
    assert len(colours) == regions
    lab = to_lab(colours.astype(np.uint8))
    apart = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(2)) + 1000 * np.eye(regions)
    assert apart.min() > 15


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
def test_regions_resemble_the_picture_so_that_the_artist_finds_her_way(name: str) -> None:
    picture = getattr(data, name)()
    wrong = np.sqrt(((rgb2lab(segment(picture)) - rgb2lab(picture)) ** 2).sum(2)).mean()
    shuffled = rgb2lab(segment(picture)[::-1, ::-1])
    by_chance = np.sqrt(((shuffled - rgb2lab(picture)) ** 2).sum(2)).mean()
    assert wrong < 0.75 * by_chance


def test_the_draft_is_a_segments_layer_that_training_takes_as_it_is() -> None:
    draft = segment(data.astronaut(), regions=20)
    palette = Palette.from_segments(draft)
    classes, far = palette.snap(draft)
    assert len(palette) == 20
    assert far is None
    assert np.array_equal(palette.paint(classes)[:, :, :3], draft)


def test_the_same_picture_gives_the_same_draft() -> None:
    assert np.array_equal(segment(data.coffee()), segment(data.coffee()))


@given(width=st.integers(2, 40), height=st.integers(2, 40), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_any_size_works(width: int, height: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    map_ = segment(picture, regions=3)
    assert map_.shape == picture.shape
    assert len(np.unique(map_.reshape(-1, 3), axis=0)) <= 3


@pytest.mark.parametrize("regions", [-1, 0, 1, 65])
def test_the_number_of_regions_has_a_range(regions: int) -> None:
    with pytest.raises(InputError, match=f"{regions} regions are wanted: it must be 2 to 64"):
        segment(data.coffee(), regions=regions)


def test_a_single_colour_cannot_be_divided() -> None:
    with pytest.raises(InputError, match="single colour"):
        segment(np.full((30, 30, 3), 77, np.uint8))
