"""Blending: every pixel is made of the picture patches that the pixels around it point at."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.patches.search import Field

_CHANNELS = 4
"""Red, green, blue, and 1 where there is a picture: the sum of the weights falls out beside."""


@dataclass(frozen=True)
class Sources:
    """S pictures of one size, laid out for fetching patches of `patch` x `patch` pixels.

    Attributes:
        table: (N, 4) float32, the pixels row by row; around every picture, and behind the last,
            lie zeros, so that every patch around a pixel can be read.
        nowhere: index of a row whose whole patch is zeros.
        width, height: of one picture.
        patch: side of the patches (odd).
    """

    table: Tensor
    nowhere: int
    height: int
    width: int
    patch: int

    @classmethod
    def of(cls, pictures: list[Tensor], patch: int) -> "Sources":
        """Lay out pictures (3, H, W), all of one size."""
        height, width = pictures[0].shape[-2:]
        reach = patch // 2
        planes = torch.stack(pictures)
        planes = torch.cat([planes, torch.ones_like(planes[:, :1])], 1)
        planes = F.pad(planes, (reach,) * 4)
        rows = planes.permute(0, 2, 3, 1).reshape(-1, _CHANNELS)
        beyond = reach * (width + 2 * reach) + reach
        table = torch.cat([rows, rows.new_zeros(2 * beyond + 1, _CHANNELS)])
        return cls(table.contiguous(), len(rows) + beyond, height, width, patch)

    def index(self, row: Tensor, column: Tensor) -> Tensor:
        """Rows of the table for stacked rows and columns (as in `Field`)."""
        reach = self.patch // 2
        source = torch.div(row, self.height, rounding_mode="floor")
        return (row + (2 * source + 1) * reach) * (self.width + 2 * reach) + column + reach


def blend(field: Field, sources: Sources, at: Tensor, sigma: float, chunk: int) -> Tensor:
    """What `field` (h, w) makes of the sources at the pixels `at` (n,) int64: (n, 3).

    Pixel by pixel the weighted mean of what the patches around it propose; the weights are a
    Gaussian of standard deviation `sigma` (pixels) around a patch's centre. `chunk` pixels are
    made at a time.
    """
    patch, width = sources.patch, field.row.shape[1]
    reach = patch // 2
    along = torch.arange(-reach, reach + 1, device=at.device, dtype=torch.int32)
    offset = (along[:, None] * (sources.width + 2 * reach) + along[None]).view(1, -1)
    bell = torch.exp(-along.float().square() / (2 * sigma**2))
    weight = (bell[:, None] * bell[None]).view(1, -1)
    centres = F.pad(sources.index(field.row, field.column), (reach,) * 4, value=sources.nowhere)
    windows = centres.unfold(0, patch, 1).unfold(1, patch, 1)
    found = [sources.table.new_empty(0, 3)]
    for part in at.split(chunk):
        row = torch.div(part, width, rounding_mode="floor")
        votes = windows[row, part % width].view(-1, patch * patch) - offset
        shares = weight.expand(votes.shape).contiguous()
        total = F.embedding_bag(votes, sources.table, mode="sum", per_sample_weights=shares)
        found.append(total[:, :3] / total[:, 3:])
    return torch.cat(found)
