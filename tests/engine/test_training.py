"""Training: that it learns, repeats itself, tells how far it is, and refuses what it cannot use."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import nn

from deepsim_engine import checkpoint as checkpoints
from deepsim_engine import presets, tps
from deepsim_engine.backbones import weights
from deepsim_engine.conditioning import Condition, picture_pixels, picture_tensor
from deepsim_engine.edges import extract_edges
from deepsim_engine.errors import InputError, Stopped, WorkError
from deepsim_engine.losses import PerceptualLoss
from deepsim_engine.model import Model
from deepsim_engine.networks.build import build_generator
from deepsim_engine.presets import DRAFT, PAPER, GeneratorConfig, Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.segmentation import segment
from deepsim_engine.training import Progress, train
from tests.engine.conftest import MENDING, TINY, Pair

CPU = torch.device("cpu")

# Learning


@pytest.mark.slow
@pytest.mark.skipif(weights.HED not in weights.available(), reason="HED weights not installed")
def test_training_brings_unseen_drawings_far_closer_to_their_pictures() -> None:
    """On a bent version of the pair, that training never saw, through layers no loss looked at."""
    image = np.asarray(Image.fromarray(data.chelsea()).crop((60, 0, 360, 300)).resize((96, 96)))
    primitive = Primitive.from_layers(segments=segment(image, 8), edges=extract_edges(image))
    bend = torch.tensor([[0.08, 0], [0, 0.06], [-0.05, 0.05]] * 3).view(1, 9, 2)
    condition = Condition.of(primitive, CPU)
    points = tps.from_displacements(bend).source_of(
        tps.window_points(torch.zeros(1, 2), condition.size, condition.size)
    )
    assert condition.classes is not None
    assert primitive.palette is not None
    classes = tps.sample(condition.classes, points, "nearest")[0, 0].byte().numpy()
    edges = condition.drawn(condition.at(points))[0, -1].bool().numpy()
    unseen = Primitive(classes, edges, None, primitive.palette)
    truth = tps.sample(picture_tensor(image, CPU), points)
    judge = PerceptualLoss(
        weights.load_backbone(weights.HED, ["relu4_3", "relu5_2"]),
        [("relu4_3", 1.0), ("relu5_2", 1.0)],
        truth,
    )

    def distance(model: Model) -> float:
        """Of what the network itself paints, whether or not patches alone would be better."""
        model = replace(model, description=replace(model.description, trust=1.0))
        painted = picture_tensor(np.asarray(model.apply(unseen, blend=False)), CPU)[None]
        return judge(painted, truth)[0].item()

    small = GeneratorConfig(widths=(24, 48, 96), depth=2, patches=True)
    recipe = replace(DRAFT, crop=64, batch=1, generator=small)
    start = distance(train(image, primitive, recipe, steps=1, device="cpu"))
    trained = train(image, primitive, recipe, steps=70, device="cpu")
    assert distance(trained) < 0.4 * start
    # and closer than handing back the picture it was trained on
    copied = judge(picture_tensor(image, CPU)[None], truth)[0].item()
    assert distance(trained) < 0.8 * copied
    painted = np.asarray(trained.apply(unseen, blend=False))
    error = np.abs(picture_pixels(truth[0]).astype(float) - painted)
    assert error.mean() < 15


# Repeating, and beginning with what was learned


@pytest.mark.parametrize("preset", [TINY, MENDING], ids=["painting", "mending"])
def test_the_same_seed_gives_the_same_model(pair: Pair, preset: Preset) -> None:
    first, again, other = (train(*pair, preset, steps=3, seed=s, device="cpu") for s in (1, 1, 2))
    assert first.id == again.id
    assert first.id != other.id


def test_training_can_begin_with_another_models_weights(pair: Pair) -> None:
    first = train(*pair, TINY, steps=12, device="cpu")
    frozen = replace(TINY, learning_rate=0.0)
    assert first.generator is not None
    warm = train(*pair, frozen, steps=1, warm_start=first, device="cpu")
    assert warm.generator is not None
    for ours, theirs in zip(warm.generator.parameters(), first.generator.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    fewer = Primitive.from_layers(edges=pair[1].edges)  # other channels: what fits is taken
    train(pair[0], fewer, TINY, steps=1, warm_start=first, device="cpu")


# Too little memory


class Hungry:
    """A hook that fails as a full graphics card does for inputs of more than `most` pixels."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, [0]

    def __call__(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        count, _, height, width = inputs[0].shape
        if module.training and count * height * width > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.seen.append(count * height * width)


def with_hook(monkeypatch: pytest.MonkeyPatch, hook: Hungry) -> None:
    def build(*arguments: Any) -> nn.Module:
        network = build_generator(*arguments)
        network.register_forward_pre_hook(hook)
        return network

    monkeypatch.setattr("deepsim_engine.trainer.build_generator", build)


@pytest.mark.parametrize(
    ("most", "told"), [(48 * 48, "1 crop.* of 48 x 48"), (40 * 40, "1 crop.* of 32 x 32")]
)
@pytest.mark.parametrize("preset", [TINY, MENDING], ids=["painting", "mending"])
def test_training_goes_on_with_less_where_memory_runs_out(
    pair: Pair, preset: Preset, most: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Hungry(most)
    with_hook(monkeypatch, hook)
    larger = replace(preset, crop=48, batch=4)
    model = train(*pair, larger, steps=3, device="cpu")
    assert model.description.steps == 3
    assert hook.seen[1] <= most
    assert re.search(told, model.description.warnings[-1])
    assert model.description.to_json()["warnings"] == list(model.description.warnings)


def test_whole_pictures_become_crops_where_memory_runs_out(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_hook(monkeypatch, Hungry(40 * 40))
    model = train(*pair, replace(TINY, crop=0, batch=1), steps=2, device="cpu")
    assert "32 x 32" in model.description.warnings[-1]


def test_too_little_memory_for_anything_is_said(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_hook(monkeypatch, Hungry(10))
    with pytest.raises(WorkError, match="needs more memory than is free"):
        train(*pair, TINY, steps=2, device="cpu")


# Progress


def test_every_step_is_told_and_snapshots_paint_at_once(pair: Pair) -> None:
    seen: list[Progress] = []
    painted: list[np.ndarray] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == 2:
            painted.append(np.asarray(progress.snapshot().apply(pair[1], blend=False)))

    model = train(*pair, TINY, steps=5, on_progress=watch, device="cpu", name="x")
    assert [progress.step for progress in seen] == [1, 2, 3, 4, 5]
    assert {progress.steps for progress in seen} == {5}
    assert all(np.isfinite(list(progress.losses.values())).all() for progress in seen)
    assert {"pixel", "adversarial", "features", "discriminator"} <= seen[0].losses.keys()
    assert seen[0].preview is not None
    assert seen[0].preview.dtype == np.uint8
    assert max(seen[0].preview.shape) <= 384
    assert seen[-1].seconds >= seen[0].seconds >= 0
    assert painted[0].shape == (48, 64, 3)
    assert not np.array_equal(painted[0], np.asarray(model.apply(pair[1], blend=False)))


def test_a_mending_training_paints_with_patches_until_the_network_is_better(pair: Pair) -> None:
    """However short it is, it is never worse than no training."""
    first: list[Model] = []
    quick = train(
        *pair, MENDING, steps=2, on_progress=lambda p: first.append(p.snapshot()), device="cpu"
    )
    patches = np.asarray(train(*pair, "instant", device="cpu").apply(pair[1], blend=False))
    for model in (first[0], quick):
        assert model.description.trust == 0
        assert np.array_equal(np.asarray(model.apply(pair[1], blend=False)), patches)


def test_previews_begin_with_patches_show_the_network_and_end_with_the_model(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepsim_engine.training._PREVIEW_PAUSE", 0.001)
    monkeypatch.setattr("deepsim_engine.training._FIRST_PAUSE", 0.001)
    monkeypatch.setattr("deepsim_engine.training._PREVIEW_SHARE", 1e9)  # after every step
    seen: list[np.ndarray] = []

    def watch(progress: Progress) -> None:
        assert progress.preview is not None
        seen.append(progress.preview)

    model = train(*pair, MENDING, steps=4, on_progress=watch, device="cpu")
    patches = np.asarray(train(*pair, "instant", device="cpu").apply(pair[1], blend=False))
    assert np.array_equal(seen[0], patches)
    assert not np.array_equal(seen[1], patches)
    assert not np.array_equal(seen[2], seen[1])
    assert np.array_equal(seen[-1], np.asarray(model.apply(pair[1], blend=False)))


def test_snapshots_do_not_change_while_training_goes_on(pair: Pair) -> None:
    taken: list[tuple[Model, str]] = []

    def watch(progress: Progress) -> None:
        model = progress.snapshot()
        taken.append((model, checkpoints.checksum(model._tensors())))

    train(*pair, TINY, steps=3, on_progress=watch, device="cpu")
    assert len({digest for _, digest in taken}) == 3
    assert all(model.id == digest[: len(model.id)] for model, digest in taken)


def test_a_budget_in_seconds_counts_down_and_ends(pair: Pair) -> None:
    left: list[float] = []
    model = train(
        *pair,
        TINY,
        seconds=1.5,
        on_progress=lambda p: left.append(p.seconds_left or 0),
        device="cpu",
    )
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left)  # on a slow machine it may be one step
    assert left[-1] < 1.5
    assert model.description.steps == len(left)


def test_the_number_format_is_chosen_by_the_device_and_told(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for able, name in ((False, "cpu float32"), (True, "cpu bfloat16")):
        monkeypatch.setattr("deepsim_engine.devices._cpu_has_bfloat16", lambda able=able: able)
        model = train(*pair, TINY, steps=1, device="cpu")
        assert model.description.computed == name
        assert all(tensor.isfinite().all() for tensor in model.generator.state_dict().values())


def test_instant_tells_its_progress_and_can_be_stopped(pair: Pair) -> None:
    seen: list[Progress] = []
    model = train(*pair, "instant", on_progress=seen.append, device="cpu")
    assert len(seen) == 1
    assert seen[0].preview is not None
    assert seen[0].snapshot() is model
    with pytest.raises(Stopped):
        train(*pair, "instant", should_stop=lambda: True, device="cpu")


# Sizes, presets, input


@pytest.mark.parametrize("size", [(4, 4), (5, 90), (33, 17)])
def test_pictures_of_any_size_can_be_learnt(size: tuple[int, int]) -> None:
    segments = np.zeros((*size, 3), np.uint8)
    segments[: size[0] // 2] = 255
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    for preset in (TINY, MENDING, replace(TINY, crop=0)):
        model = train(
            image, Primitive.from_layers(segments=segments), preset, steps=1, device="cpu"
        )
        assert np.asarray(model.apply(model.primitive, blend=False)).shape == image.shape


def test_large_pictures_are_learnt_smaller_and_painted_at_full_size(pair: Pair) -> None:
    model = train(*pair, TINY, steps=1, size=32, device="cpu")
    assert model.description.size == (64, 48)
    assert model.description.working_size == (32, 24)
    assert model.apply(pair[1], blend=False).size == (64, 48)


@pytest.mark.parametrize("kind", ["edges", "segments", "painting"])
def test_every_kind_of_drawing_can_be_learnt(pair: Pair, kind: str) -> None:
    image, both = pair
    assert both.palette is not None
    assert both.classes is not None
    primitive = {
        "edges": Primitive.from_layers(edges=both.edges),
        "segments": Primitive.from_layers(segments=both.palette.paint(both.classes)),
        "painting": Primitive.from_layers(painting=image // 64 * 64),
    }[kind]
    for preset in (TINY, MENDING):
        model = train(image, primitive, preset, steps=1, device="cpu")
        assert model.description.kind == kind
        assert model.apply(primitive).size == (64, 48)


def test_the_paper_preset_is_the_published_recipe() -> None:
    assert (PAPER.crop, PAPER.batch, PAPER.learning_rate, PAPER.betas) == (0, 1, 2e-4, (0.5, 0.999))
    assert (PAPER.steps, PAPER.schedule) == (16000, "linear")
    assert (PAPER.losses.perceptual, PAPER.losses.feature_matching) == (10, 10)
    assert (PAPER.augmentation.tps, PAPER.discriminator.scales) == (0.1, 2)


def test_the_papers_networks_train_on_whole_pictures(pair: Pair) -> None:
    """The published recipe with fewer channels: the same path through the code."""
    narrow = replace(
        PAPER,
        generator=replace(PAPER.generator, widths=(4, 8, 16, 16, 16), depth=1),
        losses=replace(PAPER.losses, perceptual=0.0),
    )
    losses: list[dict[str, float]] = []
    model = train(
        *pair, narrow, steps=2, device="cpu", on_progress=lambda p: losses.append(p.losses)
    )
    assert {"features", "adversarial", "discriminator"} <= losses[-1].keys()
    assert model.apply(pair[1], blend=False).size == (64, 48)


def test_presets_promise_something_and_unknown_ones_are_refused(pair: Pair) -> None:
    assert list(presets.PRESETS) == ["instant", "draft", "standard", "paper"]
    assert all(preset.promise for preset in presets.PRESETS.values())
    with pytest.raises(InputError, match=r"no preset 'fast'; choose one of instant, draft"):
        train(*pair, "fast")


def test_bad_input_is_refused_before_anything_starts(pair: Pair, tmp_path: Path) -> None:
    image, primitive = pair
    with pytest.raises(InputError, match=r"image is 64 x 40 .* primitive is 64 x 48"):
        train(image[:40], primitive)
    with pytest.raises(InputError, match="float64"):
        train(image / 255, primitive)
    with pytest.raises(InputError, match="device 'cuda:99' is not there"):
        train(image, primitive, device="cuda:99")
    with pytest.raises(InputError, match="seconds"):
        train(image, primitive, seconds=-1)
    with pytest.raises(InputError, match="steps"):
        train(image, primitive, steps=0)
    with pytest.raises(InputError, match="size"):
        train(image, primitive, size=3)
    with pytest.raises(InputError, match=r"seed .* too large"):
        train(image, primitive, TINY, seed=2**63, device="cpu")
    with pytest.raises(InputError, match="checkpoint"):
        train(image, primitive, resume=True)
    with pytest.raises(InputError, match="does not exist"):
        train(image, primitive, checkpoint=tmp_path / "absent" / "c")
