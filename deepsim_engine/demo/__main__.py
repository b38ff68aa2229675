"""Train on a cup of coffee, edit its drawing, apply: `python -m deepsim_engine.demo --out DIR`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from skimage import data

import deepsim_engine as ds
from deepsim_engine.demo.coffee import DRAWN, EDITED
from deepsim_engine.demo.sheet import side_by_side, super_primitive
from deepsim_engine.imaging import write_png

SIZE = (384, 256)
SHEET_NAME = "deepsim-demo.png"


def run(out: Path, *, preset: str, seconds: float, console: Console) -> Path:
    """Do the main job and leave every picture and the model in `out`; returns the sheet's path.

    Raises:
        DeepSimError: when `out` cannot be written or the training fails.
    """
    image = Image.fromarray(data.coffee()).resize(SIZE, Image.Resampling.LANCZOS)
    segments, edges = DRAWN.render(SIZE)
    edited_segments, edited_edges = EDITED.render(SIZE)
    layers = {
        "image": image,
        "segments": segments,
        "edges": edges,
        "edited-segments": edited_segments,
        "edited-edges": edited_edges,
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ds.InputError(f"Cannot make the folder {out}: {error.strerror}.") from error
    for name, picture in layers.items():
        write_png(out / f"{name}.png", picture)

    primitive = ds.Primitive.from_layers(segments=segments, edges=edges)
    model = _train(image, primitive, preset, seconds, console)
    model.save(out / "coffee.safetensors")
    result = model.apply(model.primitive_from_layers(segments=edited_segments, edges=edited_edges))
    write_png(out / "result.png", result)
    sheet = side_by_side(
        [
            ("image", image),
            ("primitive: edges over segments", super_primitive(segments, edges)),
            (
                "edited primitive: cup filled, spoon moved",
                super_primitive(edited_segments, edited_edges),
            ),
            (f"result (preset {preset})", result),
        ]
    )
    write_png(out / SHEET_NAME, sheet)
    return out / SHEET_NAME


def _train(
    image: Image.Image, primitive: ds.Primitive, preset: str, seconds: float, console: Console
) -> ds.Model:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=seconds, note="")
        said = 0.0

        def show(progress: ds.Progress) -> None:
            nonlocal said
            note = f"step {progress.step}"
            if "perceptual" in progress.losses:
                note += f", perceptual loss {progress.losses['perceptual']:.2f}"
            bar.update(task, completed=min(progress.seconds, seconds), note=note)
            if not console.is_terminal and progress.seconds - said >= 10:
                said = progress.seconds
                console.print(f"{progress.seconds:4.0f} of {seconds:.0f} s  {note}")

        return ds.train(
            image, primitive, preset, seconds=seconds, on_progress=show, name="coffee demo"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deepsim_engine.demo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--preset", default="draft", help="default: draft")
    parser.add_argument("--seconds", type=float, default=120, help="training time (default: 120)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        sheet = run(options.out, preset=options.preset, seconds=options.seconds, console=console)
    except ds.InputError as error:
        console.print(str(error))
        return 2
    except ds.DeepSimError as error:
        console.print(str(error))
        return 1
    console.print(f"Image, primitive, edited primitive and result, side by side:\n{sheet}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
