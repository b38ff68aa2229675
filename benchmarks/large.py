"""Memory and time of applying an edit to a large picture.

    python benchmarks/large.py [--side 4096] [--working 4096] [--patches] [--no-blend]

The network has the size of `draft`'s but was not trained: that changes neither. The peak is that of
the whole process, Python and torch included (0.5 GB), on systems that tell.
"""

import argparse
import resource
import sys
import time
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from skimage import data

from deepsim_engine import presets
from deepsim_engine.conditioning import Condition
from deepsim_engine.description import ModelDescription
from deepsim_engine.model import Model
from deepsim_engine.networks.build import build_generator
from deepsim_engine.palette import Palette
from deepsim_engine.primitive import Primitive
from deepsim_engine.training_pair import working_size

CPU = torch.device("cpu")
PALETTE = Palette(np.array([[200, 30, 30], [30, 30, 200]], np.uint8))


def untrained(side: int, working: int, patches: bool) -> Model:
    """A model as `draft` makes it, of a square picture and a drawing of two classes."""
    picture = np.asarray(Image.fromarray(data.astronaut()).resize((side, side)))
    classes = np.zeros((side, side), np.uint8)
    classes[side // 4 : side // 2, side // 4 : side // 2] = 1
    primitive = Primitive(classes, palette=PALETTE)
    draft = presets.as_json(presets.DRAFT)["generator"]
    config = presets.DRAFT.generator
    if not patches:
        draft, config = {**draft, "patches": False}, replace(config, patches=False)
    channels = Condition.of(primitive.resized(16, 16), CPU).channels
    generator = build_generator(config, channels).eval().requires_grad_(False)
    description = ModelDescription(
        name="large",
        kind="segments",
        size=(side, side),
        working_size=working_size((side, side), working),
        preset="draft",
        generator=draft,
        palette=PALETTE.colours.tolist(),
        unpainted=False,
        backbone=None,
        seed=0,
        steps=0,
        seconds=0.0,
        losses={},
        pair_sha256="",
        created="",
        versions={},
    )
    return Model(description, picture, primitive, generator)


def peak() -> float:
    """Most memory so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--working", type=int, default=4096, help="resolution of the network")
    parser.add_argument("--patches", action="store_true", help="a network on top of patches")
    parser.add_argument("--no-blend", action="store_true", help="paint all, not around the edit")
    arguments = parser.parse_args()
    side = arguments.side
    model = untrained(side, arguments.working, arguments.patches)
    classes = model.primitive.classes
    assert classes is not None
    edited = classes.copy()
    edited[side // 2 : side // 2 + side // 100, side // 3 : side // 2] = 1
    before, begun = peak(), time.perf_counter()
    applied = model.apply_with_influence(
        Primitive(edited, palette=PALETTE), blend=not arguments.no_blend
    )
    print(
        f"{side} px, network at {arguments.working} px: {time.perf_counter() - begun:.1f} s,"
        f" {time.process_time():.1f} processor seconds in all, peak {peak():.2f} GB (before:"
        f" {before:.2f}), influence {(applied.influence > 0).mean():.1%} of the picture"
    )


if __name__ == "__main__":
    main()
