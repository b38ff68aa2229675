"""How close any picture made of pieces of the one picture can come to the held-out frames.

    python benchmarks/ceiling.py FOLDER [--size 256] [--frames 10]

FOLDER is one for `deepsim evaluate`. Beside `instant`, which sees the drawings, stands the same
method with the true frames themselves as drawings: it knows all that no drawing says, and still
has only the pieces of the one picture. What is left is what the picture does not contain (a closed
eye, teeth), and what pieces of it cannot be put together to. Prints the judges' means.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import deepsim_engine as ds
from deepsim_engine.evaluation import dataset, judges
from deepsim_engine.evaluation.dataset import Frame
from deepsim_engine.imaging import Pixels

JUDGES = ("lpips-vgg(hed)", "efficientnet-lite0", "ssim", "psnr")


def main() -> None:
    """Measure both on the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, help="only the first so many (default: all)")
    options = parser.parse_args()
    data = dataset.read(options.folder, options.size)
    frames = [frame for frame in data.frames if frame.truth is not None][: options.frames]
    known = judges.gather(torch.device("cpu"))
    measures = [known.named(name) for name in JUDGES]
    print(f"{'drawing':16}" + "".join(f"{name:>20}" for name in JUDGES))

    def drawn(frame: Frame) -> ds.Primitive:
        return frame.primitive

    def shown(frame: Frame) -> ds.Primitive:
        return _painting(frame.truth)

    rows: dict[str, tuple[ds.Primitive, Callable[[Frame], ds.Primitive]]] = {
        "as drawn": (data.primitive, drawn),
        "the truth itself": (_painting(data.image), shown),
    }
    for name, (primitive, drawing) in rows.items():
        model = ds.train(data.image, primitive, "instant", size=options.size)
        found = []
        for frame in frames:
            result = np.array(model.apply(drawing(frame), blend=False))
            assert frame.truth is not None
            found.append([judge.measure(result, frame.truth) for judge in measures])
        means = [statistics.mean(column) for column in zip(*found, strict=True)]
        print(f"{name:16}" + "".join(f"{mean:20.4f}" for mean in means), flush=True)


def _painting(picture: Pixels | None) -> ds.Primitive:
    assert picture is not None
    return ds.Primitive.from_layers(painting=picture)


if __name__ == "__main__":
    main()
