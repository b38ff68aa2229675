"""Where things go on each system: DeepSIM's own folder, and the folders of each Krita."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

System = Literal["linux", "macos", "windows"]

CHECKOUT = Path(__file__).resolve().parent.parent
MARKER_NAME = "deepsim-install.json"


def this_system() -> System:
    """The system that this Python runs on; anything that is neither macOS nor Windows is Unix."""
    if sys.platform == "darwin":
        return "macos"
    return "windows" if sys.platform == "win32" else "linux"


def _folder(env: Mapping[str, str], variable: str, default: Path) -> Path:
    value = env.get(variable, "")
    return Path(value) if Path(value).is_absolute() else default


def default_prefix(system: System, env: Mapping[str, str], home: Path) -> Path:
    """The user's data folder for `deepsim`, as platformdirs gives it to the engine."""
    if system == "macos":
        return home / "Library" / "Application Support" / "deepsim"
    if system == "windows":
        return _folder(env, "LOCALAPPDATA", home / "AppData" / "Local") / "deepsim"
    return _folder(env, "XDG_DATA_HOME", home / ".local" / "share") / "deepsim"


@dataclass(frozen=True)
class Places:
    """Everything inside one installation's folder."""

    prefix: Path
    system: System

    @property
    def venv(self) -> Path:
        return self.prefix / "venv"

    @property
    def scripts(self) -> Path:
        return self.venv / ("Scripts" if self.system == "windows" else "bin")

    @property
    def python(self) -> Path:
        return self.scripts / ("python.exe" if self.system == "windows" else "python")

    @property
    def deepsim(self) -> Path:
        return self.scripts / ("deepsim.exe" if self.system == "windows" else "deepsim")

    @property
    def marker(self) -> Path:
        return self.prefix / MARKER_NAME

    @property
    def lock(self) -> Path:
        return self.prefix / "install.lock"

    @property
    def log(self) -> Path:
        return self.prefix / "install.log"

    @property
    def launch(self) -> Path:
        return self.prefix / "launch.json"

    @property
    def hed_weights(self) -> Path:
        return self.prefix / "weights" / "hed-vgg16.safetensors"

    @property
    def pyzmq(self) -> Path:
        """Unpacked pyzmq wheels, one folder for each kind of Python that an editor embeds."""
        return self.prefix / "pyzmq"

    @property
    def downloads(self) -> Path:
        return self.prefix / "downloads"

    @property
    def models(self) -> Path:
        return self.prefix / "models"

    @property
    def connection(self) -> Path:
        """There while an engine runs."""
        return self.prefix / "run" / "engine.json"

    def launch_description(self) -> dict[str, Any]:
        """What an editor must know to start the engine and to find it (content of launch.json)."""
        return {
            "command": [str(self.python), "-m", "deepsim_engine", "serve"],
            "data": str(self.prefix),
            "connection": str(self.connection),
            "client_key": str(self.prefix / "keys" / "clients" / "local.key_secret"),
            "log": str(self.prefix / "logs" / "engine.log"),
        }


@dataclass(frozen=True)
class KritaHome:
    """One Krita's folders: `resources` holds pykrita/ and actions/, `config` holds kritarc."""

    kind: str
    resources: Path
    config: Path

    @property
    def plugin(self) -> Path:
        return self.resources / "pykrita" / "deepsim_krita"

    @property
    def kritarc(self) -> Path:
        return self.config / "kritarc"


def krita_homes(system: System, env: Mapping[str, str], home: Path) -> list[KritaHome]:
    """The native Krita's folders always, so that a Krita installed later finds the plugin;
    those of a flatpak or snap only where such a Krita has been started."""
    if system == "macos":
        library = home / "Library"
        native = KritaHome(
            "native", library / "Application Support" / "Krita", library / "Preferences"
        )
        return [native]
    if system == "windows":
        roaming = _folder(env, "APPDATA", home / "AppData" / "Roaming")
        local = _folder(env, "LOCALAPPDATA", home / "AppData" / "Local")
        return [KritaHome("native", roaming / "krita", local)]
    data = _folder(env, "XDG_DATA_HOME", home / ".local" / "share")
    config = _folder(env, "XDG_CONFIG_HOME", home / ".config")
    homes = [KritaHome("native", data / "krita", config)]
    flatpak = home / ".var" / "app" / "org.kde.krita"
    if flatpak.is_dir():
        homes.append(KritaHome("flatpak", flatpak / "data" / "krita", flatpak / "config"))
    snap = home / "snap" / "krita" / "current"
    if snap.is_dir():
        homes.append(KritaHome("snap", snap / ".local/share/krita", snap / ".config"))
    return homes
