"""`--uninstall`: take away what the installer put there, and nothing else."""

from installer.files import remove
from installer.krita import LAUNCH_NAME, read_launch, recorded_homes, remove_plugin
from installer.process import output_of
from installer.steps import Context

# What can be made again by installing; jobs and models are the user's work.
_OURS = (
    *("venv", "weights", "pyzmq", "downloads", "demo", "launch.json", "install.log"),
    *("run", "logs", "keys"),
)
_WORK = ("models", "jobs")


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
    for name in (*_OURS, *(_WORK if purge else ())):
        remove(places.prefix / name)
    remove(places.marker)
    remove(places.lock)
    left = sorted(entry.name for entry in places.prefix.iterdir())
    if not left:
        places.prefix.rmdir()
    console.say(f"removed DeepSIM from {places.prefix}")
    if left:
        console.say(f"kept: {', '.join(left)}")
