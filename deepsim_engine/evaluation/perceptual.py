"""LPIPS (Zhang et al., CVPR 2018): how different two pictures look to a classifier's features.

Activations at five depths are normalised over channels; squared differences are weighted by the
linear layers that the lpips package ships, averaged over the picture and summed over depths.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from deepsim_engine.backbones import weights
from deepsim_engine.backbones.hed import TAPS
from deepsim_engine.backbones.vgg import TORCHVISION
from deepsim_engine.evaluation.optional import Missing, package_folder

Features = Callable[[Tensor], list[Tensor]]
"""Picture (N, 3, H, W), RGB in 0..1 -> activations (N, C, h, w), shallow first."""

_EPSILON = 1e-10
_CACHED = {"vgg": "vgg16-397923af.pth", "alex": "alexnet-owt-7be5be79.pth"}
_RECTIFIED = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}


class Lpips:
    """The distance, with a given feature network and its linear weights.

    Attributes:
        name: e.g. `lpips-vgg(hed)`: linear weights for VGG on the HED detector's VGG16. Figures of
            one name are comparable with each other only.
    """

    def __init__(self, name: str, features: Features, linear: Sequence[Tensor]) -> None:
        self.name, self.features, self.linear = name, features, list(linear)

    @torch.inference_mode()
    def __call__(self, result: Tensor, truth: Tensor) -> float:
        """Distance of two pictures (3, H, W), RGB in 0..1; 0 for equal ones."""
        total = 0.0
        layers = self.features(torch.stack([result, truth]))
        for layer, weight in zip(layers, self.linear, strict=True):
            unit = normalised(layer.float())
            apart = (unit[0] - unit[1]).square()
            total += float((apart * weight.to(apart.device).view(-1, 1, 1)).sum(0).mean())
        return total


def normalised(layer: Tensor) -> Tensor:
    """Activations (N, C, h, w), each place scaled to a vector of length 1."""
    return layer / (layer.square().sum(1, keepdim=True).sqrt() + _EPSILON)


def lpips_on_hed(device: torch.device) -> Lpips:
    """`lpips-vgg(hed)`. Raises Missing without lpips, InputError without the HED weights."""
    linear = linear_weights("vgg")
    trunk = weights.load_backbone(weights.HED, TAPS).to(device)

    def features(pictures: Tensor) -> list[Tensor]:
        found = trunk(pictures)
        return [found[tap] for tap in TAPS]

    return Lpips("lpips-vgg(hed)", features, linear)


def lpips_original(network: str, device: torch.device) -> Lpips:
    """`lpips-vgg` or `lpips-alex` as published, on torchvision's ImageNet weights.

    `network` is vgg or alex. Raises Missing when its weights are not in torch's cache.
    """
    linear = linear_weights(network)
    path = weights.torch_cache() / _CACHED[network]
    if not path.is_file():
        raise Missing(f"{_CACHED[network]} is not in {path.parent}")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return Lpips(f"lpips-{network}", rectified_layers(network, stored, device), linear)


def rectified_layers(network: str, stored: dict[str, Tensor], device: torch.device) -> Features:
    """The five tapped layers of torchvision's VGG16 or AlexNet with weights `features.N...`."""
    make = {"vgg": torchvision.models.vgg16, "alex": torchvision.models.alexnet}[network]
    with torch.device("meta"):
        trunk: nn.Sequential = make().features
    prefix = "features."
    own = {key.removeprefix(prefix): stored[key] for key in stored if key.startswith(prefix)}
    trunk.load_state_dict(own, assign=True)
    trunk.to(device).eval().requires_grad_(False)
    mean, std = (
        torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (TORCHVISION.mean, TORCHVISION.std)
    )
    taps = _RECTIFIED[network]

    def features(pictures: Tensor) -> list[Tensor]:
        x, found = (pictures - mean) / std, []
        for number, layer in enumerate(trunk):
            # out of place, so that the layer before keeps its values
            x = F.relu(x) if isinstance(layer, nn.ReLU) else layer(x)
            if number in taps:
                found.append(x)
        return found

    return features


def linear_weights(network: str) -> list[Tensor]:
    """The lpips package's weights (version 0.1), one (C,) per layer. Raises Missing."""
    path = package_folder("lpips", "lpips") / "weights" / "v0.1" / f"{network}.pth"
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return [stored[f"lin{number}.model.1.weight"].flatten() for number in range(5)]
