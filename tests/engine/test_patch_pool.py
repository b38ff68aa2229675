"""Examples for mending: what they are made from, how many there are, and which are held out."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from deepsim_engine.augment import Augmentation, drawings
from deepsim_engine.conditioning import Condition, picture_tensor
from deepsim_engine.edges import extract_edges
from deepsim_engine.patch_pool import EVERY, FIRST, PatchPool
from deepsim_engine.patches import PatchConfig
from deepsim_engine.primitive import Primitive

CPU = torch.device("cpu")
WINDOW = (24, 24)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def pool() -> PatchPool:
    image = np.asarray(Image.fromarray(data.coffee()).crop((150, 60, 450, 285)).resize((40, 30)))
    condition = Condition.of(Primitive.from_layers(edges=extract_edges(image, sigma=1.0)), CPU)
    return PatchPool(picture_tensor(image, CPU), [condition], Augmentation(), seed=3)


def test_crops_lie_at_the_same_place_of_drawing_patches_and_truth(pool: PatchPool) -> None:
    condition, patches, truth = pool.draw(0, 0.0, 3, WINDOW, seeded())
    assert condition.shape == (3, pool.condition.channels, *WINDOW)
    assert patches.shape == truth.shape == (3, 3, *WINDOW)
    aside = truth.roll(6, -1)
    assert (patches - truth).abs().mean() < 0.7 * (patches - aside).abs().mean()


def test_the_same_random_state_gives_the_same_crops(pool: PatchPool) -> None:
    for ours, theirs in zip(
        pool.draw(0, 0.0, 2, WINDOW, seeded(5)),
        pool.draw(0, 0.0, 2, WINDOW, seeded(5)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_examples_come_while_they_are_of_use(pool: PatchPool) -> None:
    pool.draw(0, 0.0, 1, WINDOW, seeded())
    assert pool.newest == FIRST
    pool.draw(2 * EVERY, 0.5, 1, WINDOW, seeded())
    assert pool.newest == FIRST + 2
    pool.draw(3 * EVERY, 0.95, 1, WINDOW, seeded())
    assert pool.newest == FIRST + 2


def test_held_out_crops_are_of_examples_that_are_never_drawn(pool: PatchPool) -> None:
    held = pool.held_out(WINDOW, None)
    channels = pool.condition.channels
    assert torch.equal(held.x[:, channels:], held.patches)
    assert held.truth.shape == held.patches.shape
    assert torch.equal(held.truth, pool.held_out(WINDOW, None).truth)
    learned = [pool.example(number).truth for number in range(FIRST)]
    for crop in held.truth:
        for truth in learned:
            windows = truth.unfold(1, WINDOW[0], 1).unfold(2, WINDOW[1], 1)
            apart = (windows - crop[:, None, None]).abs().mean((0, 3, 4))
            assert apart.min() > 0.01


def test_held_out_is_what_several_opinions_make_and_learned_from_what_one_makes(
    pool: PatchPool,
) -> None:
    config = PatchConfig(opinions=2, agreeing=1)
    drawings = [pool.condition]
    several = PatchPool(pool.picture, drawings, Augmentation(), pool.seed, config)
    assert torch.equal(several.example(0).patches, pool.example(0).patches)
    ours, theirs = several.held_out(WINDOW, None), pool.held_out(WINDOW, None)
    assert torch.equal(ours.truth, theirs.truth)
    assert not torch.equal(ours.patches, theirs.patches)
    assert several.synthesizer.config == config


def test_examples_are_parts_of_large_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepsim_engine.patch_pool.PART", 32)
    image = np.asarray(Image.fromarray(data.coffee()).resize((72, 48)))
    condition = Condition.of(Primitive.from_layers(edges=extract_edges(image, sigma=1.0)), CPU)
    picture = picture_tensor(image, CPU)
    pool = PatchPool(picture, [condition], Augmentation(tps=0, flip=False), seed=0)
    for number in range(3):  # not warped, so the truth is a part of the picture itself
        example = pool.example(number)
        assert example.condition.shape[1:] == example.patches.shape[1:] == (32, 32)
        windows = picture.unfold(1, 32, 1).unfold(2, 32, 1)
        apart = (windows - example.truth[:, None, None]).abs().mean((0, 3, 4))
        assert apart.min() < 1e-4
        place = divmod(int(apart.argmin()), apart.shape[1])
        here = condition.encode()[0, :, place[0] : place[0] + 32, place[1] : place[1] + 32]
        torch.testing.assert_close(example.condition, here, atol=1e-3, rtol=0)
        assert (example.patches - example.truth).abs().mean() < 0.1


def test_pictures_smaller_than_a_crop_go_on_mirrored(pool: PatchPool) -> None:
    _, _, truth = pool.draw(0, 0.0, 1, (64, 64), seeded())
    assert truth.shape == (1, 3, 64, 64)
    assert torch.equal(truth[:, :, :30], truth[:, :, 30:60].flip(2))


def test_lines_of_other_detectors_are_learned_where_there_are_lines() -> None:
    image = np.asarray(Image.fromarray(data.coffee()).resize((120, 80)))
    drawn = Condition.of(Primitive.from_layers(edges=extract_edges(image, sigma=1.0)), CPU)
    off, on = Augmentation(), Augmentation(detectors=(2.0, 4.0))
    assert drawings(drawn, image, off) == [drawn]
    found = drawings(drawn, image, on)
    assert found[0] is drawn
    counts = [int(d.drawn(d.encode()).sum()) for d in found]
    assert len(found) == 3
    assert counts[0] > counts[1] > counts[2] > 0
    plain = np.full((80, 120, 3), 90, np.uint8)
    assert drawings(drawn, plain, on) == [drawn]  # nothing to find in it
    painted = Condition.of(Primitive.from_layers(painting=image), CPU)
    assert drawings(painted, image, on) == [painted]
