"""Running a generator on a picture of any size, in tiles where it is large."""

import torch
from torch import Tensor, nn

from deepsim_engine import devices

TILE = 768  # pixels; about 0.3 GB of activations
_LARGE = 1024 * 1024  # pixels that are still painted in one go


@torch.inference_mode()
def run_generator(generator: nn.Module, x: Tensor, tile: int = TILE) -> Tensor:
    """The generator on (1, C, H, W) of any size: (3, H, W) float32.

    Sides are grown by mirroring to the multiple that the generator needs, and cut back. Large
    pictures are made in tiles if the generator says how far it looks (`reach`): tiles overlap by
    that much, so that the result is the same.
    """
    height, width = x.shape[-2:]
    reach = getattr(generator, "reach", None)
    if reach is None or (height * width <= _LARGE and tile == TILE):
        return _whole(generator, x)
    multiple = int(generator.multiple)  # type: ignore[arg-type]
    margin = reach + -reach % multiple
    step = max(multiple, tile - tile % multiple)
    result = torch.empty(3, height, width, device=x.device)
    for top in range(0, height, step):
        for left in range(0, width, step):
            above, before = max(0, top - margin), max(0, left - margin)
            bottom, right = min(height, top + step), min(width, left + step)
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
