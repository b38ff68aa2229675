"""`deepsim edges` and `deepsim segment`: first drawings, made from the picture."""

from pathlib import Path
from typing import Annotated

import typer

from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.cli.paths import check_output

Picture = Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="PNG", help="Drawing to write.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(edges)
    app.command()(segment)


def edges(
    picture: Picture,
    out: Out,
    method: Annotated[str, typer.Option(help="canny, or hed (fewer, as drawn by hand).")] = "canny",
    sigma: Annotated[float, typer.Option(help="Smoothing in pixels; more gives fewer lines.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Draw the picture's edges: black lines on transparent."""
    with outcome(as_json) as output:
        check_output(out, [picture], suffixes=(".png",))

        # scikit-image takes a second to import: not for every `deepsim --help`
        from deepsim_engine.edges import draw, extract_edges  # noqa: PLC0415
        from deepsim_engine.imaging import read_image, write_png  # noqa: PLC0415

        lines = extract_edges(read_image(picture), method, sigma)
        write_png(out, draw(lines))
        height, width = lines.shape
        output.result(
            f"Wrote {out} ({width} x {height}).",
            edges=str(out),
            size=[width, height],
            method=method,
            sigma=sigma,
            drawn=round(float(lines.mean()), 5),
        )


def segment(
    picture: Picture,
    out: Out,
    regions: Annotated[int, typer.Option(help="How many flat regions, 2 to 64.")] = 12,
    as_json: AsJson = False,
) -> None:
    """Draft the picture's segments: flat regions of clearly different colours."""
    with outcome(as_json) as output:
        check_output(out, [picture], suffixes=(".png",))

        # scikit-image takes a second to import: not for every `deepsim --help`
        from deepsim_engine.colours import distinct_colours  # noqa: PLC0415
        from deepsim_engine.imaging import read_image, write_png  # noqa: PLC0415
        from deepsim_engine.segmentation import segment as segment_picture  # noqa: PLC0415

        drawn = segment_picture(read_image(picture), regions)
        write_png(out, drawn)
        palette = distinct_colours(drawn)
        output.result(
            f"Wrote {out} ({drawn.shape[1]} x {drawn.shape[0]}, {len(palette)} regions).",
            segments=str(out),
            size=[drawn.shape[1], drawn.shape[0]],
            regions=len(palette),
            palette=palette.tolist(),
        )
