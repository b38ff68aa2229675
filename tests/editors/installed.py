"""A real Krita with the plugin as the installer puts it there, and an engine of this Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deepsim_client import EngineClient, Location

if TYPE_CHECKING:
    from tests.editors.chroots import Starter
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.looks import Look
else:
    from chroots import Starter
    from krita_harness import KritaProcess

from deepsim_engine.folders import weights_dir
from installer.files import write_json
from installer.krita import install_plugin

ENGINE = [sys.executable, "-m", "deepsim_engine", "serve"]


@contextmanager
def engine_in(shared: Path, chroot: Path | None = None) -> Iterator[Path]:
    """A launch.json that leads to this Python's engine, which is ended at last.

    Its data folder is a new one in `shared`, a folder that Krita (in the chroot, if any) sees.
    """
    data = shared / "data"
    (data / "logs").mkdir(parents=True)
    if weights_dir().is_dir():
        (data / "weights").symlink_to(weights_dir().resolve())
    path, log, command = data / "launch.json", data / "logs" / "engine.log", ENGINE
    runtime = data / "run"
    starter = None
    if chroot is not None:
        folders = {"DEEPSIM_DATA": str(data), "DEEPSIM_RUNTIME": str(runtime)}
        starter = Starter(data, command, log, {"OMP_NUM_THREADS": "2", **folders})
        command = starter.command
    write_json(
        path,
        {
            "command": command,
            "data": str(data),
            "connection": str(runtime / "engine.json"),
            "client_key": str(data / "keys" / "clients" / "local.key_secret"),
            "log": str(log),
        },
    )
    yield path
    client = EngineClient(Location.from_file(path), start_engine=False)
    if client.location.connection.exists():
        client.wait(client.request("shutdown"), 30)
    client.close()
    if starter is not None:
        starter.close()


@contextmanager
def krita_with_plugin(
    launch: Path,
    pyzmq: Path,
    chroot: Path | None = None,
    threads: int = 2,
    look: Look | None = None,
) -> Iterator[KritaProcess]:
    """A running Krita whose plugin starts the engine of a launch.json.

    `pyzmq` is a folder of unpacked pyzmq as the installer fetches it, `threads` how many the
    engine computes with, `look` how Krita looks; as the environment asks, unless told.
    """

    def install(resources: Path, config: Path) -> None:
        description = Location.from_file(launch)
        install_plugin(
            resources,
            config,
            launch={
                "command": list(description.command),
                "data": str(description.data),
                "connection": str(description.connection),
                "client_key": str(description.client_key),
                "log": str(description.log),
            },
            pyzmq=pyzmq,
        )

    environment = {"OMP_NUM_THREADS": str(threads)}
    process = KritaProcess(install, environment, look=look, chroot=chroot)
    try:
        process.start()
        process.set_up()
        yield process
    finally:
        process.stop()
