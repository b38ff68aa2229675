"""Pictures are read whatever their format, refused with a sentence, and never half-written."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from deepsim_engine import imaging
from deepsim_engine.errors import InputError, WorkError


def save(folder: Path, image: Image.Image, name: str = "picture.png") -> Path:
    path = folder / name
    image.save(path)
    return path


def test_a_png_comes_back_to_the_value(tmp_path: Path) -> None:
    picture = data.astronaut()
    imaging.write_png(tmp_path / "a.png", picture)
    assert np.array_equal(imaging.read_image(tmp_path / "a.png"), picture)


def test_transparency_is_kept_as_straight_alpha(tmp_path: Path) -> None:
    picture = np.dstack([data.chelsea()[:20, :30], np.arange(600).reshape(20, 30) % 256])
    imaging.write_png(tmp_path / "a.png", picture.astype(np.uint8))
    assert np.array_equal(imaging.read_image(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "RGB", "RGBA"])
def test_every_usual_mode_becomes_eight_bit_colour(tmp_path: Path, mode: str) -> None:
    colourful = Image.fromarray(data.coffee()[:40, :60]).convert(mode)
    name = "a.tif" if mode == "CMYK" else "a.png"
    pixels = imaging.read_image(save(tmp_path, colourful, name))
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == (40, 60)
    assert pixels.shape[2] == (4 if mode in ("LA", "RGBA") else 3)


def test_sixteen_bit_gray_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    pixels = imaging.read_image(save(tmp_path, Image.fromarray(ramp)))
    assert np.array_equal(pixels[:, :, 0], np.round(ramp / 257).astype(np.uint8))


def test_a_photograph_taken_sideways_is_turned(tmp_path: Path) -> None:
    photo = Image.fromarray(data.coffee()[:40, :60])
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    photo.save(tmp_path / "a.jpg", exif=exif)
    assert imaging.read_image(tmp_path / "a.jpg").shape == (60, 40, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.png does not exist"):
        imaging.read_image(tmp_path / "nowhere.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        imaging.read_image(tmp_path)


def test_text_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("I am not a picture")
    with pytest.raises(InputError, match="is not a picture"):
        imaging.read_image(tmp_path / "a.png")


@given(keep=st.floats(0.05, 0.9))
def test_a_cut_file_is_called_damaged(
    tmp_path_factory: pytest.TempPathFactory, keep: float
) -> None:
    path = save(tmp_path_factory.mktemp("cut"), Image.fromarray(data.coffee()[:64, :64]))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"is damaged|is not a picture"):
        imaging.read_image(path)


@pytest.mark.parametrize("size", [(1, 20), (20, 1), (1, 1)])
def test_a_line_of_pixels_is_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    path = save(tmp_path, Image.new("RGB", size))
    with pytest.raises(InputError, match=f"{size[0]} x {size[1]} pixels: it must be at least"):
        imaging.read_image(path)


def test_an_empty_array_is_too_small() -> None:
    with pytest.raises(InputError, match="0 x 0 pixels"):
        imaging.as_pixels(np.zeros((0, 0, 3), np.uint8))


@pytest.mark.parametrize("side", [(12_000, 12_000), (40_000, 40_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, side: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.ppm"
    path.write_bytes(b"P6 %d %d 255\n" % side)  # no pixels follow: the header is enough
    with pytest.raises(InputError, match="134 million"):
        imaging.read_image(path)


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32 values"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((4,), np.uint8), r"shape \(4,\)"),
    ],
)
def test_arrays_of_other_kinds_are_refused(array: np.ndarray, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        imaging.as_pixels(array)


def test_writing_replaces_the_old_file_at_once_and_leaves_no_litter(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (4, 4), "red"))
    imaging.write_png(path, np.zeros((6, 6, 3), np.uint8))
    assert imaging.read_image(path).shape == (6, 6, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (4, 4), "red"))
    with pytest.raises(TypeError):
        imaging.write_png(path, np.zeros((4, 4, 7), np.uint8))
    assert imaging.read_image(path)[0, 0].tolist() == [255, 0, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="could not be written: No such file"):
        imaging.write_png(tmp_path / "gone" / "a.png", np.zeros((4, 4), np.uint8))


def test_more_memory_than_any_machine_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"Training needs about 1048576\.0 GB of memory and"):
        imaging.check_memory(2**50, "Training")


def test_a_little_memory_is_granted() -> None:
    imaging.check_memory(2**20, "Training")
