"""Fixtures for all tests."""

from pathlib import Path

import pytest

from deepsim_engine.folders import weights_dir

_LIVING = {"client", "editors", "install", "server"}
"""Folders of tests that drive other processes; a machine that is busy can stall these."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a failed test of `_LIVING` once more, on record ("rerun" in the summary)."""
    for item in items:
        if _LIVING.intersection(item.path.parent.relative_to(Path(__file__).parent).parts):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


@pytest.fixture(scope="session")
def weights() -> Path:
    """Folder of the backbones' weights, from the installed data folder."""
    folder = weights_dir()
    if not (folder / "hed-vgg16.safetensors").is_file():
        pytest.fail(f"no weights in {folder}: run the installer")
    return folder
