"""Libraries that only evaluation needs: found without importing them, named when missing."""

import importlib.util
import sys
from pathlib import Path


class Missing(Exception):
    """Something optional is not on this machine; the text says what to do about it."""


def package_folder(package: str, distribution: str) -> Path:
    """Folder of an installed top-level package; none of its code runs.

    Raises Missing with the command that installs `distribution`.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise Missing(f"{distribution} is not installed; run: {install_command(distribution)}")
    return Path(next(iter(found.submodule_search_locations)))


def install_command(distribution: str) -> str:
    """What to type to install a distribution into the environment of this Python."""
    return f"{sys.executable} -m pip install {distribution}"
