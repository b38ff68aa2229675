"""How well a result can be put into the picture: the seam's visibility by method.

    python benchmarks/blending.py [--out SHEET.png]

Each scene is a picture of scikit-image, its segments, an edit, and the unblended result of
`instant` for it; `shade` is the same result a shade off, as networks are. Figures, per method:

    false    gradients in the seam that neither picture has (mean, of 255): lower is better
    lost     gradients that both have and the mixture has not: lower is better
    changed  share of the picture's pixels that are not the original's
    exact    pixels outside the influence that differ from the original (must be 0)
    ms       milliseconds
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve
from skimage import data
from skimage.transform import pyramid_expand, pyramid_reduce

from deepsim_engine import blending
from deepsim_engine.influence import changed, influence
from deepsim_engine.primitive import Primitive
from deepsim_engine.segmentation import segment
from deepsim_engine.training import train

Pixels = np.ndarray
SIDE = 256


def scene(name: str) -> tuple[Pixels, Pixels, np.ndarray]:
    """A picture, the unblended result of an edit, and where the drawing was changed."""
    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    scale = SIDE / max(image.size)
    picture = np.asarray(image.resize((round(image.width * scale), round(image.height * scale))))
    drawn = segment(picture, 10)
    model = train(picture, Primitive.from_layers(segments=drawn), "instant", device="cpu")
    edited = model.primitive_from_layers(bulged(drawn))
    result = np.asarray(model.apply(edited, blend=False))
    return picture, result, changed(model.primitive, edited)


def bulged(drawn: Pixels) -> Pixels:
    """The drawing with its middle moved to the right, smoothly."""
    height, width = drawn.shape[:2]
    y, x = np.mgrid[:height, :width].astype(float)
    near = np.exp(-(((x - width / 2) / 30) ** 2) - ((y - height / 2) / 30) ** 2)
    x -= 14 * near
    planes = [map_coordinates(p, (y, x), order=0, mode="nearest") for p in drawn.transpose(2, 0, 1)]
    return np.stack(planes, 2)


def paste(original: Pixels, result: Pixels, weight: np.ndarray) -> Pixels:
    return np.where(weight[:, :, None] > 0.5, result, original)


def feather(original: Pixels, result: Pixels, weight: np.ndarray) -> Pixels:
    share = weight[:, :, None]
    return np.round(original * (1 - share) + result * share).astype(np.uint8)


def multiband(original: Pixels, result: Pixels, weight: np.ndarray, levels: int = 4) -> Pixels:
    """Burt and Adelson 1983: each band of frequencies with a seam as wide as the band."""
    share = np.repeat((weight > 0.5).astype(float)[:, :, None], 3, 2)
    pictures = [[p.astype(float)] for p in (original, result)] + [[share]]
    for pyramid in pictures:
        for _ in range(levels):
            pyramid.append(pyramid_reduce(pyramid[-1], channel_axis=2, preserve_range=True))
    mixed = None
    for level in range(levels, -1, -1):
        bands = []
        for pyramid in pictures[:2]:
            band = pyramid[level]
            if level < levels:
                band = band - enlarged(pyramid[level + 1], band.shape)
            bands.append(band)
        s = pictures[2][level]
        band = bands[0] * (1 - s) + bands[1] * s
        mixed = band if mixed is None else enlarged(mixed, band.shape) + band
    kept = np.clip(weight / 0.05, 0, 1)[:, :, None]  # down to the exact original at the rim
    return np.round(np.clip(original * (1 - kept) + mixed * kept, 0, 255)).astype(np.uint8)


def enlarged(picture: Pixels, shape: tuple[int, ...]) -> Pixels:
    return pyramid_expand(picture, channel_axis=2, preserve_range=True)[: shape[0], : shape[1]]


def poisson(original: Pixels, result: Pixels, weight: np.ndarray) -> Pixels:
    """Perez et al. 2003: the result's gradients inside, the original's values at the rim."""
    inside = weight > 0
    inside[[0, -1]] = inside[:, [0, -1]] = False
    index = np.full(weight.shape, -1)
    index[inside] = np.arange(inside.sum())
    rows, columns = np.nonzero(inside)
    apart = original.astype(float) - result
    right_side = np.zeros((len(rows), 3))
    i, j = [], []
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        other = index[rows + down, columns + right]
        known = other >= 0
        i.append(np.flatnonzero(known))
        j.append(other[known])
        right_side[~known] += apart[(rows + down)[~known], (columns + right)[~known]]
    i, j = np.concatenate(i), np.concatenate(j)
    laplace = diags_array(np.full(len(rows), 4.0)) - csr_array(
        (np.ones(len(i)), (i, j)), 2 * (len(rows),)
    )
    offset = spsolve(laplace.tocsc(), right_side)
    mixed = original.copy()
    mixed[inside] = np.round(np.clip(result[inside] + offset, 0, 255)).astype(np.uint8)
    return mixed


def poisson_feather(original: Pixels, result: Pixels, weight: np.ndarray) -> Pixels:
    """The same, then mixed softly: as the tint does, with an exact rim."""
    return feather(original, poisson(original, result, weight), weight)


METHODS: dict[str, Callable[[Pixels, Pixels, np.ndarray], Pixels]] = {
    "paste": paste,
    "feather": feather,
    "tint + feather": blending.blend,
    "multiband": multiband,
    "poisson": poisson,
    "poisson + feather": poisson_feather,
}


def gradient(picture: Pixels) -> np.ndarray:
    lightness = picture.astype(float).mean(2)
    return np.hypot(*np.gradient(gaussian_filter(lightness, 0.7)))


def measure(
    original: Pixels, result: Pixels, weight: np.ndarray, mixed: Pixels
) -> dict[str, float]:
    seam = (weight > 0) & (weight < 1)
    ours, one, other = gradient(mixed), gradient(original), gradient(result)
    return {
        "false": float(np.maximum(0, ours - np.maximum(one, other))[seam].mean()),
        "lost": float(np.maximum(0, np.minimum(one, other) - ours)[seam].mean()),
        "changed": float((mixed != original).any(2).mean()),
        "exact": float((mixed != original).any(2)[weight == 0].sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="contact sheet to write")
    arguments = parser.parse_args()
    totals: dict[str, list[dict[str, float]]] = {}
    sheet = []
    for name in ("coffee", "astronaut", "chelsea", "rocket"):
        picture, result, different = scene(name)
        shade = np.clip(result.astype(int) + np.array([9, -6, 4]), 0, 255).astype(np.uint8)
        for kind, painted in (("", result), (" shade", shade)):
            near = influence(different, picture, picture)  # nothing is followed
            followed = influence(different, picture, painted)
            row = [picture, painted]
            for where, weight in (("fixed", near), ("followed", followed)):
                for method, blend in METHODS.items():
                    begun = time.perf_counter()
                    mixed = blend(picture, painted, weight)
                    spent = (time.perf_counter() - begun) * 1000
                    found = {**measure(picture, painted, weight, mixed), "ms": spent}
                    totals.setdefault(f"{where:9} {method}{kind}", []).append(found)
                    row.append(mixed)
            sheet.append(
                np.concatenate(
                    [
                        np.pad(x, ((0, SIDE - len(x)), (0, 4), (0, 0)), constant_values=255)
                        for x in row
                    ],
                    1,
                )
            )
    for key, found in totals.items():
        means = {k: np.mean([f[k] for f in found]) for k in found[0]}
        print(f"{key:36}", "  ".join(f"{k} {v:.3f}" for k, v in means.items()))
    if arguments.out:
        Image.fromarray(np.concatenate(sheet)).save(arguments.out)


if __name__ == "__main__":
    main()
