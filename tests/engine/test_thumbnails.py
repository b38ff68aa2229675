"""The small picture of a training pair that a model file carries."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from skimage import data

from deepsim_engine.errors import InputError
from deepsim_engine.primitive import Primitive
from deepsim_engine.thumbnails import KEY, SIDE, drawing, make_thumbnail, read_thumbnail
from deepsim_engine.training import train

RED, BLUE = (220, 40, 40), (40, 60, 200)


def segments(width: int, height: int) -> np.ndarray:
    painted = np.full((height, width, 3), RED, np.uint8)
    painted[:, width // 2 :] = BLUE
    return painted


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (2000, 40), (40, 2000), (12, 9)])
def test_picture_and_drawing_fit_beside_or_above_each_other(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.full((height, width, 4), (90, 200, 90, 255), np.uint8)
    text = make_thumbnail(picture, Primitive.from_layers(segments=segments(width, height)))
    image = opened(base64.b64decode(text))
    assert max(image.size) <= SIDE
    pixels = np.asarray(image)
    wide = width > height
    half = pixels[: (len(pixels) - 2) // 2] if wide else pixels[:, : (pixels.shape[1] - 2) // 2]
    other = pixels[len(half) + 2 :] if wide else pixels[:, half.shape[1] + 2 :]
    assert half.shape == other.shape
    assert (half == (90, 200, 90)).all()
    assert np.array_equal(other[0, 0], RED)
    assert np.array_equal(other[-1, -1], BLUE)


def test_lines_are_seen_on_light_and_on_dark() -> None:
    painted = np.zeros((8, 16, 3), np.uint8)
    painted[:, 8:] = 250
    edges = np.zeros((8, 16), bool)
    edges[4] = True
    seen = drawing(Primitive.from_layers(segments=painted, edges=edges))
    assert (seen[4, :8] == 255).all()
    assert (seen[4, 8:] == 0).all()
    assert (seen[:4] == painted[:4]).all()


def test_a_model_file_carries_its_thumbnail(tmp_path: Path) -> None:
    picture = np.asarray(Image.fromarray(data.coffee()).resize((96, 64)))
    edges = np.zeros((64, 96), bool)
    edges[20, 10:80] = True
    primitive = Primitive.from_layers(segments=segments(96, 64), edges=edges)
    path = tmp_path / "m.safetensors"
    train(picture, primitive, "instant", device="cpu").save(path)
    png = read_thumbnail(path)
    assert png is not None
    upper, lower = np.split(np.asarray(opened(png))[:, :, :3], [63], axis=0)
    assert np.abs(upper.mean((0, 1)) - picture.mean((0, 1))).max() < 4
    assert lower[10:30].min() < 100, "the line is drawn"


def stored(path: Path, text: str) -> Path:
    save_file({"x": np.zeros(2, np.float32)}, path, {KEY: text})
    return path


def test_what_is_no_small_picture_counts_as_none(tmp_path: Path) -> None:
    large = io.BytesIO()
    Image.new("RGB", (SIDE + 1, 4)).save(large, format="PNG")
    jpeg = io.BytesIO()
    Image.new("RGB", (4, 4)).save(jpeg, format="JPEG")
    for text in (
        "no base64!",
        "AAAA" * 30_000,
        base64.b64encode(b"no picture").decode(),
        base64.b64encode(large.getvalue()).decode(),
        base64.b64encode(jpeg.getvalue()).decode(),
    ):
        assert read_thumbnail(stored(tmp_path / "m", text)) is None
    save_file({"x": np.zeros(2, np.float32)}, tmp_path / "plain")
    assert read_thumbnail(tmp_path / "plain") is None


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_thumbnail(tmp_path / "absent")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="not a DeepSIM model"):
        read_thumbnail(tmp_path / "text")
