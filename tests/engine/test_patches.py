"""Guided patch synthesis: what it reproduces, and that neither sizes nor chunks change it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import color, data, feature, transform
from torch import Tensor

from deepsim_engine.errors import InputError
from deepsim_engine.patches import PatchConfig, PatchSynthesizer
from deepsim_engine.patches.agreement import united
from deepsim_engine.patches.search import Keys, Search, identity_field, parted

SIDE = 96
KINDS = ("segments", "edges", "both", "painting")


def scene(cup: tuple[int, int], kind: str = "segments") -> tuple[Tensor, Tensor]:
    """A striped disc on a shaded table, its centre at `cup` (row, column), and its primitive."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    radius = np.hypot(y - cup[0], x - cup[1])
    table = np.stack([0.3 + 0.3 * x / SIDE, 0.5 + 0 * x, 0.2 + 0.4 * y / SIDE], -1)
    disc = np.stack([0.9 - radius / 40, 0.4 + 0.3 * np.sin(radius), 0.1 + 0 * x], -1)
    inside = radius < 16
    picture = np.where(inside[..., None], disc, table).astype(np.float32)
    classes = np.stack([~inside, inside]).astype(np.float32)
    edges = feature.canny(inside.astype(np.float32))[None].astype(np.float32)
    painting = np.where(inside[..., None], (0.8, 0.2, 0.1), (0.3, 0.5, 0.4)).transpose(2, 0, 1)
    primitive = {
        "segments": classes,
        "edges": edges,
        "both": np.concatenate([classes, edges]),
        "painting": painting * 2 - 1,
    }[kind]
    image = torch.from_numpy(picture).permute(2, 0, 1) * 2 - 1
    return image, torch.from_numpy(np.ascontiguousarray(primitive)).float()


def photograph(side: int = SIDE) -> tuple[Tensor, Tensor]:
    """A photograph with its edges and coarse classes by brightness."""
    pixels = transform.resize(data.astronaut(), (side, side), anti_aliasing=True)
    grey = color.rgb2gray(pixels)
    classes = np.digitize(transform.resize(grey, grey.shape, order=0), (0.25, 0.5, 0.75))
    parts = [classes == k for k in range(4)] + [feature.canny(grey, sigma=1.0)]
    image = torch.from_numpy(pixels).float().permute(2, 0, 1) * 2 - 1
    return image, torch.from_numpy(np.stack(parts)).float()


def psnr(a: Tensor, b: Tensor) -> float:
    return float(10 * torch.log10(4 / (a - b).square().mean()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_primitive_gives_back_the_training_picture(kind: str) -> None:
    image, primitive = scene((40, 40), kind)
    assert psnr(PatchSynthesizer(image, primitive).synthesize(primitive), image) > 32


def test_the_training_primitive_gives_back_a_photograph() -> None:
    image, primitive = photograph()
    assert psnr(PatchSynthesizer(image, primitive).synthesize(primitive), image) > 32


@pytest.mark.parametrize("kind", KINDS)
def test_a_moved_shape_is_made_at_its_new_place(kind: str) -> None:
    image, primitive = scene((36, 34), kind)
    truth, edited = scene((56, 60), kind)
    result = PatchSynthesizer(image, primitive).synthesize(edited)
    assert psnr(result, truth) > psnr(image, truth) + 10


def test_a_second_shape_is_made_where_it_was_added() -> None:
    image, primitive = scene((36, 30))
    other, second = scene((60, 66))
    both = torch.maximum(primitive[1], second[1])
    result = PatchSynthesizer(image, primitive).synthesize(torch.stack([1 - both, both]))
    truth = torch.where(second[1] > 0, other, image)
    assert psnr(result, truth) > psnr(image, truth) + 8


def test_a_mirrored_drawing_uses_the_mirrored_picture() -> None:
    image, primitive = photograph()
    settings = PatchConfig(position_weight=0.2)
    plain = PatchSynthesizer(image, primitive, config=replace(settings, flips=False))
    mirroring = PatchSynthesizer(image, primitive, config=settings)
    truth, edited = image.flip(2), primitive.flip(2)
    result, origin = mirroring.synthesize_with_correspondence(edited)
    assert psnr(result, truth) > psnr(plain.synthesize(edited), truth) + 2
    assert origin.mirrored.float().mean() > 0.5


def bar(angle: float) -> tuple[Tensor, Tensor]:
    """A bar that is lighter towards one end and striped along, turned about its centre."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    along, across = x * cosine - y * sine, y * cosine + x * sine
    inside = (abs(across) < 9) & (abs(along) < 32)
    body = np.stack([along / 60 + 0.5, 0.5 + 0.4 * np.sin(across), 0.2 + 0 * x], -1)
    picture = np.where(inside[..., None], body, 0.1).astype(np.float32)
    classes = np.stack([~inside, inside]).astype(np.float32)
    return torch.from_numpy(picture).permute(2, 0, 1) * 2 - 1, torch.from_numpy(classes)


@pytest.mark.parametrize("angle", [40, 90])
def test_a_turned_part_is_made_of_the_turned_picture(angle: int) -> None:
    image, primitive = bar(0)
    truth, edited = bar(angle)
    plain = PatchSynthesizer(image, primitive, config=PatchConfig(turns=0)).synthesize(edited)
    result, origin = PatchSynthesizer(image, primitive).synthesize_with_correspondence(edited)
    body = edited[1] > 0
    assert psnr(result[:, body], truth[:, body]) > psnr(plain[:, body], truth[:, body]) + 3
    assert (origin.angle[body] - angle).abs().float().median() <= 15
    row, column = origin.row[body], origin.column[body]
    assert float(primitive[1][row, column].mean()) > 0.9


def test_above_the_refined_size_parts_are_turned_too() -> None:
    (image, primitive), (truth, edited) = bar(0), bar(40)
    config = PatchConfig(search_side=24, refine_side=48)
    patches = PatchSynthesizer(image, primitive, config=config)
    result, origin = patches.synthesize_with_correspondence(edited)
    body = edited[1] > 0
    assert (origin.angle[body] - 40).abs().float().median() <= 15
    anew, origin = patches.unsettled().synthesize_with_correspondence(edited)
    assert not origin.angle.any()  # what training looks at takes none
    assert psnr(result[:, body], truth[:, body]) > psnr(anew[:, body], truth[:, body])


def test_turned_pictures_that_are_not_kept_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    image, primitive = bar(0)
    edited = bar(40)[1]
    kept = PatchSynthesizer(image, primitive).synthesize(edited)
    monkeypatch.setattr("deepsim_engine.patches.turning._KEPT", 1)
    forgetful = PatchSynthesizer(image, primitive)
    assert torch.equal(forgetful.synthesize(edited), kept)
    assert len(forgetful._turns._made) == 1


def test_a_part_that_was_only_moved_is_not_turned() -> None:
    image, primitive = bar(0)
    edited = primitive.roll((9, 6), (1, 2))
    origin = PatchSynthesizer(image, primitive).synthesize_with_correspondence(edited)[1]
    assert not origin.angle.any()


def test_the_same_seed_gives_the_same_picture() -> None:
    image, primitive = photograph()
    edited = primitive.roll(9, 2)
    first = PatchSynthesizer(image, primitive).synthesize(edited)
    assert torch.equal(first, PatchSynthesizer(image, primitive).synthesize(edited))


def test_results_do_not_depend_on_earlier_ones() -> None:
    image, primitive = photograph()
    synthesizer = PatchSynthesizer(image, primitive)
    first = synthesizer.synthesize(primitive.roll(9, 2))
    synthesizer.synthesize(primitive.flip(1))
    assert torch.equal(first, synthesizer.synthesize(primitive.roll(9, 2)))


def test_chunks_bound_the_memory_and_leave_the_result_as_it_is() -> None:
    image, primitive = photograph()
    edited = primitive.roll(7, 1)
    whole = PatchSynthesizer(image, primitive).synthesize(edited)
    pieces = PatchSynthesizer(image, primitive, config=PatchConfig(chunk=1000)).synthesize(edited)
    assert torch.allclose(whole, pieces, atol=1 / 255)


def test_the_training_primitive_gives_exactly_the_training_picture() -> None:
    image, primitive = photograph()
    result, origin = PatchSynthesizer(image, primitive).synthesize_with_correspondence(primitive)
    assert torch.equal(result, image)
    assert torch.equal(origin.row[:, 0], torch.arange(SIDE))
    assert torch.equal(origin.column[0], torch.arange(SIDE))


def test_what_was_not_drawn_anew_stays_the_training_picture() -> None:
    image, primitive = photograph()
    edited = primitive.clone()
    edited[:, 40:48, 40:48] = primitive[:, 20:28, 60:68]
    result = PatchSynthesizer(image, primitive).synthesize(edited)
    untouched = torch.ones(SIDE, SIDE, dtype=torch.bool)
    untouched[12:76, 12:76] = False
    assert torch.equal(result[:, untouched], image[:, untouched])
    assert not torch.equal(result[:, 40:48, 40:48], image[:, 40:48, 40:48])


def test_a_part_alone_can_be_made_anew() -> None:
    image, primitive = scene((40, 40))
    _, edited = scene((40, 56))
    part = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    part[24:60, 40:76] = True
    anew = PatchSynthesizer(image, primitive).unsettled()
    made = anew.synthesize(edited, within=part)
    assert psnr(made[:, part], anew.synthesize(edited)[:, part]) > 28
    assert torch.equal(made[:, :8, :8], image[:, :8, :8])  # far from it nothing was made


@pytest.mark.parametrize("size", [(96, 96), (61, 130), (200, 96), (7, 9), (1, 1)])
def test_primitives_of_any_size_can_be_made(size: tuple[int, int]) -> None:
    image, primitive = photograph()
    edited = torch.nn.functional.interpolate(primitive[None], size=size)[0]
    result, origin = PatchSynthesizer(image, primitive).synthesize_with_correspondence(edited)
    assert result.shape == (3, *size)
    assert result.isfinite().all()
    assert float(result.abs().max()) <= 1
    for index, limit in ((origin.row, SIDE), (origin.column, SIDE)):
        assert index.shape == size
        assert int(index.min()) >= 0
        assert int(index.max()) < limit
    assert float(origin.distance.min()) >= 0


@pytest.mark.parametrize("size", [(8, 8), (33, 20), (97, 64)])
def test_training_pictures_of_any_size_can_be_used(size: tuple[int, int]) -> None:
    image, primitive = photograph()
    image, primitive = image[:, : size[0], : size[1]], primitive[:, : size[0], : size[1]]
    patches = PatchSynthesizer(image, primitive)
    result = patches.synthesize(primitive)
    assert result.shape == image.shape
    result = patches.synthesize(primitive.roll(3, 1))
    assert result.shape == image.shape
    assert result.isfinite().all()


def test_levels_above_the_refined_size_follow_what_moved_and_keep_their_detail() -> None:
    image, primitive = scene((36, 34))
    truth, edited = scene((56, 60))
    config = PatchConfig(search_side=24, refine_side=48)
    result = PatchSynthesizer(image, primitive, config=config).synthesize(edited)
    assert psnr(result, truth) > psnr(image, truth) + 8
    image, primitive = photograph()
    anew = PatchSynthesizer(image, primitive, config=config).unsettled()
    assert psnr(anew.synthesize(primitive), image) > 28


def test_a_primitive_of_another_model_is_refused() -> None:
    image, primitive = scene((40, 40))
    with pytest.raises(InputError, match="2 channels"):
        PatchSynthesizer(image, primitive).synthesize(primitive[:1])


def test_a_primitive_of_another_size_than_its_picture_is_refused() -> None:
    image, primitive = scene((40, 40))
    with pytest.raises(InputError, match="same pixels"):
        PatchSynthesizer(image, primitive[:, 1:])


def test_propagation_finds_nearly_what_the_exhaustive_search_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    values = torch.stack([y, x, (y * 0.7).sin(), (x * 0.9).cos()], -1).view(-1, 4)
    values = torch.cat([values, values.repeat(1, 8) * 0.2], 1)  # more than one part
    keys = Keys(parted(values), torch.zeros(1), 32, 32)
    every = torch.arange(32 * 32)
    search = Search(parted(values.flip(0) + 0.01), keys, every, (32, 32), 4096)
    nowhere = identity_field((32, 32), values.device)
    best = search.exhaustive(nowhere)
    exact = "donot_use_mm_for_euclid_dist"
    naive = torch.cdist(values.flip(0) + 0.01, values, compute_mode=exact).square()
    assert torch.allclose(best.distance, naive.amin(1).view(32, 32), atol=1e-2)
    start = search.measure(nowhere)
    found = search.improve(start, 4, 8, generator)
    assert (found.distance <= start.distance).all()
    assert float(found.distance.mean()) < 0.05 * float(start.distance.mean())


def test_settings_reach_the_search() -> None:
    image, primitive = photograph()
    edited = primitive.roll(9, 2)
    plain = PatchSynthesizer(image, primitive).synthesize(edited)
    other = replace(PatchConfig(), position_weight=50.0)
    assert not torch.equal(
        plain, PatchSynthesizer(image, primitive, config=other).synthesize(edited)
    )


def test_choosing_what_fits_comes_closer_than_blending() -> None:
    """A photograph drawn anew with its right half moved down a little."""
    image, primitive = photograph()
    choosing = PatchSynthesizer(image, primitive)
    blending = PatchSynthesizer(image, primitive, config=PatchConfig(choice_patch=0))
    gains = []
    for rows in (5, 7, 11):
        truth, edited = image.clone(), primitive.clone()
        for whole, moved in ((image, truth), (primitive, edited)):
            moved[:, :, SIDE // 2 :] = whole[:, :, SIDE // 2 :].roll(rows, 1)
        chosen, blended = choosing.synthesize(edited), blending.synthesize(edited)
        gains.append(psnr(chosen, truth) - psnr(blended, truth))
    assert sum(gains) > 0


def test_the_last_round_looks_at_the_finished_picture_if_asked_to() -> None:
    image, primitive = photograph()
    edited = primitive.roll(9, 2)
    one, other = (
        PatchSynthesizer(image, primitive, config=PatchConfig(finishing=finishing))
        for finishing in (True, False)
    )
    assert not torch.equal(one.synthesize(edited), other.synthesize(edited))


def moved_down(rows: int) -> tuple[Tensor, Tensor]:
    """A photograph and its drawing, their right halves moved down."""
    image, primitive = photograph()
    for whole in (image, primitive):
        whole[:, :, SIDE // 2 :] = whole[:, :, SIDE // 2 :].roll(rows, 1)
    return image, primitive


def test_several_opinions_come_closer_than_one() -> None:
    image, primitive = photograph()
    gains = []
    for rows in (5, 7, 11):
        truth, edited = moved_down(rows)
        one, four = (
            PatchSynthesizer(image, primitive, config=PatchConfig(opinions=n)).synthesize(edited)
            for n in (1, 4)
        )
        gains.append(psnr(four, truth) - psnr(one, truth))
    assert sum(gains) > 0


def test_opinions_are_of_consecutive_seeds() -> None:
    image, primitive = photograph()
    edited = primitive.roll(9, 2)
    whole = PatchSynthesizer(image, primitive, config=PatchConfig(opinions=2))
    both = whole.synthesize(edited)
    assert torch.equal(both, whole.synthesize(edited))
    single = whole.alone()
    first = single.synthesize(edited)
    assert torch.equal(first, PatchSynthesizer(image, primitive).synthesize(edited))
    single.config = replace(single.config, seed=single.config.seed + 1)
    together = united([first, single.synthesize(edited)])
    inside = together.abs() < 0.8  # beyond, one may have been brought back to the range of colours
    assert (both - together)[inside].abs().amax() < 0.02


@pytest.mark.parametrize("refine_side", [256, SIDE // 2], ids=["searched", "mended"])
def test_opinions_that_look_at_what_they_make_together_come_closer(refine_side: int) -> None:
    """Also where the finest level is only mended."""
    image, primitive = photograph()
    gains = []
    for rows in (5, 7, 11):
        truth, edited = moved_down(rows)
        alone, agreeing = (
            PatchSynthesizer(
                image,
                primitive,
                config=PatchConfig(refine_side=refine_side, opinions=2, agreeing=rounds),
            ).synthesize(edited)
            for rounds in (0, 3)
        )
        gains.append(psnr(agreeing, truth) - psnr(alone, truth))
    assert sum(gains) > 0


@pytest.mark.parametrize("side", [SIDE, 40])
def test_what_was_not_drawn_anew_stays_to_the_bit_with_any_number_of_opinions(side: int) -> None:
    image, primitive = photograph(side)
    edited = primitive.clone()
    edited[:, 4:12, 4:12] = primitive[:, 20:28, 20:28]
    config = PatchConfig(opinions=3, agreeing=2)
    result = PatchSynthesizer(image, primitive, config=config).synthesize(edited)
    assert not torch.equal(result, image)
    assert torch.equal(result[:, side // 2 + 10 :], image[:, side // 2 + 10 :])
