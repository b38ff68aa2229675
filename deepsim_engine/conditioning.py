"""How a primitive and its picture lie on the device, and how networks see them.

Classes stay class numbers (fetched from the nearest pixel, then one-hot: no class is ever
invented by interpolation). Edges lie as the distance to the nearest line, which is smooth where
the line itself is one pixel wide: a warped distance gives back a thin, unbroken line, and tells
pixels beside it how far it is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepsim_engine import tps
from deepsim_engine.primitive import Primitive

FAR = 32.0  # pixels; lines further away look alike
LINE_WIDTH = 0.7  # pixels; at a distance of one pixel a line has all but vanished
GLOW_WIDTH = 8.0  # pixels
_ON_LINE = math.exp(-((0.6 / LINE_WIDTH) ** 2))  # value of a line up to 0.6 pixels beside it


@dataclass(frozen=True)
class Condition:
    """A primitive on a device.

    Attributes:
        class_count: number of classes, 0 without segments.
        classes: (1, H, W) float32 class numbers, or None.
        distance: (1, H, W) float32 pixels to the nearest edge, at most FAR, or None.
        painting: (3, H, W) float32 in -1..1, or None.
    """

    class_count: int
    classes: Tensor | None
    distance: Tensor | None
    painting: Tensor | None

    @classmethod
    def of(cls, primitive: Primitive, device: torch.device) -> "Condition":
        """Bring a primitive onto the device."""
        classes = distance = painting = None
        count = 0
        if primitive.classes is not None:
            assert primitive.palette is not None  # noqa: S101  (holds for every Primitive)
            count = len(primitive.palette)
            classes = torch.from_numpy(primitive.classes.astype(np.float32))[None].to(device)
        if primitive.edges is not None:
            distance = torch.from_numpy(edge_distance(primitive.edges))[None].to(device)
        if primitive.painting is not None:
            painting = picture_tensor(primitive.painting, device)
        return cls(count, classes, distance, painting)

    @property
    def channels(self) -> int:
        """Number of channels that `encode` and `at` return."""
        lines = 2 if self.distance is not None else 0
        return self.class_count + lines + (3 if self.painting is not None else 0)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        part = next(p for p in (self.classes, self.distance, self.painting) if p is not None)
        return part.shape[1], part.shape[2]

    def encode(self, rows: slice = slice(None), columns: slice = slice(None)) -> Tensor:
        """The primitive, or a part, as networks see it: (1, C, H, W) float32."""
        planes = (self.classes, self.distance, self.painting)
        parts = (None if plane is None else plane[None, :, rows, columns] for plane in planes)
        return self._encode(*parts)

    def at(self, points: Tensor) -> Tensor:
        """The primitive at points (N, h, w, 2) (see tps.sample): (N, C, h, w) float32."""
        classes = None if self.classes is None else tps.sample(self.classes, points, "nearest")
        distance = None if self.distance is None else tps.sample(self.distance, points)
        painting = None if self.painting is None else tps.sample(self.painting, points)
        return self._encode(classes, distance, painting)

    def drawn(self, encoded: Tensor) -> Tensor:
        """What `encode` or `at` returned, as Primitive.to_tensor would give it: lines 0 or 1."""
        if self.painting is not None:
            return encoded
        classes = encoded[:, : self.class_count]
        if self.distance is None:
            return classes
        line = encoded[:, self.class_count : self.class_count + 1] > _ON_LINE
        return torch.cat([classes, line.float()], 1)

    def _encode(
        self, classes: Tensor | None, distance: Tensor | None, painting: Tensor | None
    ) -> Tensor:
        parts = []
        if classes is not None:
            numbers = torch.arange(self.class_count, device=classes.device).view(1, -1, 1, 1)
            parts.append((classes == numbers).float())
        if distance is not None:
            parts.append(torch.exp(-(distance / LINE_WIDTH).square()))
            parts.append(torch.exp(-distance / GLOW_WIDTH))
        if painting is not None:
            parts.append(painting)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def picture_tensor(pixels: np.ndarray, device: torch.device) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W) float32 in -1..1."""
    tensor = torch.from_numpy(np.array(pixels)).to(device)
    return tensor.permute(2, 0, 1).float().div(127.5).sub(1).contiguous()


def picture_pixels(tensor: Tensor) -> np.ndarray:
    """(3, H, W) in -1..1 -> (H, W, 3) uint8, rounded and clipped."""
    values = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255)
    return values.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


def edge_distance(edges: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (H, W) float32: pixels to the nearest edge, at most FAR."""
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415  (slow to import)

    if not edges.any():
        return np.full(edges.shape, FAR, np.float32)
    return np.minimum(distance_transform_edt(~edges), FAR).astype(np.float32)
