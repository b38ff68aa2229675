"""A painted map means a few classes, however soft its borders and noisy its file."""

import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from deepsim_engine.colours import ColourTable, hex_colour, to_lab
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels
from deepsim_engine.palette import MAX_COLOURS, Palette

COLOURS = ["#204080", "#ffffff", "#808080", "#d02020", "#20d020"]


def drawing(size: tuple[int, int] = (256, 192), soft: bool = False) -> Image.Image:
    """Discs, a box and a line in five flat colours; with softened borders if asked."""
    scale = 4 if soft else 1
    width, height = size[0] * scale, size[1] * scale
    image = Image.new("RGB", (width, height), COLOURS[0])
    draw = ImageDraw.Draw(image)
    box = lambda *part: tuple(  # noqa: E731 - shares of the size, so that all sizes look alike
        share * side for share, side in zip(part, (width, height) * 2, strict=True)
    )
    draw.ellipse(box(0.1, 0.1, 0.5, 0.8), fill=COLOURS[1])
    draw.ellipse(box(0.4, 0.2, 0.7, 0.7), fill=COLOURS[2])
    draw.rectangle(box(0.7, 0.6, 0.95, 0.9), fill=COLOURS[3])
    draw.rectangle(box(0.0, 0.92, 0.6, 0.99), fill=COLOURS[4])
    return image.resize(size, Image.Resampling.BOX) if soft else image


def jpeg(image: Image.Image, quality: int) -> Pixels:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def lab_distances(palette: Palette) -> np.ndarray:
    """From each colour that was painted to the closest that was found."""
    painted = np.array([Image.new("RGB", (1, 1), colour).getpixel((0, 0)) for colour in COLOURS])
    apart = to_lab(painted.astype(np.uint8))[:, None] - palette.lab[None]
    return np.sqrt((apart**2).sum(2)).min(1)


def test_flat_colours_are_found_exactly_and_most_used_first() -> None:
    picture = np.array(drawing())
    palette = Palette.from_segments(picture)
    assert {hex_colour(colour) for colour in palette.colours} == set(COLOURS)
    assert hex_colour(palette.colours[0]) == COLOURS[0]
    assert not palette.unpainted


def test_softened_borders_add_no_colours() -> None:
    palette = Palette.from_segments(np.array(drawing(soft=True)))
    assert {hex_colour(colour) for colour in palette.colours} == set(COLOURS)


@pytest.mark.parametrize("quality", [95, 75, 50])
def test_jpeg_noise_adds_no_colours(quality: int) -> None:
    noisy = jpeg(drawing((512, 384), soft=True), quality)
    assert len(np.unique(noisy.reshape(-1, 3), axis=0)) > 1000
    palette = Palette.from_segments(noisy)
    assert len(palette) == len(COLOURS)
    assert lab_distances(palette).max() < 3


def test_jpeg_and_original_mean_the_same_classes() -> None:
    clean = drawing((512, 384))
    palette = Palette.from_segments(np.array(clean))
    exact, _ = palette.snap(np.array(clean))
    noisy, far = palette.snap(jpeg(clean, 75))
    assert (exact != noisy).mean() < 0.005
    assert far is None or far.share < 0.02


@given(sigma=st.floats(0, 5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_gaussian_noise_is_seen_through(sigma: float, seed: int) -> None:
    clean = np.array(drawing())
    noise = np.random.default_rng(seed).normal(0, sigma, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).round().astype(np.uint8)
    palette = Palette.from_segments(noisy)
    assert len(palette) == len(COLOURS)
    exact, _ = palette.snap(clean)
    seen, _ = palette.snap(noisy)
    assert (exact != seen).mean() < 1e-3


def test_gray_levels_three_steps_apart_stay_two_classes() -> None:
    map_ = np.full((40, 40, 3), 54, np.uint8)
    map_[10:20, 10:20] = 60
    assert len(Palette.from_segments(map_)) == 2


def test_a_dot_of_three_pixels_and_a_line_of_one_count() -> None:
    map_ = np.full((60, 60, 3), 255, np.uint8)
    map_[30:50, 10:50] = (0, 0, 200)
    map_[5:8, 5:8] = (200, 0, 0)
    map_[15, 5:55] = (0, 160, 0)
    found = {hex_colour(colour) for colour in Palette.from_segments(map_).colours}
    assert found == {"#ffffff", "#0000c8", "#c80000", "#00a000"}


def test_a_soft_border_between_black_and_white_is_no_line_of_gray() -> None:
    """Where the palette holds the very gray that the border passes through."""
    map_ = np.full((60, 60, 3), 255, np.uint8)
    map_[:, :30] = 0
    map_[:, 29], map_[:, 30] = 90, 170
    map_[45:, 45:] = 128
    palette = Palette(np.array([[0, 0, 0], [128, 128, 128], [255, 255, 255]], np.uint8))
    classes, far = palette.snap(map_)
    assert np.array_equal(np.unique(classes[:, :40]), [0, 2])
    assert far is None


def test_unpainted_is_a_class_of_its_own() -> None:
    map_ = np.zeros((40, 40, 4), np.uint8)
    map_[10:30, 10:30] = (255, 0, 0, 255)
    map_[10, 10] = (255, 0, 0, 127)
    palette = Palette.from_segments(map_)
    assert palette.unpainted
    assert len(palette) == 2
    classes, far = palette.snap(map_)
    assert far is None
    assert classes[0, 0] == classes[10, 10] == 1
    assert (classes == 0).sum() == 399


def test_paint_that_the_palette_has_no_absence_for_is_filled_from_around() -> None:
    palette = Palette(np.array([[255, 0, 0], [0, 0, 255]], np.uint8))
    map_ = np.full((20, 20, 4), (255, 0, 0, 255), np.uint8)
    map_[:, 10:] = (0, 0, 255, 255)
    map_[5:8, 2:5, 3] = 0
    classes, _ = palette.snap(map_)
    assert np.array_equal(classes, np.repeat([[0] * 10 + [1] * 10], 20, axis=0))


def test_a_far_colour_is_reported_with_its_place() -> None:
    clean = np.array(drawing())
    palette = Palette.from_segments(clean)
    clean[20:30, 200:220] = (255, 0, 255)
    _, far = palette.snap(clean)
    assert far is not None
    assert far.count == 200
    assert far.colour == (255, 0, 255)
    assert far.box == (200, 20, 20, 10)
    assert np.array_equal(far.mask, (clean == (255, 0, 255)).all(2))
    assert "200 pixels of the segments (0.4%)" in far.sentence()
    assert "#ff00ff within 20 x 10 pixels at (200, 20)" in far.sentence()


def test_one_colour_is_refused() -> None:
    with pytest.raises(InputError, match=r"single colour \(#00ff00\)"):
        Palette.from_segments(np.full((20, 20, 3), (0, 255, 0), np.uint8))


def test_nothing_painted_is_refused() -> None:
    with pytest.raises(InputError, match="segments layer is empty"):
        Palette.from_segments(np.zeros((20, 20, 4), np.uint8))


def test_more_than_64_colours_propose_segment_layer() -> None:
    rng = np.random.default_rng(1)
    tiles = rng.integers(0, 256, (9, 9, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    with pytest.raises(
        InputError, match=r"more than 64 colours.*\*Segment Layer\*.*deepsim segment"
    ):
        Palette.from_segments(tiles)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_a_photograph_is_no_map(name: str) -> None:
    with pytest.raises(InputError, match="Segment Layer"):
        Palette.from_segments(getattr(data, name)())


def test_64_colours_are_not_too_many() -> None:
    levels = np.array([0, 85, 170, 255])
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(8, 8, 3)
    palette = Palette.from_segments(cube.repeat(8, 0).repeat(8, 1).astype(np.uint8))
    assert len(palette) == MAX_COLOURS


def random_map(seed: int, count: int, unpainted: bool) -> Pixels:
    """Tiles of `count` colours well apart, some transparent if asked."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.array([0, 85, 170, 255])] * 3), -1).reshape(-1, 3)
    chosen = grid[rng.choice(len(grid), count, replace=False)]
    index = rng.integers(0, count, (6, 7))
    index.ravel()[:count] = np.arange(count)
    alpha = np.full((6, 7, 1), 255)
    if unpainted:
        alpha[-1, -1] = 0
    tiles = np.concatenate([chosen[index], alpha], axis=2)
    return tiles.repeat(6, 0).repeat(6, 1).astype(np.uint8)


maps = st.builds(random_map, st.integers(0, 2**32 - 1), st.integers(2, 12), st.booleans())


@given(map_=maps)
@example(map_=random_map(19104, 2, False))  # two close colours that meet everywhere are no noise
@settings(max_examples=30, deadline=None)
def test_snapping_is_idempotent(map_: Pixels) -> None:
    palette = Palette.from_segments(map_)
    classes, _ = palette.snap(map_)
    again, far = palette.snap(palette.paint(classes))
    assert np.array_equal(classes, again)
    assert far is None


@given(map_=maps, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_order_of_a_palette_only_renames_its_classes(map_: Pixels, seed: int) -> None:
    palette = Palette.from_segments(map_)
    order = np.random.default_rng(seed).permutation(len(palette.colours))
    shuffled = Palette(palette.colours[order], palette.unpainted)
    renamed = np.append(order, len(order)).astype(np.uint8)[shuffled.snap(map_)[0]]
    assert np.array_equal(renamed, palette.snap(map_)[0])


@given(map_=maps)
@settings(max_examples=30, deadline=None)
def test_the_same_classes_come_from_a_mirrored_map(map_: Pixels) -> None:
    palette = Palette.from_segments(map_)
    straight, _ = palette.snap(map_)
    mirrored, _ = palette.snap(np.ascontiguousarray(map_[:, ::-1]))
    assert np.array_equal(straight[:, ::-1], mirrored)


def test_soft_strokes_on_a_large_canvas_stay_a_few_classes() -> None:
    """Thousands of in-between colours, each on many pixels, and corners where three meet."""
    small = drawing((512, 384), soft=True)
    large = np.array(small.resize((2048, 1536), Image.Resampling.BILINEAR))
    assert len(np.unique(large.reshape(-1, 3), axis=0)) > 500
    palette = Palette.from_segments(large)
    assert {hex_colour(colour) for colour in palette.colours} == set(COLOURS)
    _, far = palette.snap(large)
    assert far is None


def test_a_dot_of_a_foreign_colour_is_reported_and_a_speck_is_not() -> None:
    clean = np.array(drawing())
    palette = Palette.from_segments(clean)
    clean[20:22, 200:202] = (255, 0, 255)
    assert palette.snap(clean)[1] is None
    clean[20:23, 200:203] = (255, 0, 255)
    far = palette.snap(clean)[1]
    assert far is not None
    assert far.count == 9


@given(
    width=st.integers(2, 12),
    height=st.integers(2, 12),
    channels=st.sampled_from([3, 4]),
    levels=st.sampled_from([2, 3, 256]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_any_pixels_give_a_palette_or_a_sentence(
    width: int, height: int, channels: int, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = (rng.integers(0, levels, (height, width, channels)) * (255 // (levels - 1))).astype(
        np.uint8
    )
    try:
        palette = Palette.from_segments(pixels)
    except InputError as error:
        assert str(error).endswith(".")
        return
    classes, _ = palette.snap(pixels)
    assert classes.max() < len(palette)


def test_pixels_that_are_not_exact_are_settled_alike_whatever_else_is_unsure() -> None:
    """Only the surroundings of such pixels are looked at, and they do not reach into each other."""
    rng = np.random.default_rng(3)
    palette = Palette(np.array([[0, 0, 0], [250, 60, 10], [30, 90, 220]], np.uint8))
    for _ in range(20):
        flat = palette.colours[np.kron(rng.integers(0, 3, (5, 5)), np.ones((9, 9), np.intp))]
        softened = Image.fromarray(flat).filter(ImageFilter.GaussianBlur(1))
        left, top, right, bottom = rng.integers((0, 0, 16, 16), (12, 12, 32, 32))
        drawn = flat.copy()
        drawn[top:bottom, left:right] = np.asarray(softened)[top:bottom, left:right]
        alone, _ = palette.snap(drawn)
        for corner, kept in ((-1, slice(0, 40)), (0, slice(5, 45))):
            more = drawn.copy()
            more[corner, corner] = (128, 128, 128)
            beside, _ = palette.snap(more)
            assert np.array_equal(alone[kept, kept], beside[kept, kept])


@pytest.mark.parametrize("shape", [(300, 500), (40, 3), (1, 1)])
@pytest.mark.parametrize("levels", [256, 2])
def test_the_table_of_colours_says_of_each_pixel_which_it_has(
    shape: tuple[int, int], levels: int
) -> None:
    pixels = np.random.default_rng(4).integers(0, levels, (*shape, 3), np.uint8)
    table = ColourTable.of(pixels)
    assert np.array_equal(table.colours[table.index], pixels)
    assert np.array_equal(table.colours, np.unique(pixels.reshape(-1, 3), axis=0))
