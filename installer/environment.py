"""The steps that make the Python environment: venv, PyTorch, DeepSIM with its libraries."""

import re
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from installer.errors import InstallError
from installer.files import fingerprint, folder_fingerprint, remove
from installer.pip import CONSTRAINTS, remove_half_installed
from installer.places import CHECKOUT
from installer.process import run
from installer.steps import Context
from installer.torch_choice import (
    CPU_INDEX,
    TorchOption,
    can_reach,
    choose_torch,
    has_nvidia,
)

SOURCES = (
    "pyproject.toml",
    "deepsim_engine",
    "server/deepsim_server",
    "plugin/client/deepsim_client",
)
_SHARED_PTH = "deepsim-existing-libraries.pth"


def constraint(package: str) -> list[str]:
    """The lines of the tested set about one package, markers included."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if re.match(rf"{re.escape(package)}==", line)]


def sources_fingerprint() -> str:
    """A hash over the sources of the packages that are installed."""
    return folder_fingerprint(CHECKOUT / name for name in SOURCES)


def base_python() -> Path:
    """The interpreter that runs this, outside of any virtual environment."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


@dataclass(frozen=True)
class Environment:
    """An own virtual environment, so that nothing of the system or the user interferes."""

    torch: TorchOption = "auto"
    name: str = "environment"
    title: str = "Python environment"
    forgets: tuple[str, ...] = ("torch", "deepsim", "tests")

    def stamp(self, context: Context) -> str:
        # Not of the Python that runs this: another one finds the environment as good as it is.
        return fingerprint(context.places.prefix, self.torch == "existing")

    def intact(self, context: Context) -> bool:
        return context.places.python.exists()

    def run(self, context: Context) -> None:
        places, console = context.places, context.console
        remove(places.venv)
        run(
            [base_python(), "-m", "venv", places.venv],
            console,
            failure=InstallError(
                "Python could not make a virtual environment.",
                "On Debian and Ubuntu: apt install python3-venv; then run the same command again.",
            ),
            activity=f"making {places.venv} with Python {sys.version.split()[0]}",
            keep_open=context.lock,
        )
        if self.torch == "existing":
            # A path line is enough: pip sees what is there and installs only what is missing.
            shared = Path(sysconfig.get_path("purelib"))
            (context.site_packages() / _SHARED_PTH).write_text(f"{shared}\n", encoding="utf-8")


@dataclass(frozen=True)
class Torch:
    """torch and torchvision that match each other and the machine."""

    option: TorchOption = "auto"
    name: str = "torch"
    title: str = "PyTorch"
    forgets: tuple[str, ...] = ()

    def stamp(self, context: Context) -> str:
        return fingerprint(self.option, *constraint("torch"), *constraint("torchvision"))

    def intact(self, context: Context) -> bool:
        if self.option == "existing":
            return True
        return (context.site_packages() / "torch" / "version.py").is_file()

    def run(self, context: Context) -> None:
        if self.option == "existing":
            context.state.facts["torch"] = f"that of {sys.prefix}"
        else:
            self._install(context)
        run(
            [context.places.python, "-c", _TORCH_WORKS],
            context.console,
            failure=InstallError(
                "PyTorch was installed but does not run here.",
                "The log says why. Another build may do: --torch cpu or --torch default.",
            ),
            activity="trying torch and torchvision",
            keep_open=context.lock,
        )

    def _install(self, context: Context) -> None:
        auto = self.option == "auto"
        nvidia = auto and has_nvidia()
        system = context.places.system
        reachable = auto and system == "linux" and not nvidia and can_reach(f"{CPU_INDEX}/torch/")
        choice = choose_torch(system, option=self.option, nvidia=nvidia, cpu_index=reachable)
        context.console.say(f"      {choice.words}")
        context.state.facts["torch"] = choice.words
        free = shutil.disk_usage(context.places.prefix).free
        if free < choice.room:
            raise InstallError(
                f"{context.places.prefix} has {free / 1e9:.1f} GB free; "
                f"PyTorch needs up to {choice.room / 1e9:.0f} GB while it is installed.",
                "Make room, or choose a folder on another disk with --prefix.",
            )
        remove_half_installed(context.site_packages(), context.console)
        if choice.index is not None:
            # Only these two from that index; what they need comes from the usual one below.
            context.pip.install("--no-deps", "--index-url", choice.index, "torch", "torchvision")
        context.pip.install("torch", "torchvision")


_TORCH_WORKS = (
    "import torch, torchvision; from torchvision.ops import nms; "
    "nms(torch.zeros(1, 4), torch.zeros(1), 0.5); print(torch.__version__, torchvision.__version__)"
)


@dataclass(frozen=True)
class DeepSim:
    """The project itself from this checkout, with the rest of its libraries at tested versions."""

    name: str = "deepsim"
    title: str = "DeepSIM and its libraries"
    forgets: tuple[str, ...] = ()

    def stamp(self, context: Context) -> str:
        return fingerprint(CONSTRAINTS.read_text(encoding="utf-8"), sources_fingerprint())

    def intact(self, context: Context) -> bool:
        return context.places.deepsim.is_file()

    def run(self, context: Context) -> None:
        remove_half_installed(context.site_packages(), context.console)
        # hatchling builds the project without a second environment; h5py reads HED's weights.
        context.pip.install("hatchling", "h5py")
        context.pip.install("--no-build-isolation", CHECKOUT)
        # The version may be the same while the sources are not.
        context.pip.install("--no-build-isolation", "--no-deps", "--force-reinstall", CHECKOUT)
        if context.places.connection.exists():
            context.console.say(
                "      an engine of the earlier version is running; to change it at once: "
                f"{context.places.deepsim} engine stop"
            )


@dataclass(frozen=True)
class TestLibraries:
    """What the tests need beside DeepSIM."""

    name: str = "tests"
    title: str = "libraries for the tests"
    forgets: tuple[str, ...] = ()

    def stamp(self, context: Context) -> str:
        pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
        return fingerprint(CONSTRAINTS.read_text(encoding="utf-8"), pyproject)

    def intact(self, context: Context) -> bool:
        return True

    def run(self, context: Context) -> None:
        context.pip.install("--no-build-isolation", f"{CHECKOUT}[evaluation,test]")
