"""`deepsim evaluate`: how good are the results? Judged on frames that no method has seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import rich.progress as bars
import typer
from rich.console import Console

from deepsim_engine.cli.interruption import interruptible
from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.cli.progress import describe, fraction
from deepsim_engine.errors import InputError

if TYPE_CHECKING:
    from deepsim_engine.evaluation.run import Stage

_DEFAULT_METHODS = "deepsim,instant,copy"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(evaluate)


def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="train_B and train_seg or train_edges; test_B and test_seg or test_edges.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the results.")],
    methods: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Of deepsim, instant, draft, standard, paper, crop-flip, copy; with commas.",
        ),
    ] = _DEFAULT_METHODS,
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="Of the methods deepsim and crop-flip.")
    ] = "draft",
    seconds: Annotated[
        float | None, typer.Option(help="Train each for this long.", show_default="by preset")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Train each for so many steps.", show_default="by preset")
    ] = None,
    size: Annotated[
        int, typer.Option(metavar="PX", help="Longest side to scale everything down to.")
    ] = 256,
    sigma: Annotated[
        float, typer.Option(help="Smoothing in pixels where edges are extracted.")
    ] = 1.0,
    blend: Annotated[
        bool, typer.Option(help="Keep the training picture's pixels, as `apply` does.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="The same seed gives the same models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Judge methods: train on one frame, paint held-out drawings, compare with the true frames.

    Interrupted with Ctrl-C, the same command goes on where it stopped.
    """
    with outcome(as_json) as output, interruptible() as interrupted:
        if seconds is not None and steps is not None:
            raise InputError("--seconds and --steps exclude each other: give one of them.")

        # torch and scikit-image take seconds to import: not for every `deepsim --help`
        from deepsim_engine.evaluation import run  # noqa: PLC0415
        from deepsim_engine.evaluation.methods import Settings, find  # noqa: PLC0415
        from deepsim_engine.evaluation.report import PAGE, write_report  # noqa: PLC0415
        from deepsim_engine.evaluation.table import mean_rows, plain  # noqa: PLC0415

        chosen = find([name.strip() for name in methods.split(",") if name.strip()])
        if "paper" in {method.name for method in chosen} and seconds is None and steps is None:
            output.note(
                "Note: paper without --seconds or --steps is the published recipe in full: hours "
                "on a graphics card, days on a processor."
            )
        if folder.is_dir():
            run.check_output(folder, out)
        with _shown() as on_stage:
            done = run.evaluate(
                folder,
                out,
                chosen,
                Settings(preset, seconds, steps, device, seed, blend),
                size=size,
                sigma=sigma,
                on_stage=on_stage,
                should_stop=interrupted,
            )
        output.warn([*done.data.notes, *write_report(done)])
        output.warn([f"Without {name}: {why}" for name, why in done.judges.missing.items()])
        output.result(
            f"{plain(mean_rows(done.summary))}\nWrote {out / PAGE}.",
            out=str(out),
            page=str(out / PAGE),
            **done.summary,
        )


@contextmanager
def _shown() -> Iterator[Callable[["Stage"], None]]:
    """One bar per method on standard error while the block runs; plain lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return
    with bars.Progress(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[state]}"),
        console=console,
        transient=True,
    ) as progress:
        tasks: dict[str, bars.TaskID] = {}

        def show(stage: "Stage") -> None:
            if stage.method not in tasks:
                tasks[stage.method] = progress.add_task(stage.method, total=1.0, state="")
            progress.update(tasks[stage.method], completed=_share(stage), state=_state(stage))

        yield show


class _Lines:
    """A line whenever something else begins."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, ""

    def __call__(self, stage: "Stage") -> None:
        told = f"{stage.method}: {stage.doing}"
        if told != self._last:
            self._last = told
            self._console.print(told, highlight=False, soft_wrap=True)


def _share(stage: "Stage") -> float:
    """How much of what is being done is done, 0 to 1."""
    if stage.training is not None:
        return fraction(stage.training)
    return 1.0 if stage.doing == "done" else stage.done / stage.total


def _state(stage: "Stage") -> str:
    if stage.training is not None:
        return f"training: {describe(stage.training)}"
    if stage.doing in ("training", "done"):
        return stage.doing
    return f"{stage.doing} frame {stage.done + 1} of {stage.total}"
