"""Thin-plate-spline warps, many at once, on the device that trains.

A warp says for every point of the OUTPUT where in the source its value comes from (that is what
grid_sample wants). Points are (x, y) in unit coordinates: (0, 0) is the outer corner of the first
pixel, (1, 1) that of the last, so a warp knows nothing of the picture's size and any window of it
can be sampled alone.

    f(p) = a + B p + sum_i w_i U(|p - c_i|),   U(r) = r^2 log r

(Duchon 1977; Bookstein 1989), with sum w_i = sum w_i c_i = 0. For n = 9 control points c_i on a
3x3 grid that makes one 12x12 linear system.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

GRID = 3
POINTS = GRID * GRID
_CHUNK = 1 << 17
"""Points warped at once: bounds the memory."""


def control_points(dtype: torch.dtype = torch.float64) -> Tensor:
    """The 3x3 control points (9, 2) in unit coordinates, row by row."""
    line = torch.linspace(0, 1, GRID, dtype=dtype)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).view(POINTS, 2)


def _radial(squared: Tensor) -> Tensor:
    """U(r) = r^2 log r from r^2, with U(0) = 0."""
    return 0.5 * torch.xlogy(squared, squared)


def _basis(points: Tensor) -> Tensor:
    """(..., 2) -> (..., 12): U of the distances to the control points, then 1, x, y."""
    centres = control_points(points.dtype).to(points.device)
    squared = (points[..., None, :] - centres).square().sum(-1)
    return torch.cat([_radial(squared), torch.ones_like(points[..., :1]), points], -1)


@dataclass(frozen=True)
class Warps:
    """A batch of warps: spline coefficients and whether to mirror left and right afterwards.

    Attributes:
        coefficients: (N, 12, 2) float32.
        mirrored: (N,) bool.
    """

    coefficients: Tensor
    mirrored: Tensor

    def __len__(self) -> int:
        return len(self.coefficients)

    def source_of(self, points: Tensor) -> Tensor:
        """Where output points (N, ..., 2) come from, in unit coordinates, same shape."""
        flat = points.reshape(len(self), -1, 2)
        x = torch.where(self.mirrored[:, None], 1 - flat[..., 0], flat[..., 0])
        flat = torch.stack([x, flat[..., 1]], -1)
        found = [_basis(part) @ self.coefficients for part in flat.split(_CHUNK, 1)]
        return torch.cat(found, 1).view(points.shape)


def from_displacements(displacements: Tensor, mirrored: Tensor | None = None) -> Warps:
    """The warps that fetch control point c_i from c_i + displacements[:, i].

    Args:
        displacements: (N, 9, 2) in unit coordinates, on the device to warp on.
        mirrored: (N,) bool; none by default.
    """
    centres = control_points()
    system = torch.zeros(POINTS + 3, POINTS + 3, dtype=torch.float64)
    system[:POINTS] = _basis(centres)
    system[POINTS:, :POINTS] = system[:POINTS, POINTS:].T
    # The control points never change, so one inverse (condition number about 50) serves all.
    solution = torch.linalg.inv(system)[:, :POINTS].to(displacements)
    targets = centres.to(displacements) + displacements
    if mirrored is None:
        mirrored = torch.zeros(len(displacements), dtype=torch.bool, device=displacements.device)
    return Warps(solution @ targets, mirrored)


def window_points(origins: Tensor, window: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Pixel centres of windows of a picture, in unit coordinates.

    Args:
        origins: (N, 2) first row and column of each window.
        window: its (height, width).
        size: (height, width) of the whole picture.

    Returns:
        (N, height, width, 2), (x, y).
    """
    rows = torch.arange(window[0], device=origins.device) + 0.5
    columns = torch.arange(window[1], device=origins.device) + 0.5
    y = ((origins[:, :1] + rows) / size[0])[:, :, None].expand(-1, -1, window[1])
    x = ((origins[:, 1:] + columns) / size[1])[:, None, :].expand(-1, window[0], -1)
    return torch.stack([x, y], -1)


def sample(picture: Tensor, points: Tensor, mode: str = "bilinear") -> Tensor:
    """Values of a picture (C, H, W) at points (N, h, w, 2): (N, C, h, w).

    Beyond the border the picture goes on mirrored. `nearest` keeps exact values (classes).
    """
    return F.grid_sample(
        picture.expand(len(points), *picture.shape),
        points * 2 - 1,
        mode=mode,
        padding_mode="reflection",
        align_corners=False,
    )
