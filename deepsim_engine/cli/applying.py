"""`deepsim apply`: a model and an edited drawing in, the matching picture out."""

from pathlib import Path
from typing import Annotated

import typer

from deepsim_engine.cli.layers import Edges, LayerPaths, Painting, Segments
from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.cli.paths import check_output


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(apply)


def apply(
    model: Annotated[Path, typer.Argument(help="A model that `train` wrote.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="PNG", help="Picture to write.")],
    segments: Segments = None,
    edges: Edges = None,
    painting: Painting = None,
    blend: Annotated[
        bool, typer.Option(help="Keep the original's pixels where the drawing is unchanged.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make the picture that an edited drawing asks for.

    --edges auto extracts them from the model's own training picture.
    """
    layers = LayerPaths(segments, edges, painting)
    with outcome(as_json) as output:
        layers.check()
        check_output(out, [model, *layers.files()], suffixes=(".png",))

        from deepsim_engine.imaging import check_sizes, write_png  # noqa: PLC0415 - numpy

        files = LayerPaths(segments, None if edges == "auto" else edges, painting)
        drawn = files.read(extract=list)
        check_sizes({f"the {name}": layer for name, layer in drawn.items()})

        # torch takes seconds to import: after all that can be refused without it
        from deepsim_engine.edges import extract_edges  # noqa: PLC0415
        from deepsim_engine.model import load  # noqa: PLC0415

        trained = load(model)
        if edges == "auto":
            drawn["edges"] = extract_edges(trained.image)
        primitive = trained.primitive_from_layers(**drawn)
        output.warn(primitive.warnings)
        picture = trained.apply(primitive, blend=blend)
        write_png(out, picture)
        output.result(
            f"Wrote {out} ({picture.width} x {picture.height}).",
            image=str(out),
            size=list(picture.size),
            model=trained.id,
            blend=blend,
            warnings=primitive.warnings,
        )
