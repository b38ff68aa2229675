"""Descriptors of pixels: principal components of the patches around them, at several scales."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_FIT_PATCHES = 6000
_POWER_ROUNDS = 6


@dataclass(frozen=True)
class PatchBasis:
    """A linear projection of p x p patches, written as a convolution.

    Attributes:
        weight: (D, C, p, p).
        bias: (D,).
    """

    weight: Tensor
    bias: Tensor

    @property
    def dims(self) -> int:
        """Number of components D."""
        return self.weight.shape[0]

    def __call__(self, x: Tensor) -> Tensor:
        """Project the patch around every pixel of `x` (C, H, W); returns (D, H, W).

        Squared distances between results are those of the patches, but for the variance that the
        dropped components hold, in units of the total variance of the patches that the basis was
        fitted to. Beyond the border the picture is replicated.
        """
        pad = self.weight.shape[-1] // 2
        return F.conv2d(F.pad(x[None], (pad,) * 4, mode="replicate"), self.weight, self.bias)[0]


def fit_basis(x: Tensor, patch: int, dims: int, generator: torch.Generator) -> PatchBasis:
    """Principal components of the patches of `x` (C, H, W), from a random sample of them."""
    channels, height, width = x.shape
    pad = patch // 2
    padded = F.pad(x[None], (pad,) * 4, mode="replicate")[0]
    count = min(_FIT_PATCHES, height * width)
    chosen = torch.randperm(height * width, generator=generator)[:count].to(x.device)
    windows = padded.unfold(1, patch, 1).unfold(2, patch, 1)
    sample = windows[:, chosen // width, chosen % width].transpose(0, 1).reshape(count, -1)
    mean, axes, variance = principal_axes(sample, dims, generator)
    weight = axes.T / variance.sqrt()
    return PatchBasis(weight.reshape(-1, channels, patch, patch).contiguous(), -(weight @ mean))


def principal_axes(
    sample: Tensor, dims: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Where a sample (N, D) varies most.

    Returns:
        Its mean (D,), `dims` (at most D) orthonormal axes (D, dims) that span the leading principal
        components, in no order, and its total variance (), at least 1e-6.
    """
    mean = sample.mean(0)
    centred = sample - mean
    covariance = centred.T @ centred
    size = covariance.shape[0]
    # subspace iteration spans the leading components; eigh can fail on repeated eigenvalues
    axes = torch.randn(size, min(dims, size), generator=generator).to(sample)
    for _ in range(_POWER_ROUNDS):
        axes = torch.linalg.qr(covariance @ axes + 1e-6 * axes)[0]
    return mean, axes, centred.square().sum(1).mean().clamp_min(1e-6)


def pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """`x` (C, H, W) and its halvings by area averaging, finest first, `levels` in all."""
    result = [x]
    while len(result) < levels:
        result.append(halve(result[-1]))
    return result


def halve(x: Tensor) -> Tensor:
    """Half the size (rounded up) by area averaging."""
    height, width = x.shape[-2:]
    x = F.pad(x[None], (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(x, 2)[0]


def enlarge(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of `x` (C, h, w) to `size` = (H, W)."""
    return F.interpolate(x[None], size=size, mode="bilinear", align_corners=False)[0]


def position(height: int, width: int, device: torch.device) -> Tensor:
    """Coordinates of pixel centres, 0 to 1 over the picture: (2, height, width), y first."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack([y[:, None].expand(height, width), x[None].expand(height, width)])
