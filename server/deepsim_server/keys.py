"""CURVE keys: the engine's own, and those of the clients it lets in."""

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deepsim_client.keyfiles import create_key, load_key, read_public_key
from deepsim_client.location import LocationError

from deepsim_engine.errors import WorkError
from deepsim_server.folders import Folders

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyPair:
    """Public and secret key in Z85."""

    public: bytes
    secret: bytes


def ensure_keys(folders: Folders) -> KeyPair:
    """The engine's key pair; it and the local client's are made when they are missing.

    Raises WorkError when a key file is damaged, or readable by others.
    """
    engine = folders.keys / "engine.key_secret"
    for path in (engine, folders.client_key):
        if not path.exists():
            create_key(path)
    _load(folders.client_key)
    return _load(engine)


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

    def admit_worker(self, public: bytes, place: str) -> None:
        """Let this worker in, and no earlier one in its place."""
        self._workers[place] = public

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether `key` (Z85) may connect in `domain`; called by the authenticator's thread."""
        known = key in (self._workers.values() if domain == self.WORKERS else self._client_keys())
        if not known:
            self._on_denied(hashlib.sha256(key).hexdigest()[:12])
        return known

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
