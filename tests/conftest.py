"""Fixtures for all tests."""

from pathlib import Path

import pytest

from deepsim_engine.folders import weights_dir


@pytest.fixture(scope="session")
def weights() -> Path:
    """Folder of the backbones' weights, from the installed data folder."""
    folder = weights_dir()
    if not (folder / "hed-vgg16.safetensors").is_file():
        pytest.fail(f"no weights in {folder}: run the installer")
    return folder
