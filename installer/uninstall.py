"""`--uninstall`: take away what the installer put there, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

from installer.files import remove
from installer.krita import LAUNCH_NAME, read_launch, recorded_homes, remove_plugin
from installer.process import output_of
from installer.steps import Context

# What can be made again by installing; jobs and models, and where they are, are the user's work.
_OURS = (
    *("venv", "weights", "pyzmq", "downloads", "demo", "launch.json", "install.log"),
    *("run", "logs", "keys", "remote.json"),
)
_STORAGE = "storage.json"
_WORK = ("models", "jobs", "engine.sqlite", "engine.sqlite-wal", "engine.sqlite-shm", "engine.lock")


def uninstall(context: Context, *, purge: bool) -> None:
    """Remove the plugin from every editor, then the environment; models stay unless `purge`.

    The marker goes last, so that an interrupted uninstallation can be run again.
    """
    places, state, console = context.places, context.state, context.console
    if places.connection.exists() and places.deepsim.exists():
        output_of([places.deepsim, "engine", "stop"], timeout=30)
    for home in recorded_homes(state.homes):
        launch = read_launch(home.plugin / LAUNCH_NAME)
        if launch is not None and launch.get("data") != str(places.prefix):
            console.say(f"left alone, it belongs to another installation: {home.plugin}")
            continue
        remove_plugin(home)
        console.say(f"removed the Krita plugin from {home.resources}")
    for path in _work(places.prefix) if purge else ():
        remove(path)
    for name in _OURS:
        remove(places.prefix / name)
    remove(places.marker)
    remove(places.lock)
    left = sorted(entry.name for entry in places.prefix.iterdir())
    if not left:
        places.prefix.rmdir()
    console.say(f"removed DeepSIM from {places.prefix}")
    if left:
        console.say(f"kept: {', '.join(left)}")


def _work(prefix: Path) -> Iterator[Path]:
    """Models and trainings, also where the user has them kept elsewhere; then where that is."""
    # The engine's own reading of that file went with the environment, or never was there.
    described = read_launch(prefix / _STORAGE)
    elsewhere = described.get("folder") if isinstance(described, dict) else None
    folders = [prefix] if not isinstance(elsewhere, str) else [Path(elsewhere), prefix]
    for folder in folders:
        for name in _WORK:
            yield folder / name
    yield prefix / _STORAGE
