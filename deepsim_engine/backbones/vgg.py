"""The convolutional trunk of VGG (Simonyan and Zisserman, 2014), cut off behind the deepest tap.

Only what the perceptual loss and the HED edge detector need: 3x3 convolutions with ReLU in five
blocks, a 2x2 max pool before every block but the first. Layers are called as in the paper:
`conv3_2` is the second convolution of the third block, the tap `relu3_2` its rectified output.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512)
VGG16_DEPTHS = (2, 2, 3, 3, 3)
VGG19_DEPTHS = (2, 2, 4, 4, 4)


@dataclass(frozen=True)
class Normalisation:
    """Picture in 0..1 (RGB) -> network input: `(scale * channels - mean) / std`."""

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool


CAFFE = Normalisation(255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), bgr=True)
TORCHVISION = Normalisation(1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), bgr=False)


def layer_names(depths: Sequence[int]) -> list[str]:
    """Names `conv1_1`, `conv1_2`, ... in the order of computation."""
    return [f"conv{b}_{i}" for b, depth in enumerate(depths, 1) for i in range(1, depth + 1)]


def parse_tap(tap: str) -> tuple[int, int]:
    """`relu3_2` -> (3, 2). Raises ValueError for anything else."""
    block, separator, index = tap.removeprefix("relu").partition("_")
    if not (tap.startswith("relu") and separator and block.isdigit() and index.isdigit()):
        raise ValueError(f"{tap!r} is not the name of a VGG tap such as relu3_2")
    return int(block), int(index)


class Vgg(nn.Module):
    """VGG trunk that returns the activations at `taps` and computes nothing behind the last one.

    Frozen: its weights never ask for gradients, the input may.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        depths: Sequence[int],
        taps: Iterable[str],
        normalisation: Normalisation,
    ) -> None:
        super().__init__()
        self.taps = tuple(sorted(taps, key=parse_tap))
        known = layer_names(depths)
        wanted = [f"conv{b}_{i}" for b, i in map(parse_tap, self.taps)]
        if not wanted or not set(wanted) <= set(known):
            raise ValueError(f"taps {self.taps} are not all layers of this VGG")
        kept = known[: known.index(wanted[-1]) + 1]
        self.convolutions = nn.ModuleDict()
        channels = 3
        for name in kept:
            width = WIDTHS[int(name[4]) - 1]
            self.convolutions[name] = nn.Conv2d(channels, width, 3, padding=1)
            channels = width
        self.scale, self.bgr = normalisation.scale, normalisation.bgr
        self.register_buffer("mean", torch.tensor(normalisation.mean).view(1, 3, 1, 1), False)
        self.register_buffer("std", torch.tensor(normalisation.std).view(1, 3, 1, 1), False)
        self.requires_grad_(False)
        self.eval()

    @property
    def weight_names(self) -> list[str]:
        """Tensor names that `load` needs: `conv1_1.weight`, `conv1_1.bias`, ..."""
        return [f"{name}.{part}" for name in self.convolutions for part in ("weight", "bias")]

    def load(self, tensors: dict[str, Tensor]) -> "Vgg":
        """Fill in weights named as in `weight_names` (others are ignored)."""
        wanted = {f"convolutions.{name}": tensors[name] for name in self.weight_names}
        self.load_state_dict(wanted)
        return self

    def prepare(self, image: Tensor) -> Tensor:
        """Picture (N, 3, H, W), RGB in 0..1 -> network input of the weights' dtype."""
        x = image.flip(1) if self.bgr else image
        x = (x.float() * self.scale - self.mean.float()) / self.std.float()
        return x.to(self.mean.dtype).contiguous(memory_format=torch.channels_last)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Picture (N, 3, H, W), RGB in 0..1 -> {tap: activation (N, C, h, w)}.

        Pools round up (as HED's do), so that no row of an odd-sized picture is dropped.
        """
        x = self.prepare(image)
        found: dict[str, Tensor] = {}
        block = "1"
        for name, convolution in self.convolutions.items():
            if name[4] != block:
                block = name[4]
                x = F.max_pool2d(x, 2, ceil_mode=True)
            x = F.relu(convolution(x))
            tap = f"relu{name[4:]}"
            if tap in self.taps:
                found[tap] = x
        return found
