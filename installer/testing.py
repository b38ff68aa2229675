"""`--test`: what the tests need, then linters, types and the whole suite, in every Krita wanted."""

import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from installer import apt
from installer.editions import Edition, unpacked
from installer.errors import InstallError
from installer.places import CHECKOUT
from installer.process import child_environment, output_of, sharing_cores
from installer.steps import Context

# Program -> Debian's package.
_PROGRAMS = {
    "krita": "krita",
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "import": "imagemagick",
}


# The same for networks of the tests' own: without them, those tests are skipped and say why.
_NETWORK_PROGRAMS = {"ip": "iproute2", "nft": "nftables"}


def prepare_network(context: Context) -> None:
    """Install by apt, where that can be, what tests with a bad line between two machines need."""
    missing = [package for program, package in _NETWORK_PROGRAMS.items() if not _found(program)]
    if missing and apt.can_install():
        try:
            apt.install(context, missing, InstallError("apt-get could not install them.", ""))
        except InstallError as error:
            context.console.say(f"      without {' and '.join(missing)}: {error}")


def _found(program: str) -> bool:
    """Whether it is there, also where only root looks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def missing_for_editors() -> list[str]:
    """The Debian packages that tests in a real Krita lack on this machine."""
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    pyqt = _pyqt_package()
    if pyqt is not None and output_of(["dpkg-query", "-W", "-f", "${Status}", pyqt]) != (
        "install ok installed"
    ):
        missing.append(pyqt)
    return missing


def _pyqt_package() -> str | None:
    """The PyQt that Debian's Krita wants; Krita only recommends it, so it must be named."""
    if not shutil.which("apt-cache"):
        return None
    relations = output_of(["apt-cache", "depends", "krita"]) or ""
    return "python3-pyqt6" if "python3-pyqt6" in relations else "python3-pyqt5"


def prepare_editors(context: Context) -> None:
    """Install by apt what is missing; raise InstallError where that cannot be."""
    if not missing_for_editors():
        return
    if apt.can_install():
        failure = InstallError(
            "apt-get could not install what tests in a real Krita need.",
            "Install it by hand, or run the other tests with --test --without-editors.",
        )
        apt.install(context, missing_for_editors(), failure)
    if missing := missing_for_editors():
        raise InstallError(
            "Tests in a real Krita need what is missing here: " + ", ".join(missing) + ".",
            "Install it, or run the other tests with --test --without-editors.",
        )


def run_tests(
    context: Context,
    *,
    editors: bool,
    chroots: Sequence[Edition] = (),
    marked: str = "editor",
    patience: float = math.inf,
) -> int:
    """Linters, types, then pytest on this checkout; the exit status, 0 when all is well.

    All of them run, so that one run tells everything; pytest's summary comes last. `editors`: in
    this machine's Krita too. After that the tests that are `marked` run in each of the `chroots`:
    "editor", all that need a Krita, or "every_krita", some of each flow. No chroot is begun with
    after `patience` seconds; which were left out is said.
    """
    begun = time.monotonic()
    python = context.places.python
    settings = {} if editors else {"DEEPSIM_WITHOUT_EDITORS": "1"}
    checks: dict[str, list[str | Path]] = {
        "ruff check": [python, "-m", "ruff", "check"],
        "ruff format": [python, "-m", "ruff", "format", "--check"],
        "mypy": [python, "-m", "mypy"],
    }
    failed = [name for name, command in checks.items() if _call(context, name, command, {}) != 0]
    status = _call(context, "pytest", [python, "-m", "pytest"], settings)
    if status:
        failed.append("pytest")
    for edition in chroots:
        name = f"pytest in {edition.name}"
        if time.monotonic() - begun > patience:
            context.console.say(
                f"Not tested in {edition.name}: the tests have taken long already (--editors"
                " tests it)."
            )
            continue
        try:
            with unpacked(context, edition) as folder:
                # A Krita that does not even start would be waited for at each test.
                arguments = ["-m", "pytest", "tests/editors", "-m", marked, "--maxfail=5"]
                chosen = {"DEEPSIM_KRITA_CHROOT": str(folder)}
                result = _call(context, name, [python, *arguments], chosen)
        except InstallError as error:  # the others can be tested all the same
            context.console.say(f"{error} {error.mend}")
            result = 1
        if result:
            failed.append(name)
            status = status or result
    for name in failed:
        context.console.say(f"{name} found faults: see above")
    return status or bool(failed)


def _call(
    context: Context, name: str, command: list[str | Path], settings: Mapping[str, str]
) -> int:
    """Run a command on this checkout with its output on the screen; its exit status."""
    context.console.say(f"--- {name}")
    env = {
        k: v for k, v in child_environment(sharing_cores()).items() if not k.startswith("DEEPSIM_")
    }
    sys.stdout.flush()
    return subprocess.call([str(part) for part in command], cwd=CHECKOUT, env={**env, **settings})
