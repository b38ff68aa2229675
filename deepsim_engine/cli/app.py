"""The Typer app: its own commands, and those that other packages bring."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from deepsim_engine.cli import applying, doctor, drafts, evaluating, training
from deepsim_engine.cli.extensions import COMMANDS, installed
from deepsim_engine.cli.output import INPUT_WRONG, print_json

# UsageError itself is not exported by Typer, only this child of it.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line (`sys.argv` unless given) and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # OpenMP reads it when torch is imported. Threads that spin while they wait take the cores from
    # the editor, and a step then takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app = build_app()
    if "--json" not in arguments:
        app(arguments, prog_name="deepsim")  # tells usage errors itself, and exits
        return 0
    try:
        return app(arguments, prog_name="deepsim", standalone_mode=False) or 0
    except _UsageError as error:
        tell = getattr(error, "format_message", error.__str__)
        print_json({"error": tell().rstrip(".") + ".", "code": "input"})
        return INPUT_WRONG


def build_app() -> typer.Typer:
    """A new app with all commands that are installed."""
    app = typer.Typer(
        name="deepsim",
        help="Teach a small network to turn your drawing into your picture.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )

    @app.callback()
    def options(
        show_version: Annotated[
            bool, typer.Option("--version", help="Show the version.", callback=_show_version)
        ] = False,
    ) -> None:
        pass

    for group in (training, applying, drafts, evaluating, doctor):
        group.register(app)
    for register in installed(COMMANDS)[0].values():
        register(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("deepsim"))
        raise typer.Exit
