"""The losses of the generator and the discriminator; each returns one number per call."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepsim_engine.backbones.vgg import Vgg


def least_squares(verdicts: Sequence[list[Tensor]], real: bool) -> Tensor:
    """LSGAN (Mao et al. 2017): mean squared distance of the verdicts to 1 (real) or 0.

    `verdicts` holds per scale the discriminator's activations, verdicts last.
    """
    target = 1.0 if real else 0.0
    parts = [(layers[-1].float() - target).square().mean() for layers in verdicts]
    return torch.stack(parts).mean()


def feature_matching(fake: Sequence[list[Tensor]], real: Sequence[list[Tensor]]) -> Tensor:
    """Mean absolute difference of the discriminator's activations, verdicts left out."""
    parts = [
        F.l1_loss(ours.float(), theirs.detach().float())
        for fake_layers, real_layers in zip(fake, real, strict=True)
        for ours, theirs in zip(fake_layers[:-1], real_layers[:-1], strict=True)
    ]
    return torch.stack(parts).mean()


class PerceptualLoss(nn.Module):
    """What two pictures have apart as a backbone sees them (Gatys et al., Johnson et al. 2016).

    `content` compares activations place by place, `style` their correlations within each quarter
    of the crop: whether texture is the same, wherever exactly its hairs lie. Each tap is measured
    in units of its own mean on the training picture, so that weights mean the same for every
    backbone and layer.
    """

    def __init__(self, backbone: Vgg, weights: Sequence[tuple[str, float]], picture: Tensor):
        """`picture`: (N, 3, H, W) in -1..1, on the backbone's device."""
        super().__init__()
        self.backbone = backbone
        self.weights = dict(weights)
        with torch.no_grad():
            taps = backbone(to_unit(picture))
        self.units = {
            tap: taps[tap].mean(dtype=torch.float32).clamp_min(1e-6).to(taps[tap].dtype)
            for tap in self.weights
        }

    def forward(self, fake: Tensor, real: Tensor, style: bool = True) -> tuple[Tensor, Tensor]:
        """Content and style loss of pictures (N, 3, H, W) in -1..1; gradients reach `fake` only.

        Without `style` the second is 0.
        """
        with torch.no_grad():
            theirs = self.features(real)
        return self.compare(self.features(fake), theirs, style)

    def features(self, picture: Tensor) -> dict[str, Tensor]:
        """What the backbone sees in pictures (N, 3, H, W) in -1..1, by tap."""
        found: dict[str, Tensor] = self.backbone(to_unit(picture))
        return found

    def compare(
        self, ours: dict[str, Tensor], theirs: dict[str, Tensor], style: bool
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, of what `features` returned."""
        device = next(iter(ours.values())).device
        content = torch.zeros((), device=device)
        texture = torch.zeros((), device=device)
        for tap, weight in self.weights.items():
            unit = self.units[tap]
            a, b = ours[tap] / unit, theirs[tap] / unit
            content = content + weight * (a - b).abs().mean(dtype=torch.float32)
            if style:
                apart = (correlations(a) - correlations(b)).abs()
                texture = texture + weight * apart.mean(dtype=torch.float32)
        return content, texture


def correlations(features: Tensor, parts: int = 2) -> Tensor:
    """Gram matrices of activations (N, C, h, w) in each of parts x parts tiles: (M, C, C)."""
    _, channels, height, width = features.shape
    rows, columns = max(1, height // parts), max(1, width // parts)
    tiles = features.unfold(2, rows, rows).unfold(3, columns, columns)
    flat = tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels, rows * columns)
    return flat @ flat.transpose(1, 2) / (rows * columns)


def to_unit(picture: Tensor) -> Tensor:
    """-1..1 -> 0..1."""
    return (picture + 1) * 0.5
