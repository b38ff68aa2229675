"""An engine on another machine: where it is, which key it has, which key we have.

No secret travels: each side tells the other its public key only. On the engine's machine
`deepsim serve --remote` prints the line that sets this up here, and setting it up gives the line
to run there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .files import write_private_json
from .keyfiles import create_key, load_key, pasteable, public_key
from .location import REMOTE_NAME, Connection, LocationError, check_private, read_json, text_of
from .wire import PROTOCOL

_ENDPOINT = re.compile(r"tcp://(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})\Z")
_KEY_FOLDER, _KEY_NAME = "keys", "remote.key_secret"


@dataclass(frozen=True)
class Remote:
    """What an EngineClient needs to reach an engine that it can neither start nor end.

    Attributes:
        endpoint: tcp://HOST:PORT.
        public_key: the engine's CURVE key in Z85.
        client_key: file of this client's secret key.
    """

    endpoint: str
    public_key: str
    client_key: Path

    @classmethod
    def from_file(cls, path: Path) -> Remote:
        """Read a file that `save` wrote.

        Raises:
            LocationError: when it is missing or damaged, or when others can read it.
        """
        try:
            check_private(path)
        except FileNotFoundError:
            raise LocationError(f"There is no file {path} that says where the engine is.") from None
        content = read_json(path, "remote engine file")
        try:
            return cls(
                checked_endpoint(text_of(content, "endpoint")),
                public_key(text_of(content, "public_key")),
                Path(text_of(content, "client_key")),
            )
        except (KeyError, ValueError) as error:
            raise LocationError(f"The remote engine file {path} lacks a usable {error}.") from None

    @classmethod
    def configured(cls, data: Path) -> Remote | None:
        """The remote engine that the data folder names, or None. Raises LocationError."""
        path = data / REMOTE_NAME
        return cls.from_file(path) if path.exists() else None

    def save(self, path: Path) -> None:
        """Write the file, mode 0600, whole or not at all. Raises OSError."""
        content = {
            "endpoint": self.endpoint,
            "public_key": self.public_key,
            "client_key": str(self.client_key),
        }
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_json(path, content)

    def read_connection(self) -> Connection:
        """As a local engine's connection file would say it, with no process id."""
        return Connection(self.endpoint, self.public_key, 0, PROTOCOL, "unknown")


def set_up(data: Path, endpoint: str, engine_key: str) -> tuple[Remote, str]:
    """Use that engine from now on; this client's key is made where there is none.

    Returns the configuration, which is saved in the data folder, and this client's public key in
    hexadecimal digits, which the engine has to be told: `deepsim engine keys add NAME KEY`.

    Raises:
        LocationError: when the endpoint, the engine's key or an existing key file is wrong.
        OSError: when the data folder cannot be written.
    """
    try:
        endpoint, key = checked_endpoint(endpoint), public_key(engine_key)
    except ValueError as error:
        raise LocationError(f"This is no usable {error}.") from None
    folder = data / _KEY_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    client_key = folder / _KEY_NAME
    if not client_key.exists():
        create_key(client_key)
    public, _ = load_key(client_key)
    remote = Remote(endpoint, key, client_key)
    remote.save(data / REMOTE_NAME)
    return remote, pasteable(public)


def checked_endpoint(endpoint: str) -> str:
    """`endpoint` itself. Raises ValueError when it is not tcp://HOST:PORT."""
    found = _ENDPOINT.match(endpoint)
    if found is None or not 1 <= int(found.group(2)) <= 65535:
        raise ValueError("endpoint (tcp://HOST:PORT)")
    return endpoint
