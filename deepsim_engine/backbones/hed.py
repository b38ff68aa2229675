"""Holistically-Nested Edge Detection (Xie and Tu, ICCV 2015): edges as a person would draw them.

Five 1x1 convolutions read the last layer of every VGG16 block; their outputs, brought to the
picture's size, are fused by one more.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepsim_engine.backbones.vgg import CAFFE, VGG16_DEPTHS, WIDTHS, Vgg
from deepsim_engine.backbones.weights import hed_weights

TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
LONGEST_SIDE = 1024  # beyond it the picture is shrunk first: HED knows edges of BSDS500's scale


class Hed(nn.Module):
    """VGG16, its five side outputs and their fusion."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Vgg(VGG16_DEPTHS, TAPS, CAFFE)
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in WIDTHS)
        self.fuse = nn.Conv2d(len(WIDTHS), 1, 1)
        self.requires_grad_(False)

    def load(self, tensors: dict[str, Tensor]) -> "Hed":
        """Fill in the tensors of the converted weights file."""
        self.trunk.load(tensors)
        for number, side in enumerate(self.sides, 1):
            side.load_state_dict({k: tensors[f"side{number}.{k}"] for k in ("weight", "bias")})
        self.fuse.load_state_dict({k: tensors[f"fuse.{k}"] for k in ("weight", "bias")})
        return self

    def forward(self, image: Tensor) -> Tensor:
        """Picture (N, 3, H, W), RGB in 0..1 -> edge probability (N, 1, H, W)."""
        size = image.shape[-2:]
        taps = self.trunk(image)
        sides = [
            F.interpolate(side(taps[tap]), size=size, mode="bilinear", align_corners=False)
            for tap, side in zip(TAPS, self.sides, strict=True)
        ]
        return torch.sigmoid(self.fuse(torch.cat(sides, 1)))


@torch.inference_mode()
def edge_probability(image: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """Probability of an edge at each pixel.

    Args:
        image: (H, W, 3) uint8 RGB.
        device: where to compute.

    Returns:
        (H, W) float32 in 0..1.

    Raises:
        InputError: the HED weights are not installed.
    """
    network = Hed().load(hed_weights()).to(device)
    x = torch.from_numpy(np.array(image)).to(device).permute(2, 0, 1)[None].float() / 255
    height, width = x.shape[-2:]
    shrink = min(1.0, LONGEST_SIDE / max(height, width))
    if shrink < 1.0:
        inside = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        x = F.interpolate(x, size=inside, mode="bilinear", antialias=True, align_corners=False)
    edges = network(x)
    if shrink < 1.0:
        edges = F.interpolate(edges, size=(height, width), mode="bilinear", align_corners=False)
    return edges[0, 0].float().cpu().numpy()
