"""Krita's side: the plugin in its resource folder, enabled in its kritarc.

In a resource folder:

    pykrita/deepsim_krita.desktop
    pykrita/deepsim_krita/                          the plugin
    pykrita/deepsim_krita/launch.json               how to start and find the engine
    pykrita/deepsim_krita/vendor/deepsim_client/    the client, from this checkout
    pykrita/deepsim_krita/vendor/pyzmq-*/           pyzmq for each Python that Kritas embed
    actions/deepsim.action                          shortcuts
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from installer import kritarc
from installer.files import (
    copy_folder,
    fingerprint,
    folder_fingerprint,
    remove,
    replace_folder,
    write_json,
)
from installer.places import CHECKOUT, KritaHome, krita_homes
from installer.steps import Context
from installer.wheels import PYTHONS, PYZMQ, fetch_pyzmq

PLUGIN_SOURCES = CHECKOUT / "plugin"
LAUNCH_NAME = "launch.json"
_DESKTOP = "deepsim_krita.desktop"
_ACTION = "deepsim.action"


def install_plugin(
    resources: Path, config: Path, *, launch: Mapping[str, Any], pyzmq: Path
) -> Path:
    """Put the plugin into one Krita's folders and enable it; returns the plugin's folder.

    `resources` is Krita's resource folder, `config` the folder of its kritarc, `launch` the content
    of launch.json, `pyzmq` the folder that `fetch_pyzmq` filled. An older plugin is replaced whole.
    """
    home = KritaHome("", resources, config)
    work = home.plugin.with_name(f".{home.plugin.name}.new")
    remove(work)
    work.parent.mkdir(parents=True, exist_ok=True)
    copy_folder(PLUGIN_SOURCES / "krita" / "deepsim_krita", work)
    vendor = work / "vendor"
    copy_folder(PLUGIN_SOURCES / "client" / "deepsim_client", vendor / "deepsim_client")
    for name in PYTHONS:
        copy_folder(pyzmq / name, vendor / name)
    write_json(work / LAUNCH_NAME, launch)
    replace_folder(work, home.plugin)
    shutil.copyfile(PLUGIN_SOURCES / "krita" / _DESKTOP, home.plugin.with_name(_DESKTOP))
    actions = resources / "actions"
    actions.mkdir(exist_ok=True)
    shutil.copyfile(PLUGIN_SOURCES / "krita" / "actions" / _ACTION, actions / _ACTION)
    kritarc.enable(home.kritarc)
    return home.plugin


def remove_plugin(home: KritaHome) -> None:
    """Take out of one Krita's folders what `install_plugin` put there, and folders left empty."""
    kritarc.disable(home.kritarc)
    remove(home.plugin)
    remove(home.plugin.with_name(_DESKTOP))
    remove(home.resources / "actions" / _ACTION)
    for folder in (home.plugin.parent, home.resources / "actions", home.resources):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def plugin_faults(home: KritaHome, launch: Mapping[str, Any]) -> list[str]:
    """What is wrong with the plugin in one Krita's folders, one sentence each."""
    if not home.plugin.is_dir():
        return [f"{home.plugin} is missing."]
    needed = [
        home.plugin / "__init__.py",
        home.plugin / "vendor" / "deepsim_client" / "__init__.py",
        *(home.plugin / "vendor" / name / "zmq" for name in PYTHONS),
        home.plugin.with_name(_DESKTOP),
        home.resources / "actions" / _ACTION,
    ]
    faults = [f"{path} is missing." for path in needed if not path.exists()]
    if read_launch(home.plugin / LAUNCH_NAME) != dict(launch):
        faults.append(f"{home.plugin / LAUNCH_NAME} leads to another installation.")
    if not kritarc.is_plugin_enabled(kritarc.read(home.kritarc)):
        faults.append(f"The plugin is not enabled in {home.kritarc}.")
    return faults


def read_launch(path: Path) -> Any:
    """The content of a launch file, or None when it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class KritaPlugin:
    """The plugin in every Krita of this user."""

    name: str = "krita"
    title: str = "Krita plugin"
    forgets: tuple[str, ...] = ()

    def homes(self, context: Context) -> list[KritaHome]:
        """The Kritas of this user."""
        return krita_homes(context.places.system, os.environ, Path.home())

    def stamp(self, context: Context) -> str:
        sources = folder_fingerprint(
            [PLUGIN_SOURCES / "krita", PLUGIN_SOURCES / "client" / "deepsim_client"]
        )
        return fingerprint(PYZMQ, sources, context.places.launch_description(), self.homes(context))

    def intact(self, context: Context) -> bool:
        launch = context.places.launch_description()
        return not any(plugin_faults(home, launch) for home in self.homes(context))

    def run(self, context: Context) -> None:
        places, state = context.places, context.state
        wheels = fetch_pyzmq(places.pyzmq, context.pip)
        for home in self.homes(context):
            # Noted first, so that an uninstallation knows of it however this ends.
            entry = {key: str(value) for key, value in asdict(home).items()}
            if entry not in state.homes:
                state.homes.append(entry)
                state.save()
            folder = install_plugin(
                home.resources, home.config, launch=places.launch_description(), pyzmq=wheels
            )
            context.console.say(f"      {home.kind}: {folder}")


def recorded_homes(homes: list[dict[str, str]]) -> list[KritaHome]:
    """The folders that an installation says it put the plugin into."""
    return [KritaHome(h["kind"], Path(h["resources"]), Path(h["config"])) for h in homes]
