"""A pair, and presets that learn a little of it in no time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data

from deepsim_engine.edges import extract_edges
from deepsim_engine.presets import DiscriminatorConfig, GeneratorConfig, LossConfig, Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.segmentation import segment

TINY = Preset(
    name="tiny",
    promise="for tests",
    crop=32,
    generator=GeneratorConfig(widths=(8, 16), depth=1),
    discriminator=DiscriminatorConfig(base=8, layers=2),
    losses=LossConfig(perceptual=0.0),
)
MENDING = replace(TINY, generator=replace(TINY.generator, patches=True))

Pair = tuple[np.ndarray, Primitive]


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A rocket, 64 x 48, and its segments and edges."""
    image = np.asarray(Image.fromarray(data.rocket()).crop((180, 60, 460, 270)).resize((64, 48)))
    primitive = Primitive.from_layers(segments=segment(image, 4), edges=extract_edges(image))
    return image, primitive


def after(calls: int) -> Callable[[], bool]:
    """A should_stop that says yes when it is asked for the time numbered `calls`."""
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked >= calls

    return should_stop
