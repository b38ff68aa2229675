"""Descriptors of pixels: principal components of the patches around them, at several scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deepsim_engine.patches.window import Window

_FIT_PATCHES = 3000
_POWER_ROUNDS = 4


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

    def __call__(self, x: Tensor, at: Tensor | None = None) -> Tensor:
        """Project the patches around the pixels `at` of `x` (C, H, W), by default all.

        `at` (n,) int64 numbers pixels row by row. Returns (n, D). Squared distances between
        results are those of the patches, but for the variance that the dropped components hold,
        in units of the total variance of the patches that the basis was fitted to. Beyond the
        border the picture is replicated.
        """
        height, width = x.shape[-2:]
        if at is None:
            return self.within(x, Window(0, 0, height, width))
        if not len(at):
            return x.new_empty(0, self.dims)
        window = Window.around(at // width, at % width)
        return self.within(x, window).index_select(0, window.number(at, width))

    def within(self, x: Tensor, window: Window) -> Tensor:
        """As for all pixels, but only those of a window: (n, D), numbered row by row."""
        reach = self.weight.shape[-1] // 2
        wide = window.grown(reach, (x.shape[-2], x.shape[-1]))
        missing = (
            reach - window.left + wide.left,
            reach - wide.right + window.right,
            reach - window.top + wide.top,
            reach - wide.bottom + window.bottom,
        )
        padded = F.pad(wide.cut(x)[None], missing, mode="replicate")
        return rows(F.conv2d(padded, self.weight, self.bias)[0])


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


def edited_pyramid(x: Tensor, known: list[Tensor], edited: Sequence[Window]) -> list[Tensor]:
    """The pyramid of `x`, which differs from a known one in a window of each level only.

    `edited` are the halvings of the finest of these windows.
    """
    if not edited[0].area:
        return [x, *known[1:]]
    result = [x]
    for plane, window in zip(known[1:], edited[1:], strict=True):
        made = plane.clone()
        window.cut(made).copy_(halve(window.doubled().cut(result[-1])))
        result.append(made)
    return result


def halve(x: Tensor) -> Tensor:
    """Half the size (rounded up) by area averaging."""
    height, width = x.shape[-2:]
    x = F.pad(x[None], (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(x, 2)[0]


def rows(x: Tensor) -> Tensor:
    """(D, h, w) -> (h*w, D), contiguous."""
    return x.flatten(1).T.contiguous()


@dataclass(frozen=True)
class Between:
    """Between which coarse pixels each of n fine ones lies, for bilinear enlargement.

    Attributes:
        row, column: (n, 2) int64.
        shares: (n, 4) float32, of the four: upper left, upper right, lower left, lower right.
    """

    row: Tensor
    column: Tensor
    shares: Tensor

    @classmethod
    def of(cls, coarse: tuple[int, int], fine: tuple[int, int], at: Tensor) -> "Between":
        """For the pixels `at` (n,) int64, numbered row by row, of a level of size `fine` (H, W)."""
        row, y = _between(at // fine[1], coarse[0], fine[0])
        column, x = _between(at % fine[1], coarse[1], fine[1])
        return cls(row, column, (y[:, :, None] * x[:, None]).flatten(1))

    @property
    def window(self) -> Window:
        """Around all the coarse pixels; there must be some."""
        return Window.around(self.row, self.column)

    def enlarge(self, table: Tensor, window: Window) -> Tensor:
        """(n, D) of the coarse pixels' table (h*w, D), of which there are those of a window."""
        row, column = self.row - window.top, self.column - window.left
        index = (row * window.size[1])[:, :, None] + column[:, None]
        return F.embedding_bag(index.flatten(1), table, mode="sum", per_sample_weights=self.shares)


def _between(index: Tensor, coarse: int, fine: int) -> tuple[Tensor, Tensor]:
    """The two coarse pixels (n, 2) a fine one lies between, and their shares (n, 2)."""
    place = ((index + 0.5) * (coarse / fine) - 0.5).clamp(0, coarse - 1)
    low = place.long()
    second = place - low
    return torch.stack([low, (low + 1).clamp(max=coarse - 1)], 1), torch.stack(
        [1 - second, second], 1
    )


def places(height: int, width: int, at: Tensor) -> Tensor:
    """Coordinates of the centres of pixels `at` (n,), 0 to 1 over the picture: (n, 2), y first."""
    return torch.stack([(at // width + 0.5) / height, (at % width + 0.5) / width], 1)


def mirrored_places(height: int, width: int, at: Tensor) -> Tensor:
    """As `places`, for the pixels of the mirror image."""
    return places(height, width, at + (width - 1) - 2 * (at % width))
