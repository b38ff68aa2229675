"""Make a folder for `deepsim evaluate` from pictures that scikit-image ships.

    python benchmarks/make_folder.py coffee --out folder
    deepsim evaluate folder --methods instant,draft,crop-flip,copy --seconds 120 --out results

The picture is the training picture. The held-out frames are smooth warps of it, drawn over the
same found segments: strong ones, and other ones than training uses (random shifts of up to 9 % of
the size at 4 x 4 points, joined by cubic splines), so that the true pictures are known.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates, zoom
from skimage import data

import deepsim_engine as ds
from deepsim_engine.imaging import Pixels

PICTURES = ("astronaut", "chelsea", "coffee", "rocket")
_POINTS, _STRENGTH = 4, 0.09


def main() -> int:
    """Make the folder that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", choices=PICTURES)
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--size", type=int, default=256, help="longest side (default 256)")
    parser.add_argument("--frames", type=int, default=4, help="held-out frames (default 4)")
    parser.add_argument("--regions", type=int, default=12, help="segments (default 12)")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists already")
    image = Image.fromarray(getattr(data, options.picture)())
    image.thumbnail((options.size, options.size), Image.Resampling.LANCZOS)
    picture = np.array(image)
    segments = ds.segment(picture, options.regions)
    write(options.out, "train", "0", picture, segments)
    for number in range(1, options.frames + 1):
        rows, columns = smooth_warp(picture.shape[0], picture.shape[1], number)
        truth = sampled(picture, rows, columns, order=3)
        write(options.out, "test", str(number), truth, sampled(segments, rows, columns, order=0))
    return 0


def smooth_warp(height: int, width: int, seed: int) -> tuple[NDArray[np.float64], ...]:
    """Where every pixel of a warped picture comes from: rows and columns, each (height, width)."""
    random = np.random.default_rng(seed)
    shifts = random.uniform(-_STRENGTH, _STRENGTH, (2, _POINTS, _POINTS))
    factors = (height / _POINTS, width / _POINTS)
    grid = np.mgrid[:height, :width].astype(np.float64)
    dense = [zoom(shift, factors, order=3, mode="nearest", grid_mode=True) for shift in shifts]
    return grid[0] + dense[0] * height, grid[1] + dense[1] * width


def sampled(
    picture: Pixels, rows: NDArray[np.float64], columns: NDArray[np.float64], order: int
) -> Pixels:
    """The picture (H, W, 3) at these places, mirrored beyond its border."""
    planes = [
        map_coordinates(
            picture[..., plane].astype(np.float64), (rows, columns), order=order, mode="reflect"
        )
        for plane in range(3)
    ]
    return np.clip(np.round(np.stack(planes, 2)), 0, 255).astype(np.uint8)


def write(folder: Path, kind: str, name: str, picture: Pixels, segments: Pixels) -> None:
    """One frame's picture and segments."""
    for part, pixels in (("B", picture), ("seg", segments)):
        place = folder / f"{kind}_{part}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
