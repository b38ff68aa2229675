"""What every training step does to the pair: a fresh warp, a mirror image, a random crop, lines.

Random numbers come from a generator on the CPU (a few dozen a step), so that the same seed gives
the same warps on every device and a checkpoint can store the state.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from deepsim_engine import tps
from deepsim_engine.conditioning import Condition, edge_distance
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels

T = TypeVar("T")


@dataclass(frozen=True)
class Augmentation:
    """Strength of each augmentation; lengths are shares of the picture's side.

    Attributes:
        tps: largest shift of a control point along each axis (the paper: 0.1).
        flip: mirror half of the samples.
        rotation: largest turn in degrees.
        shear: largest shear.
        translation: largest shift of the whole.
        cutmix: share of samples that get a rectangle of their neighbour in the batch.
        plain: share of samples that are not warped at all.
        detectors: sigmas of Canny. Where lines are drawn, samples see as often as the drawn ones
            those that are found anew in the picture at each of these: so that lines from another
            detector, or another hand, mean the same.
    """

    tps: float = 0.1
    flip: bool = True
    rotation: float = 0.0
    shear: float = 0.0
    translation: float = 0.0
    cutmix: float = 0.0
    plain: float = 0.0
    detectors: tuple[float, ...] = ()


def _uniform(shape: tuple[int, ...], limit: float, random: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=random) * 2 - 1) * limit


def random_warps(
    count: int,
    config: Augmentation,
    random: torch.Generator,
    device: torch.device,
    aspect: float = 1.0,
) -> tps.Warps:
    """`count` fresh warps as `config` asks for, of pictures `aspect` times as wide as high."""
    shifts = _uniform((count, tps.POINTS, 2), config.tps, random)
    shifts = shifts + _affine_shifts(count, config, random, aspect)
    kept = torch.rand(count, generator=random) >= config.plain
    mirrored = (torch.rand(count, generator=random) < 0.5) & config.flip
    return tps.from_displacements((shifts * kept[:, None, None]).to(device), mirrored.to(device))


def drawings(condition: Condition, colour: Pixels, config: Augmentation) -> list[Condition]:
    """The drawing, and what it becomes with the lines of each of `config.detectors`.

    A sigma at which the picture (H, W, 3) has no lines at all is left out.
    """
    found = [condition]
    if condition.distance is None or not config.detectors:
        return found
    from deepsim_engine.edges import extract_edges  # noqa: PLC0415 - scikit-image takes a while

    for sigma in config.detectors:
        try:
            lines = edge_distance(extract_edges(colour, sigma=sigma))
        except InputError:
            continue
        distance = torch.from_numpy(lines)[None].to(condition.distance.device)
        found.append(replace(condition, distance=distance))
    return found


def one_of(choices: Sequence[T], random: torch.Generator) -> T:
    """One of them, each as likely; takes no random number where there is no choice."""
    if len(choices) == 1:
        return choices[0]
    return choices[int(torch.randint(len(choices), (1,), generator=random))]


def _affine_shifts(
    count: int, config: Augmentation, random: torch.Generator, aspect: float
) -> Tensor:
    """Rotation, shear and translation about the centre, as shifts of the control points."""
    angle = _uniform((count,), math.radians(config.rotation), random)
    shear = _uniform((count,), config.shear, random)
    shift = _uniform((count, 1, 2), config.translation, random)
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack([cos, -sin + shear, sin, cos], -1).view(count, 2, 2)
    centred = tps.control_points(torch.float32) - 0.5
    scale = torch.tensor([aspect, 1.0])  # to square units and back, so that angles stay angles
    return centred * scale @ (matrix - torch.eye(2)).transpose(1, 2) / scale + shift


def random_windows(
    count: int,
    window: tuple[int, int],
    size: tuple[int, int],
    random: torch.Generator,
    device: torch.device,
) -> Tensor:
    """Points (N, h, w, 2) of windows at random places of a picture; see tps.window_points."""
    room = torch.tensor([size[0] - window[0] + 1, size[1] - window[1] + 1])
    origins = (torch.rand(count, 2, generator=random) * room).floor()
    return tps.window_points(origins.to(device), window, size)


def cutmix(tensors: list[Tensor], share: float, random: torch.Generator) -> list[Tensor]:
    """Paste the same rectangle of the next sample into each tensor (N, C, h, w) of the batch."""
    if share <= 0 or len(tensors[0]) < 2:
        return tensors
    height, width = tensors[0].shape[-2:]
    mask = torch.zeros(len(tensors[0]), 1, height, width, dtype=torch.bool)
    for sample in mask:
        used, top, left, *sides = torch.rand(5, generator=random).tolist()
        if used < share:
            rows, columns = (
                round(height * (0.2 + 0.4 * sides[0])),
                round(width * (0.2 + 0.4 * sides[1])),
            )
            y, x = int(top * (height - rows + 1)), int(left * (width - columns + 1))
            sample[:, y : y + rows, x : x + columns] = True
    return [torch.where(mask.to(t.device), t.roll(1, 0), t) for t in tensors]
