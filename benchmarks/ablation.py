"""What each part of a learned preset is worth: variants of it, trained for the same time.

    python benchmarks/ablation.py FOLDER [--preset draft] [--size 256] [--seconds 60 | --steps N]
        [--seeds 0,1,2] [--variants as-is,no-adversarial] [--out rows.json]

FOLDER is one for `deepsim evaluate`. Prints one row per variant and seed: steps made, how far the
network is trusted, and the judges' means over the held-out frames; of the network alone as well.
`--list` names the variants; names joined by + make one of several.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import deepsim_engine as ds
from deepsim_engine import presets
from deepsim_engine.evaluation import dataset, judges
from deepsim_engine.presets import Preset

Change = Callable[[Preset], Preset]
JUDGES = ("lpips-vgg(hed)", "efficientnet-lite0", "psnr")


def generator(**values: Any) -> Change:
    return lambda p: replace(p, generator=replace(p.generator, **values))


def losses(**values: Any) -> Change:
    return lambda p: replace(p, losses=replace(p.losses, **values))


def augmentation(**values: Any) -> Change:
    return lambda p: replace(p, augmentation=replace(p.augmentation, **values))


def recipe(**values: Any) -> Change:
    return lambda p: replace(p, **values)


VARIANTS: dict[str, Change] = {
    "as-is": lambda p: p,
    "without-patches": generator(patches=False),
    "painting-anew": generator(residual=False),
    "mending": generator(residual=True),
    "full-size": generator(fold=1, widths=(32, 64, 128, 192), depth=4),
    "folded": generator(fold=2, widths=(48, 96, 144), depth=2),
    "wide": generator(fold=2, widths=(64, 128, 192), depth=3),
    "narrow": generator(fold=2, widths=(32, 64, 96), depth=2),
    "one-opinion": generator(opinions=1, agreeing=0),
    "no-adversarial": losses(adversarial=0.0, feature_matching=0.0),
    "no-pixel": losses(pixel=0.0),
    "no-perceptual": losses(perceptual=0.0),
    "style": losses(style=0.1),
    "shallow-taps": losses(taps=(("relu1_2", 1.0), ("relu2_2", 1.0))),
    "deep-taps": losses(
        taps=(("relu1_2", 1.0), ("relu2_2", 1.0), ("relu3_3", 1.0), ("relu4_3", 1.0))
    ),
    "batch-1": recipe(batch=1),
    "batch-2": recipe(batch=2),
    "crop-96": recipe(crop=96),
    "crop-192": recipe(crop=192),
    "slow": recipe(learning_rate=3e-4),
    "fast": recipe(learning_rate=2e-3),
    "no-warps": augmentation(tps=0.0),
    "small-warps": augmentation(tps=0.05),
    "large-warps": augmentation(tps=0.15),
    "no-flips": augmentation(flip=False),
    "rotation": augmentation(rotation=10.0),
    "shear": augmentation(shear=0.1),
    "translation": augmentation(translation=0.1),
    "cutmix": augmentation(cutmix=0.5),
    "detectors": augmentation(detectors=(1.5, 2.5)),
}


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    data = dataset.read(options.folder, options.size)
    bench = judges.gather(torch.device("cpu"))
    bench.present = [judge for judge in bench.present if judge.name in JUDGES]
    names = [judge.name for judge in bench.present]
    print(f"{'variant':18} {'seed':>4} {'steps':>5} {'trust':>5}", *(f"{n:>18}" for n in names))

    def judged(model: ds.Model) -> dict[str, float]:
        results = [
            bench.figures(
                np.asarray(model.apply(frame.primitive, blend=False)), frame.truth, data.image
            )
            for frame in data.frames
            if frame.truth is not None
        ]
        return {name: statistics.fmean(result[name] for result in results) for name in names}

    rows = []

    def row(variant: str, seed: int, model: ds.Model) -> None:
        about = model.description
        rows.append({"variant": variant, "seed": seed, "steps": about.steps, "trust": about.trust})
        rows[-1] |= judged(model)
        figures = (f"{rows[-1][name]:18.4f}" for name in names)
        trust = f"{about.trust:5.2f}"
        print(f"{variant:18} {seed:4} {about.steps:5} {trust}", *figures, flush=True)

    row("patches", 0, ds.train(data.image, data.primitive, "instant", device=options.device))
    for seed in options.seeds:
        for name in options.variants:
            model = ds.train(
                data.image,
                data.primitive,
                variant(name, presets.find(options.preset)),
                seconds=options.seconds,
                steps=options.steps,
                seed=seed,
                device=options.device,
                warm_start=None if options.warm_start is None else ds.load(options.warm_start),
            )
            row(name, seed, model)
            if 0 <= model.description.trust < 1:
                model.description = replace(model.description, trust=1.0)
                row(f"{name}, alone", seed, model)
            if options.out is not None:
                options.out.write_text(json.dumps(rows, indent=1))


def variant(name: str, preset: Preset) -> Preset:
    for part in name.split("+"):
        preset = VARIANTS[part](preset)
    return preset


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", default="0", type=lambda t: [int(s) for s in t.split(",")])
    parser.add_argument("--variants", default="as-is", type=known_variants)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-start", type=Path, help="a model to begin with")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--list", action="version", version="\n".join(VARIANTS))
    options = parser.parse_args()
    if options.seconds is None and options.steps is None:
        options.seconds = 60.0
    return options


def known_variants(text: str) -> list[str]:
    for name in text.replace("+", ",").split(","):
        if name not in VARIANTS:
            raise argparse.ArgumentTypeError(f"there is no variant {name!r}; see --list")
    return text.split(",")


if __name__ == "__main__":
    main()
