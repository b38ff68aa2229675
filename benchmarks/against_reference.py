"""Ours against the authors' code, on the same pair, with the same perceptual backbone for both.

    python benchmarks/against_reference.py FOLDER --reference CHECKOUT --seconds 60,120,300

CHECKOUT is a copy of github.com/eliahuhorwitz/DeepSIM that you have fetched. It has its own licence
(non-commercial research) and is no part of this project: this benchmark imports its modules
models/networks.py and util/tps_warp.py from there, drives them with the published recipe
(pix2pixHD's global generator, two-scale discriminator, LSGAN, feature matching 10, perceptual 10,
Adam 2e-4, thin-plate warps of 10 %), and copies nothing. Its train.py needs libraries of 2019.

FOLDER is one that `deepsim evaluate` takes. What comes out: step time, inference time, peak memory,
held-out quality at equal seconds, the time that ours needs to reach the reference's, and ratios.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import deepsim_engine as ds
from deepsim_engine import devices, losses, presets
from deepsim_engine.backbones import weights
from deepsim_engine.conditioning import picture_pixels, picture_tensor
from deepsim_engine.errors import InputError
from deepsim_engine.evaluation import dataset as datasets
from deepsim_engine.evaluation.dataset import Dataset
from deepsim_engine.evaluation.perceptual import lpips_on_hed
from deepsim_engine.imaging import Pixels
from deepsim_engine.thumbnails import drawing
from deepsim_engine.trainer import Trainer

_NEEDED = ("models/networks.py", "util/tps_warp.py")
_MULTIPLE = 16  # of the generator's four downsamplings
_APPLIED = 3


class Reference:
    """The published recipe on the authors' network and warp modules."""

    def __init__(self, checkout: Path, data: Dataset, device: torch.device) -> None:
        sys.path.insert(0, str(checkout))
        networks = import_module("models.networks")
        self.warp = import_module("util.tps_warp").tps_warp
        self.device = device
        self.pair = np.concatenate([_fitting(drawing(data.primitive)), _fitting(data.image)], 2)
        self.generator = networks.define_G(3, 3, 64, "global", 4, 9, norm="instance").to(device)
        self.discriminator = networks.define_D(
            6, 64, 3, norm="instance", num_D=2, getIntermFeat=True
        ).to(device)
        self.recipe = presets.PAPER
        picture = picture_tensor(_fitting(data.image), device)
        taps = self.recipe.losses.taps
        backbone = weights.load_backbone(weights.choose(), [tap for tap, _ in taps]).to(device)
        self.perceptual = losses.PerceptualLoss(backbone, taps, picture[None])
        rate, betas = self.recipe.learning_rate, self.recipe.betas
        self.optimizers = [
            torch.optim.Adam(network.parameters(), rate, betas)
            for network in (self.generator, self.discriminator)
        ]

    def step(self) -> None:
        """One warp, one update of both networks."""
        weight = self.recipe.losses
        warped = self.warp(self.pair, 3, self.recipe.augmentation.tps)
        if np.random.default_rng().random() < 0.5:
            warped = warped[:, ::-1]
        both = torch.tensor(np.ascontiguousarray(warped), dtype=torch.float32, device=self.device)
        both = both.permute(2, 0, 1)[None].clamp(0, 255) / 127.5 - 1
        x, y = both[:, :3], both[:, 3:]
        fake = self.generator(x)
        real_layers = self.discriminator(torch.cat([x, y], 1))
        fake_layers = self.discriminator(torch.cat([x, fake.detach()], 1))
        judged = 0.5 * (
            losses.least_squares(real_layers, True) + losses.least_squares(fake_layers, False)
        )
        self._descend(1, judged)
        fake_layers = self.discriminator(torch.cat([x, fake], 1))
        total = weight.adversarial * losses.least_squares(fake_layers, True)
        total = total + weight.feature_matching * losses.feature_matching(fake_layers, real_layers)
        total = total + weight.perceptual * self.perceptual(fake, y, False)[0]
        self._descend(0, total)

    @torch.inference_mode()
    def paint(self, primitive: ds.Primitive) -> Pixels:
        """(H, W, 3) for a drawing."""
        width, height = primitive.size
        x = picture_tensor(_fitting(drawing(primitive)), self.device)[None]
        return picture_pixels(self.generator(x)[0])[:height, :width]

    def _descend(self, which: int, loss: Tensor) -> None:
        self.optimizers[which].zero_grad()
        loss.backward()
        self.optimizers[which].step()


def _fitting(picture: Pixels) -> Pixels:
    """Grown by reflection to sides that the generator can halve four times."""
    below, right = (-side % _MULTIPLE for side in picture.shape[:2])
    return np.pad(picture, ((0, below), (0, right), (0, 0)), mode="reflect")


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reference", type=Path, required=True, help="checkout of DeepSIM")
    parser.add_argument("--seconds", default="60,120,300,600,1200")
    parser.add_argument("--preset", default="draft", help="ours, beside instant and paper")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4, help="steps to time, of each in turn")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="JSON file")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    missing = [name for name in _NEEDED if not (options.reference / name).is_file()]
    if missing:
        parser.error(f"{options.reference} is no checkout of DeepSIM: it lacks {missing[0]}")
    try:
        data = datasets.read(options.folder, options.size)
    except InputError as error:
        parser.error(str(error))
    if options.part:
        print(json.dumps(PARTS[options.part](options, data)))
        return 0
    found: dict[str, Any] = {"folder": data.name, "size": list(data.primitive.size)}
    for part in PARTS:  # each in a process of its own, so that its peak memory is its own
        print(f"{part} ...", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, *sys.argv[1:], "--part", part]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[part] = json.loads(done.stdout.splitlines()[-1])
    found["ratios"] = ratios(found)
    print(json.dumps(found, indent=1))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def steps_in_turn(options: argparse.Namespace, data: Dataset) -> dict[str, Any]:
    """Seconds of a step of either, taken in turn; the published networks, warp included."""
    device = devices.pick(options.device)
    theirs = Reference(options.reference, data, device)
    ours = Trainer(
        data.image,
        data.primitive,
        presets.PAPER,
        backbone=weights.choose(),
        device=device,
        seed=0,
    )
    seconds: dict[str, list[float]] = {"reference": [], "ours": []}
    for _ in range(options.steps + 1):
        for name, step in (("reference", theirs.step), ("ours", lambda: ours.step(0.0))):
            begun = time.monotonic()
            step()
            _wait(device)
            seconds[name].append(time.monotonic() - begun)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def reference_alone(options: argparse.Namespace, data: Dataset) -> dict[str, Any]:
    """Train the reference, judging it whenever one of the seconds is reached."""
    device = devices.pick(options.device)
    judge = _Judge(data, device)
    trained = 0.0
    begun = time.monotonic()
    theirs = Reference(options.reference, data, device)
    quality, steps = {}, 0
    for seconds in _seconds(options):
        while trained < seconds:
            theirs.step()
            _wait(device)
            steps += 1
            now = time.monotonic()
            trained, begun = trained + now - begun, now
        quality[str(seconds)] = judge(theirs.paint)
        begun = time.monotonic()  # judging does not count
    return {
        "steps": steps,
        "lpips": quality,
        "apply": _median_time(lambda: theirs.paint(data.frames[0].primitive), device),
        **_peak(device),
    }


def ours_alone(preset: str, options: argparse.Namespace, data: Dataset) -> dict[str, Any]:
    """Train ours once for each of the seconds: its schedule is planned for the end."""
    device = devices.pick(options.device)
    judge = _Judge(data, device)
    quality = {}
    trains = presets.find(preset).trains
    for seconds in _seconds(options) if trains else [0.0]:
        model = ds.train(
            data.image,
            data.primitive,
            preset,
            seconds=seconds or None,
            size=options.size,
            device=options.device,
        )
        quality[str(seconds)] = judge(
            lambda primitive, model=model: np.array(model.apply(primitive, blend=False))
        )
    return {
        "lpips": quality,
        "apply": _median_time(lambda: model.apply(data.frames[0].primitive, blend=False), device),
        **_peak(device),
    }


PARTS = {
    "step": steps_in_turn,
    "reference": reference_alone,
    "instant": lambda options, data: ours_alone("instant", options, data),
    "trained": lambda options, data: ours_alone(options.preset, options, data),
    "paper": lambda options, data: ours_alone("paper", options, data),
}


def ratios(found: dict[str, Any]) -> dict[str, Any]:
    """Reference to ours: more than 1 is in our favour."""
    theirs = found["reference"]
    best = min(theirs["lpips"].values())
    result: dict[str, Any] = {"step": found["step"]["reference"] / found["step"]["ours"]}
    for name in ("instant", "trained", "paper"):
        ours = found[name]
        reached = [float(s) for s, value in ours["lpips"].items() if value <= best]
        result[name] = {
            "apply": theirs["apply"] / ours["apply"],
            "peak memory": theirs["peak_mb"] / ours["peak_mb"],
            "lpips at equal seconds": {
                s: theirs["lpips"][s] / value
                for s, value in ours["lpips"].items()
                if s in theirs["lpips"]
            },
            "seconds to the reference's best": min(reached) if reached else None,
        }
    return result


class _Judge:
    """Mean lpips-vgg(hed) over the held-out frames that have a true picture."""

    def __init__(self, data: Dataset, device: torch.device) -> None:
        self.frames = [frame for frame in data.frames if frame.truth is not None]
        self.measure = lpips_on_hed(device)
        self.device = device

    def __call__(self, paint: Any) -> float:
        figures = []
        for frame in self.frames:
            pair = (
                torch.tensor(picture, device=self.device).permute(2, 0, 1) / 255
                for picture in (paint(frame.primitive), frame.truth)
            )
            figures.append(self.measure(*pair))
        return statistics.mean(figures)


def _seconds(options: argparse.Namespace) -> list[float]:
    return sorted(float(part) for part in options.seconds.split(","))


def _median_time(work: Any, device: torch.device) -> float:
    times = []
    for _ in range(_APPLIED):
        begun = time.monotonic()
        work()
        _wait(device)
        times.append(time.monotonic() - begun)
    return statistics.median(times)


def _peak(device: torch.device) -> dict[str, float]:
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}
    if device.type == "cuda":
        found["gpu_peak_mb"] = torch.cuda.max_memory_allocated(device) / 2**20
    return found


def _wait(device: torch.device) -> None:
    """Work on a GPU goes on after the call that asked for it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    sys.exit(main())
