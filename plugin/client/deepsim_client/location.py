"""Where the engine is: the installer's launch file, a running engine's connection file."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping

from .processes import process_alive

__all__ = ["Connection", "Location", "LocationError", "check_private", "process_alive"]

LAUNCH_NAME = "launch.json"
LAUNCH_VARIABLE = "DEEPSIM_LAUNCH"
LOCK_NAME = "engine.lock"
"""In the data folder; held by the one engine that uses it, with its process id in it."""
REMOTE_NAME = "remote.json"
"""In the data folder, where an engine on another machine is to be used."""
_MAX_BYTES = 64 * 1024


class LocationError(Exception):
    """A file that says where the engine is cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Connection:
    """What a running engine says of itself; `public_key` is its CURVE key in Z85.

    `pid` is 0 for an engine on another machine.
    """

    endpoint: str
    public_key: str
    pid: int
    protocol: int
    version: str


@dataclass(frozen=True)
class Location:
    """How to start the engine and where to find it once it runs."""

    command: tuple[str, ...]
    data: Path
    connection: Path
    client_key: Path
    log: Path

    @property
    def lock(self) -> Path:
        """Held by the engine that uses the data folder."""
        return self.data / LOCK_NAME

    @classmethod
    def from_file(cls, path: Path | None = None) -> Location:
        """Read `path`, or the first launch file there is.

        Looked for: $DEEPSIM_LAUNCH, beside this package, beside the Python environment.

        Raises:
            LocationError: when there is none or it is damaged.
        """
        chosen = Path(path) if path is not None else _find_launch_file()
        content = read_json(chosen, "launch file")
        try:
            command = content["command"]
            if not isinstance(command, list) or not command:
                raise ValueError("command")
            return cls(
                command=tuple(text_of(content, "command", part) for part in command),
                data=Path(text_of(content, "data")),
                connection=Path(text_of(content, "connection")),
                client_key=Path(text_of(content, "client_key")),
                log=Path(text_of(content, "log")),
            )
        except (KeyError, ValueError) as error:
            raise LocationError(
                f"The launch file {chosen} lacks a usable {error}: run the installer again."
            ) from None

    def read_connection(self) -> Connection | None:
        """The connection file's content, or None when there is no file.

        Raises:
            LocationError: when the file is damaged, or when others can read or have written it.
        """
        try:
            check_private(self.connection)
            content = read_json(self.connection, "connection file")
        except FileNotFoundError:
            return None
        try:
            return Connection(
                endpoint=text_of(content, "endpoint"),
                public_key=text_of(content, "public_key"),
                pid=number_of(content, "pid"),
                protocol=number_of(content, "protocol"),
                version=text_of(content, "version"),
            )
        except (KeyError, ValueError) as error:
            raise LocationError(
                f"The connection file {self.connection} lacks a usable {error}."
            ) from None


def check_private(path: Path) -> None:
    """Refuse a file that another user can read or write, or owns (on POSIX systems).

    Raises:
        FileNotFoundError: when there is no such file.
        LocationError: with what to do.
    """
    found = path.stat()
    if os.name != "posix":
        return
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise LocationError(
            f"The file {path} can be read by others: run chmod 600 on it, or remove it."
        )
    if found.st_uid != os.getuid():
        raise LocationError(f"The file {path} belongs to another user: remove it.")


def _launch_candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    package = Path(__file__).resolve().parent
    yield package / LAUNCH_NAME
    yield package.parent / LAUNCH_NAME
    yield Path(sys.prefix).parent / LAUNCH_NAME
    if environment.get("DEEPSIM_DATA"):
        yield Path(environment["DEEPSIM_DATA"]) / LAUNCH_NAME


def _find_launch_file() -> Path:
    named = os.environ.get(LAUNCH_VARIABLE)
    if named:
        return Path(named)
    for candidate in _launch_candidates(os.environ):
        if candidate.is_file():
            return candidate
    raise LocationError(
        f"There is no {LAUNCH_NAME} beside the plugin, so the engine cannot be found: run the"
        " installer again."
    )


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a small file; `what` names it.

    Raises:
        FileNotFoundError: when there is no connection file.
        LocationError: when another file is missing, or the file is unreadable or damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        if what == "connection file":
            raise
        raise LocationError(f"The {what} {path} does not exist: run the installer again.") from None
    except OSError as error:
        raise LocationError(f"The {what} {path} cannot be read: {error.strerror}.") from None
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError("too long")
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise LocationError(f"The {what} {path} is damaged: it is not JSON.") from None
    if not isinstance(content, dict):
        raise LocationError(f"The {what} {path} is damaged: it is not a JSON object.")
    return content


def text_of(content: Mapping[str, Any], key: str, value: object = None) -> str:
    """The text at `key` (or `value`). Raises KeyError, ValueError."""
    found = content[key] if value is None else value
    if not isinstance(found, str) or not found:
        raise ValueError(key)
    return found


def number_of(content: Mapping[str, Any], key: str) -> int:
    found = content[key]
    if type(found) is not int:
        raise ValueError(key)
    return found
