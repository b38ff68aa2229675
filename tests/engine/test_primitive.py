"""Layers as artists draw them become what the network was trained on."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage.measure import label

from deepsim_engine.errors import InputError
from deepsim_engine.palette import Palette
from deepsim_engine.primitive import Primitive

RED_BLUE = Palette(np.array([[255, 0, 0], [0, 0, 255]], np.uint8))


def lines(
    ground: str | None, ink: str, width: int, size: tuple[int, int] = (120, 90)
) -> Image.Image:
    """A loop and a stroke, drawn softly (twice the size, then halved)."""
    clear = (0, 0, 0, 0)
    image = Image.new("RGBA", (size[0] * 2, size[1] * 2), clear if ground is None else ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 30, 130, 130), outline=ink, width=2 * width)
    draw.line((150, 20, 220, 150), fill=ink, width=2 * width)
    return image.resize(size, Image.Resampling.BOX)


def two_colours() -> np.ndarray:
    map_ = np.full((20, 30, 3), (255, 0, 0), np.uint8)
    map_[5:15, 5:20] = (0, 0, 255)
    return map_


@pytest.mark.parametrize(
    ("ground", "ink"),
    [
        (None, "black"),
        (None, "white"),
        ("white", "black"),
        ("black", "white"),
        ("white", "#d8d8d8"),
        ("#808080", "yellow"),
    ],
)
@pytest.mark.parametrize("width", [1, 3, 7])
def test_lines_of_any_colour_and_width_become_the_same_thin_lines(
    ground: str | None, ink: str, width: int
) -> None:
    primitive = Primitive.from_layers(edges=lines(ground, ink, width))
    usual = Primitive.from_layers(edges=lines("white", "black", width))
    assert primitive.kind == "edges"
    assert primitive.edges is not None
    assert usual.edges is not None
    assert abs(int(primitive.edges.sum()) - int(usual.edges.sum())) <= 12
    assert label(primitive.edges, connectivity=2).max() == 2, "a loop and a stroke"
    assert not has_blocks(primitive.edges)


def has_blocks(edges: np.ndarray) -> bool:
    """Whether 2 x 2 pixels are all drawn, which no thin line has."""
    return bool((edges[1:, 1:] & edges[:-1, 1:] & edges[1:, :-1] & edges[:-1, :-1]).any())


def test_thick_lines_are_mentioned_and_thin_ones_not() -> None:
    thick = Primitive.from_layers(edges=lines("white", "black", 5))
    (warning,) = thick.warnings
    assert re.fullmatch(r"The edges are about [56] pixels wide: they are thinned\.", warning)
    assert Primitive.from_layers(edges=lines("white", "black", 1)).warnings == []


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.01, 0.4))
@settings(max_examples=40, deadline=None)
def test_thinning_is_idempotent(seed: int, share: float) -> None:
    scribble = np.random.default_rng(seed).random((40, 50)) < share
    once = Primitive.from_layers(edges=scribble)
    twice = Primitive.from_layers(edges=once.edges)
    assert once.edges is not None
    assert twice.edges is not None
    assert np.array_equal(once.edges, twice.edges)
    assert twice.warnings == []


@pytest.mark.parametrize(
    "empty",
    [
        np.zeros((20, 20, 4), np.uint8),
        np.full((20, 20, 3), 255, np.uint8),
        np.zeros((20, 20), bool),
        np.full((20, 20, 4), 255, np.uint8),
    ],
)
def test_an_empty_edges_layer_is_refused(empty: np.ndarray) -> None:
    with pytest.raises(InputError, match="edges layer is empty"):
        Primitive.from_layers(edges=empty)


def test_a_filled_ground_smaller_than_the_canvas_is_no_drawing() -> None:
    layer = np.zeros((40, 40, 4), np.uint8)
    layer[2:, 2:] = (255, 255, 255, 255)
    layer[20, 5:35] = (0, 0, 0, 255)
    primitive = Primitive.from_layers(edges=layer)
    assert primitive.edges is not None
    assert np.flatnonzero(primitive.edges.any(1)).tolist() == [20]


def test_neither_edges_nor_segments_is_refused() -> None:
    with pytest.raises(InputError, match="Neither edges nor segments"):
        Primitive.from_layers()


def test_layers_of_different_size_are_refused_with_both_sizes() -> None:
    with pytest.raises(InputError, match="segments are 30 x 20 pixels but the edges are 40 x 20"):
        Primitive.from_layers(segments=two_colours(), edges=np.eye(20, 40, dtype=bool))


def test_a_painting_excludes_the_rest() -> None:
    with pytest.raises(InputError, match="cannot be combined"):
        Primitive.from_layers(painting=two_colours(), segments=two_colours())


def test_a_transparent_painting_lies_on_white() -> None:
    layer = np.zeros((4, 4, 4), np.uint8)
    layer[0, 0] = (200, 0, 0, 255)
    painting = Primitive.from_layers(painting=layer).painting
    assert painting is not None
    assert painting[0, 0].tolist() == [200, 0, 0]
    assert painting[1, 1].tolist() == [255, 255, 255]


def test_the_tensor_of_a_super_primitive_is_one_plane_per_class_then_the_edges() -> None:
    edges = np.zeros((20, 30), bool)
    edges[10, 4:25] = True
    primitive = Primitive.from_layers(segments=two_colours(), edges=edges)
    tensor = primitive.to_tensor("cpu")
    assert primitive.kind == "both"
    assert primitive.size == (30, 20)
    assert tuple(tensor.shape) == (3, 20, 30) == (primitive.channels, 20, 30)
    assert tensor.unique().tolist() == [0.0, 1.0]
    assert (tensor[:2].sum(0) == 1).all(), "every pixel has one class"
    assert np.array_equal(tensor[1].numpy() > 0, (two_colours() == (0, 0, 255)).all(2))
    assert np.array_equal(tensor[2].numpy() > 0, edges)


def test_the_tensor_of_a_painting_spans_minus_one_to_one() -> None:
    painting = np.zeros((4, 4, 3), np.uint8)
    painting[0, 0] = 255
    tensor = Primitive.from_layers(painting=painting).to_tensor("cpu")
    assert tensor.shape == (3, 4, 4)
    assert tensor[:, 0, 0].tolist() == [1, 1, 1]
    assert tensor[:, 1, 1].tolist() == [-1, -1, -1]


def test_segments_snap_to_a_given_palette_in_its_order() -> None:
    map_ = two_colours()
    map_[0, 0] = (250, 8, 3)
    primitive = Primitive.from_layers(segments=map_, palette=RED_BLUE)
    assert primitive.classes is not None
    assert primitive.classes[0, 0] == 0
    assert primitive.classes[10, 10] == 1
    assert primitive.warnings == []


def test_a_colour_that_the_model_does_not_know_is_a_warning() -> None:
    map_ = two_colours()
    map_[0:4, 0:4] = (0, 255, 0)
    (warning,) = Primitive.from_layers(segments=map_, palette=RED_BLUE).warnings
    assert warning.startswith("16 pixels of the segments")
    assert "#00ff00" in warning


def test_segments_of_another_model_are_refused() -> None:
    with pytest.raises(InputError, match="model was not trained on"):
        Primitive.from_layers(
            segments=np.full((20, 20, 3), (0, 255, 0), np.uint8), palette=RED_BLUE
        )


def test_unpainted_places_that_the_model_does_not_know_are_a_warning() -> None:
    map_ = np.dstack([two_colours(), np.full((20, 30), 255, np.uint8)])
    map_[6:9, 6:9, 3] = 0
    primitive = Primitive.from_layers(segments=map_, palette=RED_BLUE)
    assert primitive.classes is not None
    assert primitive.classes[7, 7] == 1
    assert "unpainted" in primitive.warnings[0]


@given(width=st.integers(10, 90), height=st.integers(10, 90))
@settings(max_examples=25, deadline=None)
def test_resizing_keeps_exact_classes_and_whole_lines(width: int, height: int) -> None:
    edges = np.zeros((20, 30), bool)
    edges[3, 2:28] = edges[3:17, 27] = True
    primitive = Primitive.from_layers(segments=two_colours(), edges=edges).resized(width, height)
    assert primitive.size == (width, height)
    assert primitive.classes is not None
    assert primitive.edges is not None
    assert np.unique(primitive.classes).tolist() == [0, 1]
    assert label(primitive.edges, connectivity=2).max() == 1
