"""Where the engine keeps its things; one definition for the engine, its worker and its commands."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from deepsim_client import Location
from deepsim_client.location import LOCK_NAME

from deepsim_engine.folders import INSTALL_RECORD, data_dir

RUNTIME_VARIABLE = "DEEPSIM_RUNTIME"

Data = Annotated[Path | None, typer.Option("--data", help="Data folder.")]
Runtime = Annotated[Path | None, typer.Option("--runtime", help="Folder of the connection file.")]


@dataclass(frozen=True)
class Folders:
    """The data folder (models, jobs, keys, logs) and the runtime folder (connection file)."""

    data: Path
    runtime: Path

    @classmethod
    def find(cls, data: Path | None = None, runtime: Path | None = None) -> "Folders":
        """The given folders, or those of this installation."""
        chosen = (data or data_dir()).expanduser().absolute()
        return cls(chosen, (runtime or _runtime(chosen)).expanduser().absolute())

    def make(self) -> None:
        """Create what is missing, private to the user. Raises OSError."""
        self.data.mkdir(parents=True, exist_ok=True)
        for folder in (self.runtime, self.keys, self.clients):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        for folder in (self.models, self.jobs, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def models(self) -> Path:
        """One safetensors file a model."""
        return self.data / "models"

    @property
    def jobs(self) -> Path:
        """One folder a training: its inputs and its checkpoint."""
        return self.data / "jobs"

    @property
    def database(self) -> Path:
        """The list of jobs (SQLite)."""
        return self.data / "engine.sqlite"

    @property
    def keys(self) -> Path:
        """The engine's own CURVE key."""
        return self.data / "keys"

    @property
    def engine_key(self) -> Path:
        """The engine's own secret key."""
        return self.keys / "engine.key_secret"

    @property
    def clients(self) -> Path:
        """The CURVE keys of clients that may connect."""
        return self.keys / "clients"

    @property
    def client_key(self) -> Path:
        """The key of programs of this user on this machine."""
        return self.clients / "local.key_secret"

    @property
    def logs(self) -> Path:
        """Readable logs."""
        return self.data / "logs"

    @property
    def log(self) -> Path:
        """The engine's log; the worker's is beside it."""
        return self.logs / "engine.log"

    @property
    def worker_log(self) -> Path:
        """What the worker process prints: warnings of libraries, its last words."""
        return self.logs / "worker.log"

    @property
    def lock(self) -> Path:
        """Held by the one engine that uses this data folder."""
        return self.data / LOCK_NAME

    @property
    def connection(self) -> Path:
        """Where a running engine says how to reach it."""
        return self.runtime / "engine.json"

    @property
    def location(self) -> Location:
        """The same for a client, which may start the engine with these folders."""
        command = (sys.executable, "-m", "deepsim_engine", "serve")
        return Location(command, self.data, self.connection, self.client_key, self.log)


def _runtime(data: Path) -> Path:
    if override := os.environ.get(RUNTIME_VARIABLE):
        return Path(override)
    if (data / INSTALL_RECORD).is_file() or os.environ.get("DEEPSIM_DATA"):
        return data / "run"
    return Path(platformdirs.user_runtime_dir("deepsim", appauthor=False))
