"""pip of one Python: quiet on the screen, complete in the log."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from installer.console import Console
from installer.errors import InstallError
from installer.places import CHECKOUT
from installer.process import run

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
_QUIET = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
_NAME = re.compile(r"(Collecting|Downloading|Using cached|Processing|Building wheel for) (\S+)(.*)")


def gist(line: str) -> str | None:
    """The live line for a line of pip's output, or None when it says nothing new."""
    text = line.strip()
    if match := _NAME.match(text):
        verb, what, rest = match.groups()
        size = re.search(r"\([\d.]+ [kMG]?B\)", rest)
        return f"{verb} {what.rsplit('/', 1)[-1]}{' ' + size.group() if size else ''}"
    if text.startswith("Installing collected packages"):
        return f"Unpacking {text.count(',') + 1} packages"
    return None


@dataclass(frozen=True)
class Pip:
    """Runs `python -m pip` with the tested versions as constraints."""

    python: Path
    console: Console
    keep_open: int | None = None

    def install(self, *arguments: str | Path, constrained: bool = True) -> None:
        """`pip install`; raises InstallError with what to do."""
        limits = ("--constraint", CONSTRAINTS) if constrained else ()
        self._run("install", *_QUIET, *limits, *arguments)

    def download(self, *arguments: str | Path) -> None:
        """`pip download`; raises InstallError with what to do."""
        self._run("download", *_QUIET, *arguments)

    def _run(self, *arguments: str | Path) -> None:
        failure = InstallError(
            "pip could not fetch or install what DeepSIM needs.",
            "Check the network (proxies are taken from HTTPS_PROXY) and the room on the disk, "
            "then run the same command again: it goes on where it stopped.",
        )
        command = [self.python, "-m", "pip", *arguments]
        run(
            command,
            self.console,
            failure=failure,
            gist=gist,
            activity="Asking the package index",
            keep_open=self.keep_open,
            cwd=CHECKOUT,
        )


def remove_half_installed(site_packages: Path, console: Console) -> None:
    """Forget packages whose installation was cut off, so that pip installs them again.

    pip writes INSTALLER into a package's .dist-info after its files; one without it was cut off,
    and pip would take it for whole.
    """
    for info in site_packages.glob("*.dist-info"):
        if not (info / "INSTALLER").is_file():
            console.record(f"removing the half-installed {info.name}")
            shutil.rmtree(info)
    for leftover in site_packages.glob("~*"):
        shutil.rmtree(leftover, ignore_errors=True)
