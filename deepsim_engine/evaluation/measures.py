"""Measures of pictures that need no network of their own: plain functions on arrays.

Pictures are (H, W, 3) uint8.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deepsim_engine.imaging import Pixels

PATCH = 7
"""Side of the patches that are looked for in the training picture."""
IDENTICAL = 100.0
"""PSNR that stands for "no difference", where it is infinite: JSON has no infinity."""


def psnr(result: Pixels, truth: Pixels) -> float:
    """Peak signal-to-noise ratio in dB, higher is better; at most `IDENTICAL`."""
    if np.array_equal(result, truth):
        return IDENTICAL
    return min(IDENTICAL, float(peak_signal_noise_ratio(truth, result, data_range=255)))


def ssim(result: Pixels, truth: Pixels) -> float:
    """Structural similarity (Wang et al. 2004), 1 for equal pictures."""
    window = min(7, *truth.shape[:2])
    window -= 1 - window % 2  # it must be odd
    return float(
        structural_similarity(truth, result, win_size=window, channel_axis=2, data_range=255)
    )


def frechet(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Fréchet distance of two sets of features (N, C) taken as normal distributions.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)); the trace of the root is the sum of the roots of
    the eigenvalues of S1^(1/2) S2 S1^(1/2), which is symmetric.
    """
    means = [x.mean(0, dtype=np.float64) for x in (one, other)]
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (one, other))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    distance = np.square(means[0] - means[1]).sum() + np.trace(first) + np.trace(second)
    return max(0.0, float(distance - 2 * shared))


def copied_share(result: Pixels, training: Pixels, patch: int = PATCH) -> float:
    """Share of the patches of `result` that the training picture, or its mirror image, holds.

    A patch counts only if all its values are equal. Patches overlap; a picture smaller than a
    patch has none (share 0).
    """
    if min(*result.shape[:2], *training.shape[:2]) < patch:
        return 0.0
    known = np.concatenate([_patch_codes(training, patch), _patch_codes(training[:, ::-1], patch)])
    return float(np.isin(_patch_codes(result, patch), known).mean())


def _patch_codes(picture: Pixels, patch: int) -> NDArray[np.uint64]:
    """One number per patch, equal for equal patches and else almost surely different."""
    weights = np.random.default_rng(7).integers(0, 2**64, (patch, patch), np.uint64) | np.uint64(1)
    colour = picture.astype(np.uint64) @ np.array([1, 1 << 8, 1 << 16], np.uint64)
    height, width = colour.shape[0] - patch + 1, colour.shape[1] - patch + 1
    codes = np.zeros((height, width), np.uint64)
    for y in range(patch):
        for x in range(patch):  # sums wrap around, as a hash may
            codes += colour[y : y + height, x : x + width] * weights[y, x]
    return codes.ravel()


@dataclass(frozen=True)
class Steadiness:
    """How much a series of results moves, against the true frames; in levels of 0..255.

    Attributes:
        result, truth: mean absolute difference between one frame and the next.
        excess: mean over pixels of the part of the result's difference that goes beyond the
            truth's at the same pixel. 0 is perfectly steady; so is a picture that never changes.
    """

    result: float
    truth: float
    excess: float

    def to_json(self) -> dict[str, float]:
        """As plain values."""
        return asdict(self)


def steadiness(results: Sequence[Pixels], truths: Sequence[Pixels]) -> Steadiness | None:
    """Compare how results and truths of the same frames, in order, change.

    Pairs of unlike size are left out; None when no pair is left.
    """
    moved: list[tuple[float, float, float]] = []
    for number in range(1, len(results)):
        frames = [*results[number - 1 : number + 1], *truths[number - 1 : number + 1]]
        if len({frame.shape for frame in frames}) > 1:
            continue
        before, after, true_before, true_after = (frame.astype(np.int16) for frame in frames)
        ours, theirs = np.abs(after - before), np.abs(true_after - true_before)
        beyond = np.maximum(ours - theirs, 0)
        moved.append((float(ours.mean()), float(theirs.mean()), float(beyond.mean())))
    if not moved:
        return None
    return Steadiness(*(float(value) for value in np.mean(moved, axis=0)))
