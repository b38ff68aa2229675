"""Where DeepSIM keeps models, weights, keys and jobs on this machine."""

import os
import sys
from pathlib import Path

import platformdirs

INSTALL_RECORD = "deepsim-install.json"


def data_dir() -> Path:
    """Folder of everything that outlives a run; it need not exist yet.

    `$DEEPSIM_DATA` decides; else the folder that the installer made (it holds the environment
    that this Python runs in, and says so in `deepsim-install.json`); else the platform's
    folder for user data.
    """
    if override := os.environ.get("DEEPSIM_DATA"):
        return Path(override).expanduser().absolute()
    installed = Path(sys.prefix).parent
    if (installed / INSTALL_RECORD).is_file():
        return installed
    return Path(platformdirs.user_data_dir("deepsim", appauthor=False))


def weights_dir() -> Path:
    """Folder of the pretrained backbones, one safetensors file each."""
    return data_dir() / "weights"
