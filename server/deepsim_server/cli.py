"""The commands of the engine process: serve, engine, models."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from deepsim_client import EngineClient, Location, LocationError, Remote
from deepsim_client.client import Reply
from deepsim_client.location import process_alive

from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.errors import InputError, WorkError
from deepsim_server import engine_commands, model_commands
from deepsim_server.address import LOOPBACK, Address
from deepsim_server.folders import Data, Folders, Runtime
from deepsim_server.limits import Limits
from deepsim_server.status_text import status_text

_ANSWER_SECONDS = 30.0
_LEAVE_SECONDS = 30.0


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("serve")(serve)
    engine = typer.Typer(no_args_is_help=True, help="The engine that runs in the background.")
    engine.command("status")(status)
    engine.command("stop")(stop)
    engine_commands.register(engine)
    app.add_typer(engine, name="engine")
    app.add_typer(model_commands.app(), name="models")


def serve(  # noqa: PLR0917  (options of a command)
    data: Data = None,
    runtime: Runtime = None,
    idle_seconds: Annotated[
        float, typer.Option("--idle-seconds", min=0, help="Leave after so long idle; 0: never.")
    ] = 900.0,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="A worker for this device (again for more); the best one."),
    ] = None,
    hang_seconds: Annotated[
        float, typer.Option(min=1, help="End a worker that does not get on for so long.")
    ] = Limits.hang_seconds,
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0, help="Between checkpoints of a training.")
    ] = Limits.checkpoint_seconds,
    model_idle_seconds: Annotated[
        float, typer.Option(min=0, help="Unload a model that is not applied for so long.")
    ] = Limits.model_idle_seconds,
    worker_jobs: Annotated[
        int, typer.Option(min=1, help="Replace a worker after so many requests.")
    ] = Limits.worker_jobs,
    orphan_seconds: Annotated[
        float, typer.Option(min=0, help="Stay so long after the editor that started this ended.")
    ] = Limits.orphan_seconds,
    bind: Annotated[str, typer.Option(help="IP address to listen at.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 0,
    remote: Annotated[
        bool, typer.Option("--remote", help="Let other machines with a known key in.")
    ] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="Log one JSON object a line.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the engine here, until Ctrl+C."""
    from deepsim_server import serve as serving  # noqa: PLC0415  (commands should start fast)
    from deepsim_server.lock import HeldError  # noqa: PLC0415

    limits = Limits(
        hang_seconds=hang_seconds,
        checkpoint_seconds=checkpoint_seconds,
        model_idle_seconds=model_idle_seconds,
        worker_jobs=worker_jobs,
        orphan_seconds=orphan_seconds,
    )
    with outcome(as_json) as output:
        try:
            folders = Folders.find(data, runtime)
            address = Address.checked(bind, port, remote)
            devices = device or ["auto"]
            serving.serve(
                folders,
                idle_seconds or None,
                limits,
                devices=devices,
                address=address,
                json_logs=json_logs,
            )
        except HeldError as held:
            output.result(str(held), running=True, pid=held.pid)
        else:
            output.result("The engine has left.", running=False)


def status(data: Data = None, runtime: Runtime = None, as_json: AsJson = False) -> None:
    """What the engine does now."""
    with outcome(as_json) as output:
        folders = Folders.find(data, runtime)
        place = _remote(folders) or folders.location
        if isinstance(place, Location) and _pid(place) is None:
            output.result("The engine does not run.", running=False)
            return
        with _client(place) as client:
            body = _ask(client, "status", {})
        output.result(status_text(body, getattr(place, "endpoint", "")), running=True, **body)


def stop(data: Data = None, runtime: Runtime = None, as_json: AsJson = False) -> None:
    """Let the engine save what it trains, and leave."""
    with outcome(as_json) as output:
        location = Folders.find(data, runtime).location
        pid = _pid(location)
        if pid is None:
            output.result("The engine does not run.", stopped=False)
            return
        with _client(location) as client:
            _ask(client, "shutdown", {})
        deadline = time.monotonic() + _LEAVE_SECONDS
        while process_alive(pid):
            if time.monotonic() > deadline:
                raise WorkError(f"The engine (process {pid}) was told to leave but still runs.")
            time.sleep(0.05)
        output.result("The engine has left.", stopped=True)


def _pid(location: Location) -> int | None:
    """The running engine's process id, or None."""
    try:
        connection = location.read_connection()
    except LocationError as error:
        raise WorkError(str(error)) from error
    if connection is None or not process_alive(connection.pid):
        return None
    return connection.pid


def _remote(folders: Folders) -> Remote | None:
    """The engine on another machine that `deepsim engine connect` chose."""
    try:
        return Remote.configured(folders.data)
    except LocationError as error:
        raise WorkError(str(error)) from error


@contextmanager
def _client(location: Location | Remote) -> Iterator[EngineClient]:
    client = EngineClient(location, start_engine=False)
    try:
        yield client
    finally:
        client.close()


def _ask(client: EngineClient, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body of the result. Raises InputError or WorkError."""
    try:
        reply: Reply = client.wait(client.request(kind, body), _ANSWER_SECONDS)
    except TimeoutError as error:
        raise WorkError(str(error)) from error
    if reply.kind == "result":
        return reply.body
    message = str(reply.body.get("message"))
    if reply.body.get("code") in ("input", "not-found"):
        raise InputError(message)
    raise WorkError(message)
