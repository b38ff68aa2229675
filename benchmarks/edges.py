"""Edges of photographs by Canny and by HED, side by side: the picture in docs/edges.md.

    python benchmarks/edges.py --out docs/images/edges.png

Prints per picture and method: the share of pixels drawn, separate lines, their median length, loose
ends per 100 pixels (broken lines), and the share of pixels that run beside another line at 2 to 4
pixels (doubled lines).
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import convolve
from skimage import data
from skimage.measure import label

from deepsim_engine.edges import METHODS, extract_edges
from deepsim_engine.imaging import write_png

WIDTH = 400
_GAP = 8


def describe(lines: np.ndarray) -> dict[str, float]:
    """What is said of a drawing (H, W) bool."""
    parts = label(lines, connectivity=2)
    lengths = np.bincount(parts.ravel())[1:]
    around = convolve(lines.astype(int), np.ones((3, 3), int), mode="constant") - lines
    ends = (lines & (around == 1)).sum()
    return {
        "drawn": float(lines.mean()),
        "lines": len(lengths),
        "length": float(np.median(lengths)),
        "ends": 100 * float(ends / lines.sum()),
        "doubled": doubled(lines),
    }


def doubled(lines: np.ndarray) -> float:
    """Share of the pixels with ground on the way to another line 2 to 4 pixels away."""
    found = np.zeros_like(lines)
    height, width = lines.shape
    padded = np.pad(lines, 4)
    for down, right in ((0, 1), (1, 0)):
        for sign in (-1, 1):
            ray = [
                padded[
                    4 + sign * step * down : 4 + sign * step * down + height,
                    4 + sign * step * right : 4 + sign * step * right + width,
                ]
                for step in range(1, 5)
            ]
            found |= lines & ~ray[0] & (ray[1] | ray[2] | ray[3])
    return float(found.sum() / lines.sum())


def main() -> None:
    """Extract, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="picture to write")
    arguments = parser.parse_args()
    rows = []
    for name in ("astronaut", "coffee", "chelsea"):
        image = Image.fromarray(getattr(data, name)()).convert("RGB")
        size = (WIDTH, round(image.height * WIDTH / image.width))
        picture = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        row = [picture]
        for method in METHODS:
            begun = time.perf_counter()
            lines = extract_edges(picture, method)
            spent = time.perf_counter() - begun
            said = "  ".join(f"{key} {value:.3g}" for key, value in describe(lines).items())
            print(f"{name:10} {method:6} {said}  seconds {spent:.2f}")
            row.append(np.where(lines[:, :, None], 0, 255).astype(np.uint8).repeat(3, 2))
        gap = np.full((size[1], _GAP, 3), 255, np.uint8)
        rows.append(np.concatenate([row[0], gap, row[1], gap, row[2]], 1))
    if arguments.out:
        gap = np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)
        write_png(arguments.out, np.concatenate([part for row in rows for part in (row, gap)][:-1]))


if __name__ == "__main__":
    main()
