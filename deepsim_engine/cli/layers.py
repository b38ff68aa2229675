"""Reading the primitive's layers that a command line names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from deepsim_engine.errors import InputError

AUTO = "auto"

Segments = Annotated[
    Path | None, typer.Option("--segments", metavar="PNG", help="Drawing: flat colours.")
]
Edges = Annotated[
    str | None,
    typer.Option("--edges", metavar="PNG|auto", help="Drawing: lines; auto extracts them."),
]
Painting = Annotated[
    Path | None,
    typer.Option("--painting", metavar="PNG", help="Drawing: a free painting, instead."),
]


@dataclass(frozen=True)
class LayerPaths:
    """The layers that were named; `edges` may be "auto"."""

    segments: Path | None
    edges: str | None
    painting: Path | None

    def check(self) -> None:
        """Refuse combinations that mean nothing."""
        if self.painting is not None and (self.segments is not None or self.edges is not None):
            raise InputError(
                "--painting stands alone: leave out --segments and --edges, or the painting."
            )
        if self.painting is None and self.segments is None and self.edges is None:
            raise InputError(
                "Neither edges nor segments are given: add --segments PNG, --edges PNG, "
                "--edges auto, or --painting PNG."
            )

    def files(self) -> list[Path]:
        """The files among them."""
        edges = None if self.edges in (None, AUTO) else Path(self.edges or "")
        return [path for path in (self.segments, edges, self.painting) if path is not None]

    def read(self, extract: Callable[[], Any]) -> dict[str, Any]:
        """Pixels per layer, as keyword arguments of `Primitive.from_layers`.

        `extract` makes the edges where "auto" asks for them. Raises InputError.
        """
        from deepsim_engine.imaging import read_image  # noqa: PLC0415 - numpy, not for --help

        layers: dict[str, Any] = {}
        if self.segments is not None:
            layers["segments"] = read_image(self.segments, "the segments")
        if self.edges == AUTO:
            layers["edges"] = extract()
        elif self.edges is not None:
            layers["edges"] = read_image(self.edges, "the edges")
        if self.painting is not None:
            layers["painting"] = read_image(self.painting, "the painting")
        return layers
