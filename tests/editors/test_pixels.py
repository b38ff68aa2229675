"""The arithmetic of pixels in and out, without Krita."""

import struct

import pytest
from deepsim_krita.pixels.lanes import any_above_one, any_outside_unit, equal_runs
from deepsim_krita.pixels.masking import masked
from deepsim_krita.pixels.pace import FEWEST_CONVERTED, FEWEST_PIXELS, MOST_PIXELS, Bands
from deepsim_krita.pixels.parts import cropped, pasted
from deepsim_krita.state import Mask, Picture
from deepsim_krita.steps import at_once
from hypothesis import given
from hypothesis import strategies as st


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def halves(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}e", *values)


@pytest.mark.parametrize(
    ("value", "above"),
    [
        *((0.0, False), (-0.0, False), (0.5, False), (1.0, False), (-3.0, False)),
        *((1.001, False), (1.01, True), (2.0, True), (6e4, True), (float("inf"), True)),
        *((float("-inf"), False), (6e-8, False)),
    ],
)
def test_a_value_clearly_above_one_is_found_among_others(value: float, above: bool) -> None:
    assert any_above_one(floats(0.25, -7.0, value, 1.0), 4) is above
    assert any_above_one(halves(0.25, -7.0, value, 1.0), 2) is above


@given(st.lists(st.floats(-4, 4, width=16), min_size=1, max_size=40))
def test_values_above_one_are_found_wherever_they_are(values: list[float]) -> None:
    above = any(value > 1 + 1 / 512 for value in values)
    assert any_above_one(floats(*values), 4) is above
    assert any_above_one(halves(*values), 2) is above


def test_a_colour_outside_counts_only_where_something_can_be_seen() -> None:
    inside, below, above = (0.0, 1.0, 0.5), (0.2, -0.1, 0.3), (0.2, 0.1, 1.1)
    assert not any_outside_unit(floats(*inside, 1.0, *inside, 0.0))
    assert any_outside_unit(floats(*inside, 1.0, *below, 0.5))
    assert any_outside_unit(floats(*above, 1.0, *inside, 1.0))
    assert not any_outside_unit(floats(*inside, 1.0, *below, 0.0, *above, 0.0))
    assert not any_outside_unit(floats(0.0, -0.0001, 1.0001, 1.0))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=50))
def test_equal_runs_are_the_pixels_that_agree(pixels: list[tuple[int, bool]]) -> None:
    a = bytes(4 * len(pixels))
    b = bytearray(a)
    for place, (channel, differs) in enumerate(pixels):
        b[4 * place + channel] = 255 if differs else 0
    equal = [place for start, end in equal_runs(a, bytes(b)) for place in range(start, end)]
    assert equal == [place for place, (_, differs) in enumerate(pixels) if not differs]


def test_a_picture_is_shrunk_to_every_so_many_pixels() -> None:
    rgba = b"".join(bytes((x, y, 0, 255)) for y in range(5) for x in range(7))
    small = Picture(7, 5, bytearray(rgba)).shrunk(3)
    assert (small.width, small.height) == (3, 2)
    seen = [tuple(small.rgba[4 * i : 4 * i + 2]) for i in range(6)]
    assert seen == [(0, 0), (3, 0), (6, 0), (0, 3), (3, 3), (6, 3)]
    assert Picture(7, 5, rgba).shrunk(7).rgba is rgba


@pytest.mark.parametrize("place", [0, 1 << 18, (1 << 18) + 5])
def test_a_picture_is_empty_until_one_pixel_can_be_seen(place: int) -> None:
    rgba = bytearray(b"\x07\x07\x07\x00" * ((1 << 18) + 6))
    assert Picture((1 << 18) + 6, 1, rgba).is_empty
    rgba[4 * place + 3] = 1
    assert not Picture((1 << 18) + 6, 1, rgba).is_empty


@given(st.data())
def test_a_picture_is_masked_to_the_value_wherever_both_are(data: st.DataObject) -> None:
    side = st.integers(1, 6)
    width, height, across, down = (data.draw(side) for _ in range(4))
    x, y, left, top = (data.draw(st.integers(0, 5)) for _ in range(4))
    alphas = data.draw(st.lists(st.integers(0, 255), min_size=36, max_size=36))
    opaque = data.draw(st.booleans())
    values = data.draw(st.binary(min_size=across * down, max_size=across * down))
    rgba = b"".join(bytes((7, 8, 9, 255 if opaque else alphas[i])) for i in range(width * height))
    mask = Mask((left, top, across, down), values)
    result = at_once(masked(Picture(width, height, rgba), mask, (x, y)))
    for row in range(height):
        for column in range(width):
            pixel = 4 * (row * width + column)
            inside = 0 <= x + column - left < across and 0 <= y + row - top < down
            value = values[(y + row - top) * across + x + column - left] if inside else 0
            wanted = round(rgba[pixel + 3] * value / 255)
            assert result.rgba[pixel + 3] == wanted
            if inside:
                assert result.rgba[pixel : pixel + 3] == bytes((7, 8, 9))


def rows_of(bands: Bands, spend: dict[str, float], per_row: float) -> list[int]:
    heights = []
    for _, rows in bands:
        heights.append(rows)
        spend["now"] += rows * per_row
        for _ in bands.pause():
            spend["now"] += 1000.0  # the event loop's turn does not count
    return heights


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 100), (4096, 4096), (1 << 21, 3)])
def test_bands_cover_every_row_once(width: int, height: int) -> None:
    top = 0
    for first, rows in Bands(width, height):
        assert first == top
        assert rows > 0
        top += rows
    assert top == height


def test_bands_grow_while_they_are_quick_and_shrink_when_they_are_slow() -> None:
    time = {"now": 0.0}

    def clock() -> float:
        return time["now"]

    quick = rows_of(Bands(1024, 1 << 14, 0.008, clock), time, 1e-6)
    assert quick[:4] == [16, 64, 256, 256]
    assert max(quick) == MOST_PIXELS // 1024
    fitting = rows_of(Bands(1024, 1 << 12, 24.0, clock), time, 0.125)
    assert fitting[:4] == [16, 64, 192, 192]
    slow = rows_of(Bands(1024, 1 << 10, 0.008, clock), time, 1.0)
    assert set(slow) == {FEWEST_PIXELS // 1024}
    converted = rows_of(Bands(1024, 1 << 10, 0.008, clock, converting=True), time, 1.0)
    assert set(converted) == {FEWEST_CONVERTED // 1024}


@given(st.data())
def test_a_part_is_cut_out_and_put_back(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 5))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right = data.draw(st.integers(left + 1, width))
    bottom = data.draw(st.integers(top + 1, height))
    picture = Picture(width, height, bytes(range(1, 1 + 4 * width * height)))
    part = at_once(cropped(picture, (left, top, right - left, bottom - top)))
    assert at_once(pasted(picture, part, (left, top))).rgba == picture.rgba

    nothing = Picture(width, height, bytes(4 * width * height))
    moved = at_once(pasted(nothing, part, (left, top))).rgba
    inside = [
        4 * (y * width + x) + channel
        for y in range(top, bottom)
        for x in range(left, right)
        for channel in range(4)
    ]
    assert part.rgba == bytes(picture.rgba[i] for i in inside)
    assert {i for i, value in enumerate(moved) if value} == set(inside)
    assert all(moved[i] == picture.rgba[i] for i in inside)
