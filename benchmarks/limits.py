"""What does not work well, shown: edits of the demo's drawing that ask for more than there is.

python benchmarks/limits.py --out limits.png
python benchmarks/limits.py --preset draft --seconds 120 --out limits-draft.png
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

import deepsim_engine as ds
from deepsim_engine.demo.__main__ import SIZE
from deepsim_engine.demo.coffee import DRAWN
from deepsim_engine.demo.drawing import Drawing, Points
from deepsim_engine.demo.sheet import side_by_side, super_primitive


def main() -> int:
    """Train on the cup of coffee, apply each edit, and show them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="instant")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--out", type=Path, required=True, help="PNG file")
    options = parser.parse_args()
    image = Image.fromarray(data.coffee()).resize(SIZE, Image.Resampling.LANCZOS)
    segments, edges = DRAWN.render(SIZE)
    primitive = ds.Primitive.from_layers(segments=segments, edges=edges)
    model = ds.train(image, primitive, options.preset, seconds=options.seconds)
    rows = [side_by_side([("picture", image), ("drawing", super_primitive(segments, edges))])]
    for caption, drawing in edits().items():
        segments, edges = drawing.render(SIZE)
        result = model.apply(model.primitive_from_layers(segments=segments, edges=edges))
        drawn = super_primitive(segments, edges)
        rows.append(side_by_side([(caption, drawn), (f"result ({options.preset})", result)]))
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(options.out)
    return 0


def edits() -> dict[str, Drawing]:
    """Caption -> an edit that the one picture has no answer to."""
    spoon, end = DRAWN.outline("spoon"), DRAWN.outline("spoon end")
    middle = np.mean(spoon, axis=0)
    handle = DRAWN.outline("handle")
    return {
        "the spoon turned by 90 degrees": DRAWN.edited(
            {"spoon": turned(spoon, middle, 90, 1.0), "spoon end": turned(end, middle, 90, 1.0)}, {}
        ),
        "the spoon 1.8 times as large": DRAWN.edited({"spoon": turned(spoon, middle, 0, 1.8)}, {}),
        "the handle on the other side": DRAWN.edited(
            {"handle": tuple((600 - x - 15, y - 10) for x, y in handle)}, {}
        ),
    }


def turned(outline: Points, centre: np.ndarray, degrees: float, scale: float) -> Points:
    """An outline turned and scaled about a point."""
    angle = np.radians(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return tuple(map(tuple, (np.asarray(outline) - centre) @ matrix.T + centre))


if __name__ == "__main__":
    sys.exit(main())
