"""Pictures of an evaluation: the contact sheet, and quality over time."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepsim_engine.evaluation.optional import package_folder
from deepsim_engine.evaluation.run import CURVE_JUDGE, Evaluation
from deepsim_engine.imaging import Pixels
from deepsim_engine.thumbnails import drawing

MOST_ROWS = 12
_CELL = 208
_MARGIN = 6
_CAPTION = 22
_PAPER, _INK = (250, 250, 248), (40, 40, 40)


def contact_sheet(evaluation: Evaluation) -> Image.Image:
    """Truth, primitive and every method's result, one row per frame; first the training pair.

    Of more than `MOST_ROWS` frames so many are shown, spread evenly.
    """
    data, records = evaluation.data, evaluation.records
    captions = ["truth", "primitive", *(method.name for method in evaluation.methods)]
    rows: list[tuple[str, list[Pixels | None]]] = [
        ("trained on", [data.image, drawing(data.primitive), *(None for _ in records)])
    ]
    chosen = np.linspace(0, len(data.frames) - 1, min(MOST_ROWS, len(data.frames)))
    for number in dict.fromkeys(round(float(at)) for at in chosen):
        frame = data.frames[number]
        results = [record.result(frame.name) for record in records]
        rows.append((frame.name, [frame.truth, drawing(frame.primitive), *results]))
    return _grid(captions, rows)


def quality_over_time(
    curves: Mapping[str, Sequence[Sequence[float]]], floor: str = "copy"
) -> bytes:
    """SVG of the mean figure against seconds of training, a line or a point per method.

    `curves`: method -> [[seconds, figure], ...]; the method called `floor` is a dashed level.
    Raises Missing without matplotlib.
    """
    package_folder("matplotlib", "matplotlib")
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - optional, slow
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        seconds, values = zip(*curve, strict=True)
        if name == floor:
            axes.axhline(values[-1], color="0.6", linestyle="--", label=name)
        else:
            # a logarithmic axis has no 0: what needs no training stands at its left end
            axes.plot(np.maximum(seconds, 1.0), values, marker="o", markersize=4, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("seconds of training")
    axes.set_ylabel(f"{CURVE_JUDGE}, lower is better")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def curves_of(evaluation: Evaluation) -> dict[str, list[list[float]]]:
    """The curves that there are, by method."""
    pairs = zip(evaluation.methods, evaluation.records, strict=True)
    return {method.name: record.curve for method, record in pairs if record.curve}


def _grid(captions: list[str], rows: list[tuple[str, list[Pixels | None]]]) -> Image.Image:
    """Pictures in rows under captions, each scaled into its cell."""
    first = next(picture for picture in rows[0][1] if picture is not None)
    scale = min(1.0, _CELL / first.shape[1])
    width, height = round(first.shape[1] * scale), round(first.shape[0] * scale)
    left, font = 78, ImageFont.load_default(14)
    sheet = Image.new(
        "RGB",
        (
            left + len(captions) * (width + _MARGIN),
            _CAPTION + _MARGIN + len(rows) * (height + _MARGIN),
        ),
        _PAPER,
    )
    pen = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        pen.text((left + column * (width + _MARGIN), 4), caption, _INK, font)
    for line, (name, pictures) in enumerate(rows):
        top = _CAPTION + _MARGIN + line * (height + _MARGIN)
        pen.text((6, top), name[:10], _INK, font)
        for column, picture in enumerate(pictures):
            if picture is not None:
                small = Image.fromarray(picture)
                small.thumbnail((width, height), Image.Resampling.LANCZOS)
                sheet.paste(small, (left + column * (width + _MARGIN), top))
    return sheet
