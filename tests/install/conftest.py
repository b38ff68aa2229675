"""A scratch home in which install.py is run as a person runs it.

The torch and the libraries of the Python that runs the tests are used (`--torch existing`), so that
no test unpacks gigabytes; everything else is the real thing: venv, pip, wheels, weights, plugin.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = (
    *("install.py", "pyproject.toml", "README.md", "LICENSE"),
    *("installer", "deepsim_engine", "server", "plugin"),
)


@dataclass(frozen=True)
class Done:
    """How a run of install.py ended."""

    status: int
    output: str


@dataclass(frozen=True)
class Scratch:
    """A person's home folder, with nothing of the real one in it."""

    home: Path
    checkout: Path
    pip_cache: Path

    @property
    def prefix(self) -> Path:
        return self.home / ".local" / "share" / "deepsim"

    @property
    def resources(self) -> Path:
        return self.home / ".local" / "share" / "krita"

    @property
    def plugin(self) -> Path:
        return self.resources / "pykrita" / "deepsim_krita"

    @property
    def kritarc(self) -> Path:
        return self.home / ".config" / "kritarc"

    @property
    def python(self) -> Path:
        return self.prefix / "venv" / "bin" / "python"

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of this home: network settings stay, everything private goes."""
        private = ("XDG_", "DEEPSIM_", "PYTHON", "QT_")
        env = {k: v for k, v in os.environ.items() if not k.startswith(private)}
        return {**env, "HOME": str(self.home), "PIP_CACHE_DIR": str(self.pip_cache), **extra}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.checkout / "install.py"), *arguments]

    def install(self, *arguments: str, **env: str) -> Done:
        """Run install.py to its end, from a folder that is not the checkout."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.home,
            env=self.environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start install.py in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.home,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def wait_for(process: "subprocess.Popen[str]", text: str) -> str:
    """Read lines until one contains `text`; that line, or "" when the output ends before."""
    assert process.stdout is not None
    return next((line for line in process.stdout if text in line), "")


def end_group(process: "subprocess.Popen[str]", with_signal: signal.Signals) -> None:
    """Send a signal to the process and all that it started, and wait for it."""
    os.killpg(process.pid, with_signal)
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def pip_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pip-cache")


def copy_checkout(target: Path) -> Path:
    """What a person has after unpacking the project; a copy, so that tests may change it."""
    target.mkdir()
    for name in SHIPPED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target / name)
    return target


@pytest.fixture
def scratch(tmp_path: Path, pip_cache: Path) -> Scratch:
    """An empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return Scratch(home, copy_checkout(tmp_path / "checkout"), pip_cache)


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory, pip_cache: Path) -> Iterator[Scratch]:
    """A home with a native and a flatpak Krita, in which a fresh installation was made."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "home").mkdir()
    scratch = Scratch(folder / "home", copy_checkout(folder / "checkout"), pip_cache)
    scratch.kritarc.parent.mkdir()
    scratch.kritarc.write_text("[General]\nname=Käthe\n\n[python]\nenable_other=true\n")
    (scratch.home / ".var" / "app" / "org.kde.krita").mkdir(parents=True)
    done = scratch.install("--torch", "existing")
    assert done.status == 0, done.output
    scratch.home.joinpath("fresh.txt").write_text(done.output)
    yield scratch
