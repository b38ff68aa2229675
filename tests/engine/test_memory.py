"""What training announces to need of memory, beside what it uses."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from deepsim_engine.backbones import weights
from deepsim_engine.errors import InputError
from deepsim_engine.memory import estimate_memory
from deepsim_engine.presets import DRAFT, PAPER, Preset
from deepsim_engine.training import train
from tests.engine.conftest import TINY, Pair

PEAK = """
import numpy as np
import torch
from deepsim_engine import presets, training
from deepsim_engine.memory import estimate_memory
from deepsim_engine.primitive import Primitive

def peak():
    # Not ru_maxrss: that begins with the size of the process that started this one.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

side = 96
image = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
segments = np.zeros((side, side, 3), np.uint8)
segments[: side // 2] = 255
primitive = Primitive.from_layers(segments=segments)
before = peak()
training.train(image, primitive, "draft", steps=1, device="cpu")
draft = presets.find("draft")
size, channels = primitive.size, primitive.channels
print(peak() - before, estimate_memory(draft, size, channels, torch.device("cpu")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not weights.available(), reason="no backbone installed (install.py)")
@pytest.mark.skipif(sys.platform != "linux", reason="counts the resident set in kilobytes")
def test_the_memory_that_is_announced_is_about_what_is_used() -> None:
    told = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    used, announced = map(int, told.stdout.split())
    assert 0.8 * used < announced < 3 * used


def test_announced_memory_grows_with_the_picture_but_not_with_each_step() -> None:
    def announced(preset: Preset, side: int) -> float:
        return estimate_memory(preset, (side, side), 8, torch.device("cpu")) / 2**30

    assert announced(DRAFT, 256) < 1 < announced(DRAFT, 1024) < 2.5
    without = replace(DRAFT, generator=replace(DRAFT.generator, patches=False))
    assert announced(without, 1024) - announced(without, 256) < 0.8
    assert announced(PAPER, 256) > 4


def test_what_does_not_fit_into_memory_is_refused_at_once(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepsim_engine.imaging.available_memory", lambda: 2**20)
    with pytest.raises(InputError, match="memory"):
        train(*pair, TINY, steps=1, device="cpu")
