"""One real Krita for all editor tests, with the plugin as the installer puts it there."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
# importlib mode leaves sys.path alone; these are the plugin's package, the installer, our helpers.
for folder in (CHECKOUT / "plugin" / "krita", CHECKOUT, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

if TYPE_CHECKING:
    from tests.editors.artist import Artist
    from tests.editors.chroots import shared_folder
    from tests.editors.installed import engine_in, krita_with_plugin
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.scenes import Scene
else:
    from artist import Artist
    from chroots import shared_folder
    from installed import engine_in, krita_with_plugin
    from krita_harness import KritaProcess
    from scenes import Scene

from installer.console import Console  # noqa: E402
from installer.pip import Pip  # noqa: E402
from installer.wheels import fetch_pyzmq  # noqa: E402

PROGRAMS = ("Xvfb", "xdotool", "import")


CHROOT = "DEEPSIM_KRITA_CHROOT"
"""Names the chroot whose Krita is tested; this machine's when it is not set."""


@pytest.fixture
def scene() -> Scene:
    """The plugin without Krita, with a document in memory and an engine that the test plays."""
    return Scene()


@pytest.fixture(scope="session")
def chroot() -> Path | None:
    """Where the Krita under test is, if not on this machine itself."""
    return Path(os.environ[CHROOT]) if os.environ.get(CHROOT) else None


@pytest.fixture(scope="session")
def shared(chroot: Path | None) -> Iterator[Path]:
    """A folder that has the same path here and for Krita."""
    with shared_folder(chroot) as folder:
        yield folder


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path, chroot: Path | None) -> Path:
    """pytest's own, except for tests in a Krita that does not see it."""
    used = {"krita", "light_krita"}.intersection(request.fixturenames)
    if chroot is None or not used:
        return tmp_path
    shared: Path = request.getfixturevalue("shared")
    folder = shared / tmp_path.name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def launch(shared: Path, chroot: Path | None) -> Iterator[Path]:
    """A launch.json that leads to this Python's engine, with a data folder of its own."""
    with engine_in(shared, chroot) as path:
        yield path


@pytest.fixture(scope="session")
def pyzmq_wheels(request: pytest.FixtureRequest) -> Path:
    """Unpacked pyzmq for each Python that Kritas embed, fetched once."""
    cache = request.config.cache
    assert cache is not None
    return fetch_pyzmq(Path(cache.mkdir("pyzmq")), Pip(Path(sys.executable), Console()))


@pytest.fixture(scope="session")
def krita_app(launch: Path, pyzmq_wheels: Path, chroot: Path | None) -> Iterator[KritaProcess]:
    """A Krita that runs for the whole session."""
    if os.environ.get("DEEPSIM_WITHOUT_EDITORS") == "1":
        pytest.skip("without editors, as DEEPSIM_WITHOUT_EDITORS=1 says")
    needed = PROGRAMS if chroot is not None else ("krita", *PROGRAMS)
    missing = [program for program in needed if not shutil.which(program)]
    assert not missing, f"tests in Krita need {', '.join(missing)} (or DEEPSIM_WITHOUT_EDITORS=1)"

    with krita_with_plugin(launch, pyzmq_wheels, chroot) as process:
        yield process


@pytest.fixture
def krita(krita_app: KritaProcess) -> Iterator[KritaProcess]:
    """Krita without documents; a Python error inside it, or its death, fails the test."""
    if not krita_app.alive:
        krita_app.start_krita()
        krita_app.set_up()
    krita_app.call("ERRORS.clear()")
    yield krita_app
    assert krita_app.alive, "Krita died:\n" + krita_app.tail()
    krita_app.settle()
    errors = krita_app.call("result = ERRORS")
    assert not errors, errors


@pytest.fixture
def artist(krita: KritaProcess, tmp_path: Path, launch: Path) -> Iterator[Artist]:
    """A person at Krita."""
    someone = Artist(krita, tmp_path, launch)
    krita.call("S.settings.preset = 'draft'")  # there is something to see while it trains
    yield someone
    someone.set_seconds(0)


@pytest.fixture
def screenshot(krita: KritaProcess) -> Callable[[str], None]:
    """Saves the screen under a name into $DEEPSIM_SCREENSHOTS; does nothing without it."""
    folder = os.environ.get("DEEPSIM_SCREENSHOTS")

    def save(name: str) -> None:
        if folder:
            # No brush outline over the picture: it goes when the mouse leaves the canvas.
            krita.xdo("mousemove", 500, 500, "sleep", 0.2, "mousemove", 9999, 9999)
            time.sleep(0.5)
            krita.screenshot(Path(folder) / f"{name}.png")

    return save
