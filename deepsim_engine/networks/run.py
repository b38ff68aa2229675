"""Running a generator on a picture of any size, in tiles where it is large."""

import torch
from torch import Tensor, nn

from deepsim_engine import devices
from deepsim_engine.influence import Box

TILE = 768  # pixels; about 0.3 GB of activations
_LARGE = 1024 * 1024  # pixels that are still painted in one go


@torch.inference_mode()
def run_generator(
    generator: nn.Module, x: Tensor, tile: int = TILE, box: Box | None = None
) -> Tensor:
    """The generator on (1, C, H, W) of any size: (3, H, W) float32.

    Sides are grown by mirroring to the multiple that the generator needs, and cut back. Large
    pictures are made in tiles if the generator says how far it looks (`reach`): tiles overlap by
    that much, so that the result is the same. With `box` (left, top, width, height) only that
    part is sure to be made, with the values that the whole would have there; the rest is 0.
    """
    height, width = x.shape[-2:]
    reach = getattr(generator, "reach", None)
    large = height * width > _LARGE or tile != TILE
    if reach is None or not (large or box):
        return _whole(generator, x)
    multiple = int(generator.multiple)  # type: ignore[arg-type]
    margin = reach + -reach % multiple
    step = max(multiple, tile - tile % multiple)
    first_column, first_row, columns, rows = box or (0, 0, width, height)
    result = torch.zeros(3, height, width, device=x.device)
    for top in range(first_row - first_row % multiple, first_row + rows, step):
        for left in range(first_column - first_column % multiple, first_column + columns, step):
            above, before = max(0, top - margin), max(0, left - margin)
            bottom = min(height, top + step, first_row + rows)
            right = min(width, left + step, first_column + columns)
            part = x[:, :, above : bottom + margin, before : right + margin]
            painted = _whole(generator, part)[
                :, top - above : bottom - above, left - before : right - before
            ]
            result[:, top:bottom, left:right] = painted
    return result


def _whole(generator: nn.Module, x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    multiple = int(generator.multiple)  # type: ignore[arg-type]
    rows, columns = (_mirrored(n, multiple, x.device) for n in (height, width))
    padded = x[:, :, rows][:, :, :, columns].contiguous(memory_format=torch.channels_last)
    with devices.autocast(x.device, devices.compute_dtype(x.device)):
        painted: Tensor = generator(padded)
    return painted[0, :, :height, :width].float()


def _mirrored(length: int, multiple: int, device: torch.device) -> Tensor:
    """Indices 0, 1, ... length - 1, then backwards, up to the next multiple."""
    index = torch.arange(length + -length % multiple, device=device) % (2 * length)
    return torch.where(index < length, index, 2 * length - 1 - index)
