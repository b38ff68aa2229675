"""`deepsim train`: one pair in, a model file out."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepsim_engine.cli.interruption import interruptible
from deepsim_engine.cli.layers import Edges, LayerPaths, Painting, Segments
from deepsim_engine.cli.output import AsJson, Output, outcome
from deepsim_engine.cli.paths import check_output
from deepsim_engine.cli.progress import shown
from deepsim_engine.errors import InputError, WorkError

if TYPE_CHECKING:
    from deepsim_engine.model import Model


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(train)


def checkpoint_of(model: Path) -> Path:
    """Where an interrupted training of that model file can be resumed from."""
    return model.with_name(model.name + ".checkpoint")


def train(
    image: Annotated[Path, typer.Argument(help="The picture.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="Model file to write.")],
    segments: Segments = None,
    edges: Edges = None,
    painting: Painting = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="instant, draft, standard or paper.",
            show_default="instant; draft with --seconds, --steps, --resume or --from",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Train for this long.", show_default="by preset")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Train for so many steps.", show_default="by preset")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Longest side to work at.", show_default="by preset"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an interrupted training stopped.")
    ] = False,
    warm_start: Annotated[
        Path | None,
        typer.Option("--from", metavar="MODEL", help="Begin with what that model has learned."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Teach a model to turn the drawing into the picture.

    Ctrl-C stops after the step and keeps a checkpoint beside the model; --resume goes on.
    """
    layers = LayerPaths(segments, edges, painting)
    with outcome(as_json) as output, interruptible() as interrupted:
        layers.check()
        if seconds is not None and steps is not None:
            raise InputError("--seconds and --steps exclude each other: give one of them.")
        inputs = [image, *layers.files(), *([] if warm_start is None else [warm_start])]
        check_output(out, inputs)
        if preset is None:
            learns = resume or not (seconds is steps is warm_start is None)
            preset = "draft" if learns else "instant"
        checkpoint = checkpoint_of(out)
        _tell_of_checkpoint(output, checkpoint, resume)

        with shown(f"Training {out.name}") as on_progress:
            from deepsim_engine.imaging import check_sizes, read_image  # noqa: PLC0415 - numpy

            picture = read_image(image)
            drawn = layers.read(lambda: _edges_of(picture))
            check_sizes({"the image": picture, **{f"the {k}": v for k, v in drawn.items()}})

            # torch takes seconds to import: after all that can be refused without it
            from deepsim_engine import presets  # noqa: PLC0415
            from deepsim_engine.model import load  # noqa: PLC0415
            from deepsim_engine.primitive import Primitive  # noqa: PLC0415
            from deepsim_engine.training import train as train_model  # noqa: PLC0415

            presets.find(preset)
            primitive = Primitive.from_layers(**drawn)
            output.warn(primitive.warnings)
            model = train_model(
                picture,
                primitive,
                preset,
                seconds=seconds,
                steps=steps,
                size=size,
                device=device,
                seed=seed,
                on_progress=on_progress,
                should_stop=interrupted,
                checkpoint=checkpoint,
                resume=resume,
                warm_start=None if warm_start is None else load(warm_start, device),
                name=out.stem,
            )
        save_or_rescue(model, out)
        checkpoint.unlink(missing_ok=True)
        about = model.description
        output.warn(list(about.warnings))
        output.result(
            f"Trained {out} ({about.preset}, {about.kind}, {about.steps} steps) "
            f"in {about.seconds:.0f} s.",
            model=str(out),
            id=model.id,
            **{
                key: about.to_json()[key]
                for key in ("name", "kind", "preset", "size", "palette", "steps", "seconds")
            },
            losses=about.losses,
            warnings=[*primitive.warnings, *about.warnings],
        )


def _edges_of(picture: object) -> object:
    from deepsim_engine.edges import extract_edges  # noqa: PLC0415 - scikit-image takes a while

    return extract_edges(picture)


def _tell_of_checkpoint(output: Output, checkpoint: Path, resume: bool) -> None:
    if resume and not checkpoint.exists():
        output.note(f"There is no {checkpoint} to resume from: training starts anew.")
    elif checkpoint.exists() and not resume:
        output.note(f"{checkpoint} of an earlier training is not used: --resume would go on.")


def save_or_rescue(model: "Model", out: Path) -> None:
    """Write the model; if its folder refuses, to the temporary folder, so that it is not lost.

    Raises WorkError in both cases of failure, telling where the model is if it is anywhere.
    """
    try:
        model.save(out)
    except WorkError as error:
        rescued = Path(tempfile.mkdtemp(prefix="deepsim-")) / out.name
        try:
            model.save(rescued)
        except WorkError:
            raise error from None
        raise WorkError(f"{error} The model was saved as {rescued} instead.") from error
