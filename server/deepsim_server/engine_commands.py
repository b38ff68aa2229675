"""`deepsim engine keys`, `connect`, `disconnect`: who may use the engine, and which we use."""

from typing import Annotated

import typer
from deepsim_client import LocationError
from deepsim_client.keyfiles import create_key, pasteable, read_public_key
from deepsim_client.location import REMOTE_NAME
from deepsim_client.remote import set_up

from deepsim_engine.cli.output import AsJson, outcome
from deepsim_engine.errors import InputError
from deepsim_server.folders import Data, Folders
from deepsim_server.keys import ENGINE, ClientKeys, mark

Name = Annotated[str, typer.Argument(help="The client's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the group `engine`."""
    keys = typer.Typer(no_args_is_help=True, help="The keys of clients that may connect.")
    keys.command("list")(list_keys)
    keys.command("add")(add_key)
    keys.command("rotate")(rotate_key)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys")
    app.command("connect")(connect)
    app.command("disconnect")(disconnect)


def list_keys(data: Data = None, as_json: AsJson = False) -> None:
    """Who may connect. A mark tells keys apart; the engine's log names refused ones by it."""
    with outcome(as_json) as output:
        clients = ClientKeys(Folders.find(data)).list()
        lines = [
            f"{each.name:<16} {each.mark}  {'key made here' if each.secret_here else 'elsewhere'}"
            for each in clients
        ]
        facts = [
            {"name": each.name, "mark": each.mark, "secret_here": each.secret_here}
            for each in clients
        ]
        output.result("\n".join(lines) or "No client has a key yet.", clients=facts)


def add_key(
    name: Name,
    key: Annotated[
        str | None, typer.Argument(help="Its public key; without one, a pair is made here.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let a client in, at once."""
    with outcome(as_json) as output:
        secret = ClientKeys(Folders.find(data)).add(name, key)
        made = f" Its secret key is {secret}." if secret else ""
        output.result(f"{name} may connect.{made}", added=name, secret=secret and str(secret))


def rotate_key(
    name: Annotated[str, typer.Argument(help="The client's name, or `engine`.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Replace a key: a client's at once, the engine's own at its next start."""
    with outcome(as_json) as output:
        folders = Folders.find(data)
        if name != ENGINE:
            path = ClientKeys(folders).rotate(name)
            output.result(f"{name} has a new key, in {path}.", rotated=name)
            return
        folders.make()
        create_key(folders.engine_key)
        key = pasteable(read_public_key(folders.engine_key.with_suffix(".key")))
        output.result(
            "The engine's key is new from its next start (`deepsim engine stop`). Other machines"
            f" have to be told: {key}",
            rotated=name,
            public_key=key,
        )


def revoke_key(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Refuse a client from now on, also where it is connected."""
    with outcome(as_json) as output:
        ClientKeys(Folders.find(data)).revoke(name)
        output.result(f"{name} is refused from now on.", revoked=name)


def connect(
    endpoint: Annotated[str, typer.Argument(help="tcp://HOST:PORT, as the engine printed it.")],
    key: Annotated[str, typer.Argument(help="The engine's public key, as it printed it.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Use an engine on another machine from here."""
    with outcome(as_json) as output:
        folders = Folders.find(data)
        try:
            _, public = set_up(folders.data, endpoint, key)
        except LocationError as error:
            raise InputError(str(error)) from error
        name = "client-" + mark(public.encode())[:6]
        line = f"deepsim engine keys add {name} {public}"
        output.result(
            f"This machine uses the engine at {endpoint}. On that machine, run:\n  {line}",
            endpoint=endpoint,
            public_key=public,
            line=line,
        )


def disconnect(data: Data = None, as_json: AsJson = False) -> None:
    """Use this machine's own engine again."""
    with outcome(as_json) as output:
        path = Folders.find(data).data / REMOTE_NAME
        there = path.exists()
        path.unlink(missing_ok=True)
        sentence = "This machine uses its own engine again." if there else "It already does."
        output.result(sentence, disconnected=there)
