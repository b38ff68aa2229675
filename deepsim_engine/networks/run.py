"""Running a generator on a picture of any size, in tiles where it is large."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from deepsim_engine import devices
from deepsim_engine.imaging import Box

TILE = 768  # pixels; about 0.3 GB of activations
_LARGE = 1024 * 1024  # pixels that are still painted in one go


Part = Callable[[slice, slice], Tensor]
"""(1, C, h, w): what a generator sees of these rows and columns of a picture."""


@torch.inference_mode()
def run_on_parts(
    generator: nn.Module,
    part: Part,
    size: tuple[int, int],
    tile: int = TILE,
    box: Box | None = None,
) -> Tensor:
    """The generator on a picture of `size` (height, width): (3, height, width) float32.

    Sides are grown by mirroring to the multiple that the generator needs, and cut back. Large
    pictures are made in tiles if the generator says how far it looks (`reach`): tiles overlap by
    that much, so that the result is the same, and no more than a tile is asked of `part` at once.
    With `box` (left, top, width, height) only that part is sure to be made, with the values that
    the whole would have there; the rest is 0.
    """
    height, width = size
    reach = getattr(generator, "reach", None)
    large = height * width > _LARGE or tile != TILE
    if reach is None or not (large or box):
        return _whole(generator, part(slice(0, height), slice(0, width)))
    multiple = int(generator.multiple)  # type: ignore[arg-type]
    margin = reach + -reach % multiple
    step = max(multiple, tile - tile % multiple)
    first_column, first_row, columns, rows = box or (0, 0, width, height)
    result: Tensor | None = None
    for top in range(first_row - first_row % multiple, first_row + rows, step):
        for left in range(first_column - first_column % multiple, first_column + columns, step):
            above, before = max(0, top - margin), max(0, left - margin)
            bottom = min(height, top + step, first_row + rows)
            right = min(width, left + step, first_column + columns)
            beyond = (min(height, bottom + margin), min(width, right + margin))
            x = part(slice(above, beyond[0]), slice(before, beyond[1]))
            if result is None:
                result = torch.zeros(3, height, width, device=x.device)
            result[:, top:bottom, left:right] = _whole(generator, x)[
                :, top - above : bottom - above, left - before : right - before
            ]
    assert result is not None  # noqa: S101  (there is at least one tile)
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
