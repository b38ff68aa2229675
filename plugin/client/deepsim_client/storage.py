"""Where models and trainings are kept: in the data folder, or in another that it names.

Keys, logs and weights stay in the data folder; what grows may be wanted on another disk.
"""

from __future__ import annotations

import json
from pathlib import Path

from .location import LocationError, read_json, text_of

STORAGE_NAME = "storage.json"
"""In the data folder, where models and trainings are kept in another one."""


def storage_of(data: Path) -> Path:
    """The folder of models and trainings that belongs to a data folder.

    Raises:
        LocationError: when the file that names it is damaged.
    """
    path = data / STORAGE_NAME
    if not path.exists():
        return data
    content = read_json(path, "storage file")
    try:
        folder = Path(text_of(content, "folder"))
        if not folder.is_absolute():
            raise ValueError("folder")
    except (KeyError, ValueError) as error:
        raise LocationError(f"The storage file {path} lacks a usable {error}.") from None
    return folder


def keep_in(data: Path, folder: Path) -> None:
    """Have engines that start from now on keep models and trainings in a folder, or in `data`.

    What is there already is not moved.

    Raises:
        OSError: when the data folder cannot be written.
    """
    path = data / STORAGE_NAME
    if folder == data:
        path.unlink(missing_ok=True)
        return
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps({"folder": str(folder)}), encoding="utf-8")
    beside.replace(path)
