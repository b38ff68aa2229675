"""The commands `deepsim models ...`. They work on the folder, whether or not an engine runs."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.cli.paths import check_output
from deepsim_engine.errors import InputError
from deepsim_engine.files import write_atomically
from deepsim_server.descriptions import describe
from deepsim_server.folders import Folders
from deepsim_server.jobs import JobStore
from deepsim_server.model_files import SUFFIX
from deepsim_server.models import ModelStore
from deepsim_server.requests import MAX_NAME

Data = Annotated[Path | None, typer.Option("--data", help="Data folder.")]


def app() -> typer.Typer:
    """The group of commands."""
    models = typer.Typer(no_args_is_help=True, help="The models that the engine keeps.")
    models.command("list")(list_models)
    models.command("show")(show_model)
    models.command("rename")(rename_model)
    models.command("remove")(remove_model)
    models.command("export")(export_model)
    models.command("import")(import_model)
    return models


def list_models(data: Data = None, as_json: AsJson = False) -> None:
    """All models, newest first."""
    with outcome(as_json) as output:
        store = _store(data)
        models, damaged = store.list(), store.damaged()
        lines = [
            f"{m['id']}  {m.get('name')}  {m.get('kind')}  {m.get('preset')}"
            f"  {' x '.join(map(str, m.get('size', ())))}"
            for m in models
        ]
        lines += [f"set aside: {one['file']}  {one['reason']}" for one in damaged]
        told = "\n".join(lines) or "There are no models yet."
        output.result(told, models=models, damaged=damaged)


def show_model(
    model: Annotated[str, typer.Argument(help="Id, beginning of an id, or name.")],
    thumbnail: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Write the small picture of the training pair here."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What a model knows: its drawing's colours, how it was trained, with what."""
    with outcome(as_json) as output:
        if thumbnail is not None:
            check_output(thumbnail, [], suffixes=(".png",), option="--thumbnail")
        store = _store(data)
        found = store.find(model)
        facts: dict[str, Any] = {}
        lines = describe(found)
        if thumbnail is not None:
            write_atomically(thumbnail, _thumbnail(store.path(found["id"])))
            facts["thumbnail"] = str(thumbnail)
            lines.append(f"Wrote {thumbnail}.")
        output.result("\n".join(lines), model=found, **facts)


def remove_model(
    model: Annotated[str, typer.Argument(help="Id, beginning of an id, or name.")],
    force: Annotated[bool, typer.Option("--force", help="Even if documents refer to it.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete one model."""
    with outcome(as_json) as output:
        folders = Folders.find(data)
        with _trainings(folders) as trainings:
            store = ModelStore(folders.models)
            removed = store.remove(model, force=force, trainings=trainings)
        output.result(f"Removed {removed.get('name')} ({removed['id']}).", removed=removed["id"])


def rename_model(
    model: Annotated[str, typer.Argument(help="Id, beginning of an id, or name.")],
    name: Annotated[str, typer.Argument(help="The new name.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give one model another name."""
    with outcome(as_json) as output:
        if not 0 < len(name) <= MAX_NAME:
            raise InputError(f"A name has 1 to {MAX_NAME} characters.")
        renamed = _store(data).rename(model, name)
        output.result(f"{renamed['id']} is now {name}.", model=renamed)


def export_model(
    model: Annotated[str, typer.Argument(help="Id, beginning of an id, or name.")],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="File to write.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Copy one model into a file, after reading all of it."""
    with outcome(as_json) as output:
        check_output(out, [], suffixes=(SUFFIX,), option="--out")
        exported = _store(data).export(model, out)
        output.result(f"Wrote {out}.", model=exported, out=str(out))


def import_model(
    file: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Copy a model file into the store, after reading all of it."""
    with outcome(as_json) as output:
        folders = Folders.find(data)
        folders.make()
        taken = ModelStore(folders.models).take(file)
        output.result(f"{taken.get('name')} is there as {taken['id']}.", model=taken)


def _thumbnail(path: Path) -> bytes:
    """The PNG in a model file. Raises InputError when it has none."""
    from deepsim_engine.thumbnails import read_thumbnail  # noqa: PLC0415  (slow to import)

    png = read_thumbnail(path)
    if png is None:
        raise InputError("This model has no small picture: an earlier version wrote it.")
    return png


@contextmanager
def _trainings(folders: Folders) -> Iterator[Callable[[str], list[str]]]:
    """Gives the names of the trainings that need a model."""
    if not folders.database.exists():
        yield lambda _: []
        return
    with closing(JobStore(folders.database, folders.jobs)) as jobs:
        yield jobs.beginning_with


def _store(data: Path | None) -> ModelStore:
    return ModelStore(Folders.find(data).models)
