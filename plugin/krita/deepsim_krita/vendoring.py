"""Puts the libraries that the installer laid beside the plugin on ``sys.path``.

Krita brings its own Python and nothing but the standard library. The installer unpacks the client
and one pyzmq wheel per Python that Kritas embed into ``vendor/``; the right one is chosen here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .text import _

PACKAGE = Path(__file__).resolve().parent


class VendorError(ImportError):
    """A library that the plugin needs is missing or does not fit Krita's Python; one sentence."""


def pyzmq_folder(version: tuple[int, int]) -> str:
    """Name of the unpacked wheel for a Python version: one per version, one for all from 3.12."""
    major, minor = version
    return "pyzmq-abi3" if version >= (3, 12) else f"pyzmq-cp{major}{minor}"


def vendor_paths(package: Path, version: tuple[int, int]) -> list[Path]:
    """Folders of ``package/vendor`` that belong on ``sys.path`` for this Python version."""
    vendor = package / "vendor"
    return [vendor, vendor / pyzmq_folder(version)]


def activate(package: Path = PACKAGE) -> None:
    """Makes ``deepsim_client`` and ``zmq`` importable, and imports them.

    Raises:
        VendorError: one of them cannot be imported; the text says which and what to do.
    """
    version = sys.version_info[:2]
    for path in reversed(vendor_paths(package, version)):
        if path.is_dir() and str(path) not in sys.path:
            sys.path.insert(0, str(path))
    python = f"Python {version[0]}.{version[1]}"
    try:
        import zmq  # noqa: F401, PLC0415  (only importable after the lines above)
    except ImportError as e:
        text = _("The pyzmq library does not load in Krita's {python}: {error}.")
        raise VendorError(_with_mend(text, python, e)) from e
    try:
        import deepsim_client  # noqa: F401, PLC0415
    except ImportError as e:
        text = _("The DeepSIM client does not load in Krita's {python}: {error}.")
        raise VendorError(_with_mend(text, python, e)) from e


def _with_mend(text: str, python: str, error: ImportError) -> str:
    mend = _("Run the DeepSIM installer again (python3 install.py), then restart Krita.")
    return f"{text.format(python=python, error=error)} {mend}"


def launch_file(package: Path = PACKAGE) -> Path | None:
    """The installer's launch.json beside the plugin; None leaves the search to the client."""
    beside = package / "launch.json"
    return beside if beside.is_file() and not os.environ.get("DEEPSIM_LAUNCH") else None
