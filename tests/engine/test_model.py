"""Models: one file that holds everything, refused when it is not whole; and what apply promises."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from skimage import data

from deepsim_engine import blending, container, influence
from deepsim_engine.description import ModelDescription
from deepsim_engine.errors import InputError, WorkError
from deepsim_engine.model import Model, load
from deepsim_engine.presets import DRAFT, GeneratorConfig, LossConfig, Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.training import train

RED, GREEN, BLUE = (220, 40, 40), (40, 180, 60), (40, 60, 200)
HEIGHT, WIDTH = 64, 96


def tiny(**changes: Any) -> Preset:
    """A preset that needs no backbone and takes milliseconds a step."""
    values = {
        "name": "tiny",
        "promise": "for tests",
        "crop": 32,
        "generator": GeneratorConfig(widths=(8, 16), depth=1),
        "discriminator": DRAFT.discriminator,
        "losses": LossConfig(perceptual=0.0, adversarial=0.0),
    }
    return Preset(**{**values, **changes})


def cup() -> np.ndarray:
    return np.asarray(Image.fromarray(data.coffee()).resize((WIDTH, HEIGHT)))


def segments(hole: bool = False, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    height, width = size
    painted = np.full((height, width, 3), GREEN, np.uint8)
    painted[height // 4 : -height // 4, width // 4 : -width // 4] = RED
    painted[: height // 8] = BLUE
    if hole:
        painted[40:44, 60:64] = GREEN
    return painted


def edges() -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[20, 10:80] = True
    return drawn


@pytest.fixture(scope="module")
def model() -> Model:
    primitive = Primitive.from_layers(segments=segments(), edges=edges())
    return train(cup(), primitive, tiny(), steps=3, device="cpu", name="cup")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


# The file


def test_a_loaded_model_is_the_saved_one_and_paints_the_same(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "cup.safetensors"
    model.save(path)
    again = load(path, device="cpu")
    assert again.id == model.id
    assert again.description == model.description
    assert np.array_equal(again.image, model.image)
    assert again.primitive.palette == model.primitive.palette
    edited = model.primitive_from_layers(segments(hole=True), edges())
    for blend in (True, False):
        assert np.array_equal(
            pixels(again.apply(edited, blend=blend)), pixels(model.apply(edited, blend=blend))
        )
    assert [file.name for file in tmp_path.iterdir()] == ["cup.safetensors"]


def test_the_training_pair_is_kept_without_loss(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "cup.safetensors")
    again = load(tmp_path / "cup.safetensors", device="cpu")
    assert np.array_equal(again.image, cup())
    for layer in ("classes", "edges"):
        ours, theirs = getattr(model.primitive, layer), getattr(again.primitive, layer)
        assert ours is not None
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


def test_the_description_tells_what_was_trained(model: Model) -> None:
    told = model.description
    assert (told.name, told.kind, told.size, told.steps) == ("cup", "both", (WIDTH, HEIGHT), 3)
    assert told.backbone is None
    assert told.palette is not None
    assert {tuple(colour) for colour in told.palette} == {RED, GREEN, BLUE}
    assert ModelDescription.from_json(json.loads(json.dumps(told.to_json()))) == told
    with pytest.raises(InputError, match="damaged"):
        ModelDescription.from_json({"name": "cup"})


def test_a_network_mends_what_it_learned_to_mend(tmp_path: Path) -> None:
    """Those of earlier versions learned on patches that were blended, or had no tone corrected."""
    primitive = Primitive.from_layers(segments=segments(), edges=edges())
    mending = GeneratorConfig(widths=(8, 16), depth=1, patches=True, opinions=2, agreeing=1)
    path = tmp_path / "cup.safetensors"
    train(cup(), primitive, tiny(generator=mending), steps=1, device="cpu").save(path)
    model = load(path, device="cpu")
    assert model.patches.config.choice_patch > 0 and model.patches.config.tone_patch > 0
    assert (model.patches.config.opinions, model.patches.config.agreeing) == (2, 1)
    model = load(path, device="cpu")
    model.description = replace(model.description, patches=2)
    assert model.patches.config.choice_patch > 0
    assert not model.patches.config.tone_patch and not model.patches.config.finishing
    older = model.description.to_json()
    del older["patches"]
    model = load(path, device="cpu")
    model.description = ModelDescription.from_json(older)
    assert model.patches.config.choice_patch == 0
    assert older["generator"] is not None
    for later in ("opinions", "agreeing"):
        del older["generator"][later]
    model = load(path, device="cpu")
    model.description = ModelDescription.from_json(older)
    assert (model.patches.config.opinions, model.patches.config.agreeing) == (1, 0)
    train(cup(), primitive, "instant", device="cpu").save(path)
    instant = load(path, device="cpu")
    instant.description = replace(instant.description, patches=1)
    assert instant.patches.config.choice_patch > 0


def test_instant_models_are_the_pair_itself(tmp_path: Path) -> None:
    model = train(cup(), Primitive.from_layers(segments=segments()), "instant", device="cpu")
    model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors", device="cpu")
    assert again.generator is None
    edited = model.primitive_from_layers(segments(hole=True))
    assert np.array_equal(
        pixels(again.apply(edited, blend=False)), pixels(model.apply(edited, blend=False))
    )


@given(place=st.floats(0, 1), bit=st.integers(0, 7))
@settings(max_examples=30, deadline=None)
def test_a_flipped_bit_anywhere_is_noticed(
    saved: bytes, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    damaged = bytearray(saved)
    at = min(int(place * len(saved)), len(saved) - 1)
    damaged[at] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "m.safetensors"
    path.write_bytes(damaged)
    try:
        again = load(path, device="cpu")
    except InputError as error:
        assert str(path) in str(error) or "damaged" in str(error)
    else:  # the flip hit the description's free text, or white space: the tensors are whole
        header = int.from_bytes(saved[:8], "little")
        assert 8 <= at < 8 + header
        assert np.array_equal(again.image, cup())


@pytest.fixture(scope="module")
def saved(model: Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "m.safetensors"
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_file_is_refused(saved: bytes, tmp_path: Path, share: float) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved[: int(share * len(saved))])
    with pytest.raises(InputError, match="damaged"):
        load(path)


def rewritten(saved: bytes, path: Path, **changes: Any) -> Path:
    """The saved model with fields of its description changed, sealed anew."""
    path.write_bytes(saved)
    with safe_open(path, "pt") as file:
        values = json.loads(file.metadata()["deepsim"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, container.sealed("deepsim", {**values, **changes}))
    return path


def test_other_files_and_newer_formats_are_refused(saved: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "absent.safetensors")
    picture = tmp_path / "picture.png"
    Image.fromarray(cup()).save(picture)
    with pytest.raises(InputError, match="not a DeepSIM model"):
        load(picture)
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    with pytest.raises(InputError, match="not a DeepSIM model"):
        load(other)
    with pytest.raises(InputError, match="newer DeepSIM"):
        load(rewritten(saved, tmp_path / "newer", format=99))
    with pytest.raises(InputError, match="damaged"):
        load(rewritten(saved, tmp_path / "kind", kind="wishes"))
    wider = {"kind": "unet", "widths": [12, 16], "depth": 1, "patches": False}
    with pytest.raises(InputError, match="does not fit"):
        load(rewritten(saved, tmp_path / "wider", generator=wider))


def test_a_device_that_is_not_there_is_refused(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    with pytest.raises(InputError, match="'cuda:77' is not there"):
        load(tmp_path / "m", device="cuda:77")


def test_saving_where_nothing_can_be_written_is_told(model: Model, tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="could not be written"):
        model.save(tmp_path / "no" / "such" / "folder.safetensors")


# Applying


def test_pixels_far_from_the_edit_are_the_originals_bit_for_bit(model: Model) -> None:
    result = pixels(model.apply(model.primitive_from_layers(segments(hole=True), edges())))
    different = (result != cup()).any(2)
    rows, columns = np.nonzero(different)
    assert different[40:44, 60:64].any()
    reach = 2 * influence.LEAST + influence.FARTHEST * WIDTH + 1
    assert rows.min() >= 40 - reach
    assert rows.max() < 44 + reach
    assert columns.min() >= 60 - reach
    assert columns.max() < 64 + reach


def test_the_influence_tells_which_pixels_are_not_the_originals(model: Model) -> None:
    edited = model.primitive_from_layers(segments(hole=True), edges())
    applied = model.apply_with_influence(edited)
    assert np.array_equal(pixels(applied.image), pixels(model.apply(edited)))
    assert applied.influence.shape == (HEIGHT, WIDTH)
    assert applied.influence.dtype == np.uint8
    assert (applied.influence[40:44, 60:64] == 255).all()
    kept = applied.influence == 0
    assert 0.3 < kept.mean() < 0.95
    assert np.array_equal(pixels(applied.image)[kept], cup()[kept])
    left, top, width, height = applied.box
    part = applied.cropped(applied.box)
    assert part.image.size == (width, height)
    whole = cup().copy()
    whole[top : top + height, left : left + width] = pixels(part.image)
    assert np.array_equal(whole, pixels(applied.image)), "the crop is all that changed"


def test_influence_is_everything_without_blending_and_nothing_without_an_edit(
    model: Model,
) -> None:
    assert (model.apply_with_influence(model.primitive, blend=False).influence == 255).all()
    nothing = model.apply_with_influence(model.primitive)
    assert not nothing.influence.any()
    assert nothing.box == (0, 0, 1, 1)


@pytest.mark.parametrize("longest", [29, 31, 64])
def test_a_drawing_of_the_pictures_size_is_painted_at_the_trained_size(longest: int) -> None:
    """Whichever way its shorter side was rounded: patches know the training drawing again."""
    tall = np.asarray(Image.fromarray(data.coffee()).resize((40, 120)))
    drawn = Primitive.from_layers(segments=segments(size=(120, 40)))
    model = train(tall, drawn, "instant", size=longest, device="cpu")
    small = Image.fromarray(tall).resize(model.description.working_size, Image.Resampling.LANCZOS)
    expected = np.asarray(small.resize((40, 120), Image.Resampling.LANCZOS))
    assert np.array_equal(pixels(model.apply(drawn, blend=False)), expected)


@pytest.mark.parametrize("longest", [WIDTH, 60])
def test_painting_only_around_the_edit_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    """At working resolutions that are the picture's own, and smaller."""
    preset = tiny(longest_side=longest, generator=GeneratorConfig(widths=(8,), depth=1))
    model = train(cup(), Primitive.from_layers(segments=segments()), preset, steps=2, device="cpu")
    edited = model.primitive_from_layers(segments(hole=True))
    painted: list[int] = []
    forward = type(model.generator).forward

    def counted(network: Any, x: torch.Tensor) -> torch.Tensor:
        painted.append(x.shape[-1] * x.shape[-2])
        return forward(network, x)

    monkeypatch.setattr(type(model.generator), "forward", counted)
    result = pixels(model.apply(edited)).astype(int)
    whole = pixels(model.apply(edited, blend=False))
    assert painted[0] < painted[1]
    monkeypatch.setattr("deepsim_engine.model.farthest_box", lambda _: (0, 0, WIDTH, HEIGHT))
    assert np.abs(result - pixels(model.apply(edited))).max() <= 1
    assert whole.shape == cup().shape


def test_an_unchanged_drawing_gives_the_original(model: Model) -> None:
    assert np.array_equal(pixels(model.apply(model.primitive)), cup())
    assert not np.array_equal(pixels(model.apply(model.primitive, blend=False)), cup())


@pytest.mark.parametrize("size", [(64, 97), (33, 50), (128, 192), (9, 300)])
def test_results_have_the_drawings_size(model: Model, size: tuple[int, int]) -> None:
    primitive = model.primitive_from_layers(segments(size=size), np.eye(*size, dtype=bool))
    assert model.apply(primitive).size == (size[1], size[0])


def test_transparency_of_the_picture_is_kept_where_sizes_agree() -> None:
    alpha = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    alpha[10:50, 20:80] = 200
    picture = np.concatenate([cup(), alpha], 2)
    primitive = Primitive.from_layers(segments=segments())
    model = train(picture, primitive, tiny(), steps=2, device="cpu")
    result = pixels(model.apply(model.primitive_from_layers(segments(hole=True)), blend=False))
    assert np.array_equal(result[:, :, 3:], alpha)
    other = model.apply(model.primitive_from_layers(segments(size=(70, 70))))
    assert other.mode == "RGBA"
    assert pixels(other)[:, :, 3].min() == 255


def test_another_kind_of_drawing_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match=r"trained on segments and edges .* has segments"):
        model.apply(Primitive.from_layers(segments=segments()))


def test_a_drawing_with_its_own_palette_is_understood(model: Model) -> None:
    """Colours found in another order, or fewer of them, mean the same classes."""
    fewer = segments()
    fewer[: HEIGHT // 8] = RED
    fewer[30:, 10:] = RED  # now the commonest, so first in a palette of its own
    own = Primitive.from_layers(segments=fewer, edges=edges())
    assert own.palette != model.primitive.palette
    known = model.primitive_from_layers(fewer, edges())
    assert np.array_equal(pixels(model.apply(own)), pixels(model.apply(known)))


# Blending


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_blending_keeps_the_original_exactly_and_the_result_but_for_its_tint(seed: int) -> None:
    random = np.random.default_rng(seed)
    original, result = random.integers(0, 256, (2, 6, 7, 3)).astype(np.uint8)
    weight = random.choice([0.0, 0.5, 1.0], (6, 7)).astype(np.float32)
    mixed = blending.blend(original, result, weight)
    assert np.array_equal(mixed[weight == 0], original[weight == 0])
    apart = np.abs(mixed[weight == 1].astype(int) - result[weight == 1])
    assert apart.max(initial=0) <= blending.MOST_TINT + 1
    assert np.array_equal(blending.blend(original, result, np.ones_like(weight)), result)


def test_a_result_that_is_a_shade_off_leaves_no_seam() -> None:
    original = np.asarray(Image.fromarray(data.coffee()).resize((120, 80))) // 2 + 40
    different = np.zeros((80, 120), bool)
    different[35:45, 50:70] = True
    shade = np.array([8, -5, 3])
    shaded = (original + shade).astype(np.uint8)
    mixed = blending.blend(original, shaded, influence.influence(different, original, shaded))
    assert np.abs(mixed.astype(int) - original).max() <= 2
