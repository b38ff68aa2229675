"""Where the engine is: the installer's launch file, a running engine's connection file."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping

LAUNCH_NAME = "launch.json"
LAUNCH_VARIABLE = "DEEPSIM_LAUNCH"
_MAX_BYTES = 64 * 1024


class LocationError(Exception):
    """A file that says where the engine is cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Connection:
    """What a running engine says of itself; `public_key` is its CURVE key in Z85."""

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

    @classmethod
    def from_file(cls, path: Path | None = None) -> Location:
        """Read `path`, or the first launch file there is.

        Looked for: $DEEPSIM_LAUNCH, beside this package, beside the Python environment.

        Raises:
            LocationError: when there is none or it is damaged.
        """
        chosen = Path(path) if path is not None else _find_launch_file()
        content = _read_json(chosen, "launch file")
        try:
            command = content["command"]
            if not isinstance(command, list) or not command:
                raise ValueError("command")
            return cls(
                command=tuple(_text(content, "command", part) for part in command),
                data=Path(_text(content, "data")),
                connection=Path(_text(content, "connection")),
                client_key=Path(_text(content, "client_key")),
                log=Path(_text(content, "log")),
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
            content = _read_json(self.connection, "connection file")
        except FileNotFoundError:
            return None
        try:
            return Connection(
                endpoint=_text(content, "endpoint"),
                public_key=_text(content, "public_key"),
                pid=_number(content, "pid"),
                protocol=_number(content, "protocol"),
                version=_text(content, "version"),
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


def process_alive(pid: int) -> bool:
    """Whether the process `pid` of this machine runs (a zombie does not)."""
    if pid <= 0:
        return False
    if os.name == "nt":
        return _windows_process_alive(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # "pid (name) state ...": the name may hold spaces and brackets.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here: the signal's answer stands
    return state not in (b"Z", b"X")


def _windows_process_alive(pid: int) -> bool:
    """os.kill(pid, 0) would send Ctrl+C there, so ask for the exit code instead."""
    import ctypes  # noqa: PLC0415  (needed on Windows only)

    query_limited_information, still_active = 0x1000, 259
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (exists on Windows only)
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    alive = bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code)))
    kernel.CloseHandle(handle)
    return alive and code.value == still_active


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


def _read_json(path: Path, what: str) -> dict[str, Any]:
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


def _text(content: Mapping[str, Any], key: str, value: object = None) -> str:
    found = content[key] if value is None else value
    if not isinstance(found, str) or not found:
        raise ValueError(key)
    return found


def _number(content: Mapping[str, Any], key: str) -> int:
    found = content[key]
    if type(found) is not int:
        raise ValueError(key)
    return found
