"""Looking at a training before it is begun: what it will take, and what may be wrong with it.

Nothing is trained and nothing is refused: what training would refuse is among the warnings.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from deepsim_engine import devices, presets, speed
from deepsim_engine.budget import Budget, planned_budget
from deepsim_engine.colours import hex_colour
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import (
    Mask,
    Pixels,
    as_pixels,
    available_memory,
    check_same_size,
    describe_size,
    split_alpha,
)
from deepsim_engine.memory import estimate_memory
from deepsim_engine.palette import UNPAINTED_BELOW, Palette
from deepsim_engine.presets import Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.training import check_numbers
from deepsim_engine.training_pair import working_size

_SPARSE = 0.6
"""Share of the layer below which segments that leave a part free are worth a word."""
_GAPS = 0.02
"""Share below which what is left free looks forgotten rather than meant."""
_FEW = 0.001
"""Share of a layer's pixels below which a drawing is almost empty, or a class hardly there."""
_COARSE = 0.5
"""Working scale below which the picture's detail cannot be learned."""
_INSTANT_SECONDS = (0.5, 6.0)
"""What a model without training takes at `_USUAL_SPEED`."""
_SET_UP_SECONDS = (1.0, 15.0)
"""What a training takes before its first step at `_USUAL_SPEED`."""
_USUAL_SPEED = 1.2e11
"""Operations per second of the machine where those were measured (two cores, AVX2)."""
_LATENESS = 1.05
"""A budget in seconds is kept within 5 %."""


@dataclass(frozen=True)
class Inspection:
    """What is known of a training before it is begun.

    Attributes:
        working_size: (width, height) at which the network would work.
        seconds: (least, most) from the beginning of the training to the model.
        memory: bytes of main memory needed at the peak, roughly and rather too many.
        memory_free: bytes that can be had now, None where the system does not tell.
        ready: whether training would begin; False when it would be refused.
        warnings: sentences for the artist, first why it would be refused.
    """

    working_size: tuple[int, int]
    seconds: tuple[float, float]
    memory: int
    memory_free: int | None
    ready: bool
    warnings: list[str]


@dataclass(frozen=True)
class Snapped:
    """Segments in the exact colours of a palette.

    Attributes:
        segments: (H, W, 4) uint8; what was unpainted is transparent.
        stray: (H, W) bool, pixels whose colour belongs to no class.
        palette: what they were snapped to.
    """

    segments: Pixels
    stray: Mask
    palette: Palette


def inspect(
    image: Any,
    segments: Any = None,
    edges: Any = None,
    painting: Any = None,
    *,
    preset: str | Preset = "draft",
    seconds: float | None = None,
    steps: int | None = None,
    size: int | None = None,
    device: str = "auto",
) -> Inspection:
    """Say what `train` would take and what is noteworthy about its pair.

    Layers as in Primitive.from_layers, the rest as in `train`. It takes part of a second for a
    budget in seconds, a few seconds for one in steps. Raises InputError for an image that is no
    picture, and for a wrong preset, number or device.
    """
    recipe = presets.find(preset) if isinstance(preset, str) else preset
    where = devices.pick(device)
    check_numbers(seconds, steps, size)
    pixels = as_pixels(image)
    layers = {"segments": segments, "edges": edges, "painting": painting}
    drawn = {name: layer for name, layer in layers.items() if layer is not None}
    refusals, warnings, primitive = _look_at(pixels, drawn)
    working = working_size((pixels.shape[1], pixels.shape[0]), size or recipe.longest_side)
    budget = planned_budget(recipe, seconds, steps, where)
    channels = 8 if primitive is None else primitive.channels
    memory = estimate_memory(recipe, working, channels, where)
    free = available_memory()
    if free is not None and memory > free:
        refusals.append(
            f"Training needs about {_gigabytes(memory)} of memory and {_gigabytes(free)} are free:"
            " choose a smaller size or preset, or close other programs."
        )
    if working[0] < _COARSE * pixels.shape[1]:
        warnings.append(
            f"The picture is learned at {working[0]} x {working[1]} pixels and results are enlarged"
            f" {pixels.shape[1] / working[0]:.1f} times: train at a larger size for finer detail."
        )
    return Inspection(
        working_size=working,
        seconds=_duration(recipe, budget, working, channels, where),
        memory=memory,
        memory_free=free,
        ready=not refusals,
        warnings=[*refusals, *warnings],
    )


def snap(segments: Any, palette: Palette | None = None) -> Snapped:
    """Bring a segments layer to the exact colours of `palette`, or of the palette found in it.

    `segments` is a Pillow image or array (H, W), (H, W, 3 or 4) uint8. Unpainted pixels stay
    unpainted. Raises InputError for an empty layer, and when no palette can be found in it.
    """
    pixels = as_pixels(segments, "the segments")
    _, alpha = split_alpha(pixels)
    if alpha is not None and not (alpha >= UNPAINTED_BELOW).any():
        raise InputError("The segments layer is empty: paint flat colours on it.")
    known = palette or Palette.from_segments(pixels)
    open_to_nothing = Palette(known.colours, unpainted=True)
    classes, far = open_to_nothing.snap(pixels)
    stray = np.zeros(classes.shape, np.bool_) if far is None else far.mask
    return Snapped(open_to_nothing.paint(classes), stray, known)


def _look_at(
    image: Pixels, layers: dict[str, Any]
) -> tuple[list[str], list[str], Primitive | None]:
    """Why training would be refused; what else to say; the primitive if there is one.

    Each layer is looked at on its own, so that one that is wrong does not hide another's faults.
    """
    refusals: list[str] = []
    warnings: list[str] = []
    read: dict[str, Any] = {}
    for name, layer in layers.items():
        try:
            read[name] = as_pixels(layer, f"the {name}")
            check_same_size(image, read[name], "the image", f"the {name}")
            alone = Primitive.from_layers(**{name: read[name]})
        except InputError as error:
            refusals.append(_sentence(error))
            continue
        warnings += alone.warnings
        if alone.classes is not None and alone.palette is not None:
            warnings += _about_segments(alone.classes, alone.palette)
        if alone.edges is not None:
            warnings += _about_edges(alone.edges)
        if alone.painting is not None and (alone.painting == alone.painting[0, 0]).all():
            warnings.append("The painting is one flat colour: there is nothing to learn from it.")
    if refusals:
        return refusals, warnings, None
    try:
        return [], warnings, Primitive.from_layers(**read)
    except InputError as error:  # of layers that do not go together, or none
        return [_sentence(error)], warnings, None


def _about_segments(classes: NDArray[np.uint8], palette: Palette) -> list[str]:
    said = []
    count = np.bincount(classes.ravel(), minlength=len(palette))
    free = count[-1] / classes.size if palette.unpainted else 0.0
    if 1 - free < _SPARSE:
        said.append(
            f"The segments cover only {1 - free:.0%} of the layer: the rest is learned as one more"
            " kind of thing, unpainted."
        )
    elif 0 < free < _GAPS:
        where = _where(classes == len(palette) - 1)
        said.append(
            f"The segments leave {count[-1]} pixels unpainted, {where}: they become a kind of"
            " thing of their own; fill them if that is not meant."
        )
    for number, colour in enumerate(palette.colours):
        if (pixels := int(count[number])) < _FEW * classes.size:
            # none where all were lonely and joined what surrounds them
            here = f", {_where(classes == number)}" if pixels else ""
            said.append(
                f"The colour {hex_colour(colour)} covers only {pixels} pixels{here}: too few to"
                " learn from."
            )
    return said


def _about_edges(edges: Mask) -> list[str]:
    drawn = int(edges.sum())
    if drawn < _FEW * edges.size:
        return [
            f"The edges layer is almost empty: its lines are {drawn} pixels long together, in"
            f" {describe_size(edges)} pixels."
        ]
    return []


def _where(mask: Mask) -> str:
    """The box of the largest connected part, in words."""
    parts, count = label(mask, np.ones((3, 3)))
    largest = int(np.bincount(parts.ravel())[1:].argmax())
    rows, columns = find_objects(parts)[largest]
    width, height = columns.stop - columns.start, rows.stop - rows.start
    most = "most of them " if count > 1 else ""
    return f"{most}within {width} x {height} pixels at ({columns.start}, {rows.start})"


def _duration(
    preset: Preset, budget: Budget, working: tuple[int, int], channels: int, device: torch.device
) -> tuple[float, float]:
    """The least and the most seconds to the model."""
    slower = _USUAL_SPEED / speed.flops_per_second(device)
    if not preset.trains:
        return _INSTANT_SECONDS[0] * slower, _INSTANT_SECONDS[1] * slower
    least, most = (limit * slower for limit in _SET_UP_SECONDS)
    if budget.steps is not None:
        step = speed.step_seconds(preset, working, channels, device)
        least, most = least + budget.steps * step[0], most + budget.steps * step[1]
    if budget.seconds is None:
        return least, most
    if budget.steps is None:
        least = most = budget.seconds
    return min(least, budget.seconds), min(most, budget.seconds) * _LATENESS


def _gigabytes(amount: int) -> str:
    return f"{amount / 2**30:.1f} GB"


def _sentence(error: InputError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
