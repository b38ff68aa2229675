"""pyzmq for the Pythons that editors embed: one unpacked wheel for each kind of Python."""

import platform
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from installer.files import remove, replace_folder
from installer.pip import Pip
from installer.places import System, this_system

# The last release with wheels for Python 3.8; one abi3 wheel serves 3.12 and everything after it.
PYZMQ = "pyzmq==27.1.0"
PYTHONS: Mapping[str, tuple[str, str]] = {
    "pyzmq-cp38": ("3.8", "cp38"),
    "pyzmq-cp39": ("3.9", "cp39"),
    "pyzmq-cp310": ("3.10", "cp310"),
    "pyzmq-cp311": ("3.11", "cp311"),
    "pyzmq-abi3": ("3.12", "abi3"),
}


def platform_tags(system: System, machine: str, *, musl: bool = False) -> list[str]:
    """The wheel tags of a machine, as pip's --platform wants them."""
    arch = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine.lower())
    if system == "windows":
        return ["win_arm64" if arch == "aarch64" else "win_amd64"]
    if system == "macos":
        chip = "arm64" if arch == "aarch64" else "x86_64"
        versions = [f"{major}_0" for major in range(15, 10, -1)] + ["10_15", "10_12", "10_9"]
        return [f"macosx_{version}_{kind}" for version in versions for kind in (chip, "universal2")]
    if musl:
        return [f"musllinux_1_{minor}_{arch}" for minor in (2, 1)]
    return [f"manylinux_2_{minor}_{arch}" for minor in (28, 27, 26, 24, 17)] + [
        f"manylinux2014_{arch}"
    ]


def this_platform_tags() -> list[str]:
    """The wheel tags of this machine."""
    musl = this_system() == "linux" and platform.libc_ver()[0] == ""
    return platform_tags(this_system(), platform.machine(), musl=musl)


def fetch_pyzmq(target: Path, pip: Pip) -> Path:
    """Fill `target` with the folders that `PYTHONS` names; those already there are kept.

    Each is unpacked beside its place and then renamed, so that one that is there is whole.

    Raises:
        InstallError: when pip cannot fetch a wheel.
    """
    target.mkdir(parents=True, exist_ok=True)
    platforms: list[str | Path] = []
    for tag in this_platform_tags():
        platforms += ["--platform", tag]
    for folder, (version, abi) in PYTHONS.items():
        if (target / folder / "zmq").is_dir():
            continue
        work = target / f".{folder}.work"
        remove(work)
        pip.download(
            *("--no-deps", "--only-binary=:all:", "--implementation", "cp"),
            *("--python-version", version, "--abi", abi, *platforms, "--dest", work, PYZMQ),
        )
        with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
            wheel.extractall(work / "unpacked")
        shutil.rmtree(work / "unpacked" / "zmq" / "tests", ignore_errors=True)
        replace_folder(work / "unpacked", target / folder)
        remove(work)
    return target
