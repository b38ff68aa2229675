"""CURVE keys: the engine's own, and those of the clients it lets in."""

import hashlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deepsim_client.keyfiles import (
    create_key,
    load_key,
    public_key,
    read_public_key,
    write_public_key,
)
from deepsim_client.location import LocationError

from deepsim_engine.errors import InputError, WorkError
from deepsim_server.folders import Folders

log = logging.getLogger(__name__)

ENGINE = "engine"
"""The name that means the engine's own key, so that no client can have it."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z")
_SECRET = ".key_secret"  # noqa: S105  (the end of a file name)


@dataclass(frozen=True)
class KeyPair:
    """Public and secret key in Z85."""

    public: bytes
    secret: bytes


def ensure_keys(folders: Folders) -> KeyPair:
    """The engine's key pair; it and the local client's are made when they are missing.

    Raises WorkError when a key file is damaged, or readable by others.
    """
    engine = folders.engine_key
    for path in (engine, folders.client_key):
        if not path.exists():
            create_key(path)
    _load(folders.client_key)
    return _load(engine)


def mark(key: bytes) -> str:
    """A short name for a public key, fit for logs: it tells keys apart and opens nothing."""
    return hashlib.sha256(key).hexdigest()[:12]


@dataclass(frozen=True)
class Client:
    """A client that may connect: its name, its key's mark, whether its secret half is here."""

    name: str
    mark: str
    secret_here: bool


class ClientKeys:
    """The keys of clients, as files in the folder that `KnownKeys` reads."""

    def __init__(self, folders: Folders) -> None:
        folders.make()
        self._folder = folders.clients
        self._local = folders.client_key

    def list(self) -> list[Client]:
        """All clients by name. Raises WorkError when a file is damaged."""
        found = []
        for path in sorted(self._folder.glob("*.key")):
            try:
                key = read_public_key(path)
            except ValueError:
                raise WorkError(f"The key file {path} is damaged: revoke it.") from None
            secret = path.with_suffix(_SECRET)
            found.append(Client(path.stem, mark(key), secret.exists()))
        return found

    def add(self, name: str, public: str | None) -> Path | None:
        """Let a client in, by its public key, or with a key pair made here.

        Returns the file of the new secret key, if it was made here. Raises InputError.
        """
        path = self._path(name)
        if name.lower() == ENGINE:
            raise InputError(
                f"The name {name!r} means the engine's own key: choose another for the client."
            )
        if path.exists():
            raise InputError(f"There is a client {name!r} already: revoke or rotate its key.")
        if public is None:
            create_key(path.with_suffix(_SECRET))
            return path.with_suffix(_SECRET)
        try:
            write_public_key(path, public_key(public))
        except ValueError as error:
            raise InputError(f"This is no {error}: {public[:80]!r}.") from None
        return None

    def rotate(self, name: str) -> Path:
        """Replace a key pair that was made here; the old one is refused from now on."""
        path = self._existing(name).with_suffix(_SECRET)
        if not path.exists():
            raise InputError(
                f"The secret key of {name!r} is on another machine: make a new one there (`deepsim"
                f" engine connect`), then revoke {name!r} and add the new key here."
            )
        create_key(path)
        return path

    def revoke(self, name: str) -> None:
        """Refuse a client from now on, also where it is connected."""
        path = self._existing(name)
        if path.with_suffix(_SECRET) == self._local:
            raise InputError("Programs of this user need the key 'local': rotate it instead.")
        path.unlink()
        path.with_suffix(_SECRET).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise InputError(
                f"{name[:40]!r} is no name for a client: use letters, digits, - and _."
            )
        return self._folder / f"{name}.key"

    def _existing(self, name: str) -> Path:
        path = self._path(name)
        if not path.exists():
            raise InputError(f"There is no client {name!r}: see `deepsim engine keys list`.")
        return path


class KnownKeys:
    """Decides for libzmq's authenticator (ZAP) which keys may connect.

    Clients are those with a `.key` file in the folder, read at every connection, so that a key
    that is removed there is refused from then on. Workers are the keys given to `admit_worker`.
    """

    CLIENTS = "client"
    WORKERS = "worker"

    def __init__(self, clients: Path, on_denied: Callable[[str], None]) -> None:
        self._clients = clients
        self._on_denied = on_denied
        self._workers: dict[str, bytes] = {}
        self._stamp = 0
        self._cached: set[bytes] = set()

    def admit_worker(self, public: bytes, place: str) -> None:
        """Let this worker in, and no earlier one in its place."""
        self._workers[place] = public

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether `key` (Z85) may connect in `domain`; called by the authenticator's thread."""
        known = key in (self._workers.values() if domain == self.WORKERS else self._client_keys())
        if not known:
            self._on_denied(mark(key))
        return known

    def knows_client(self, key: bytes) -> bool:
        """Whether `key` is a client's; cheap: the folder is read again only when it has changed."""
        try:
            stamp = self._clients.stat().st_mtime_ns
        except OSError:
            return False
        if stamp != self._stamp:
            self._stamp, self._cached = stamp, self._client_keys()
        return key in self._cached

    def _client_keys(self) -> set[bytes]:
        found = set()
        for path in self._clients.glob("*.key"):
            try:
                found.add(read_public_key(path))
            except (OSError, ValueError) as error:
                log.warning("The client key %s cannot be read: %s", path.name, error)
        return found


def _load(path: Path) -> KeyPair:
    try:
        public, secret = load_key(path)
    except LocationError as error:
        raise WorkError(str(error)) from error
    except OSError as error:
        raise WorkError(f"The key file {path} cannot be read: {error}. Remove it.") from error
    if not path.with_suffix(".key").exists():
        raise WorkError(f"The key file {path} has lost its other half: remove it.")
    return KeyPair(public, secret)


def connection_json(endpoint: str, public: bytes, protocol: int, version: str) -> dict[str, object]:
    """Content of the connection file."""
    return {
        "endpoint": endpoint,
        "public_key": public.decode("ascii"),
        "pid": os.getpid(),
        "protocol": protocol,
        "version": version,
    }
