"""Checks of where results go, made before any work starts."""

import os
from pathlib import Path

from deepsim_engine.errors import InputError


def check_output(
    out: Path, inputs: list[Path], suffixes: tuple[str, ...] = (), *, option: str = "--out"
) -> None:
    """Refuse an output path that cannot be written, would replace an input, or misleads.

    `suffixes` are the endings that the file may have; empty allows any. `option` names it.
    """
    folder = out.absolute().parent
    if out.is_dir():
        raise InputError(f"{out} is a folder: {option} must name a file.")
    if not folder.is_dir():
        raise InputError(f"The folder {folder} for {option} does not exist: make it first.")
    if not os.access(folder, os.W_OK) or (out.exists() and not os.access(out, os.W_OK)):
        raise InputError(f"{out} cannot be written: permission denied.")
    if suffixes and out.suffix.lower() not in suffixes:
        raise InputError(f"{option} is {out.name}: its name must end in {' or '.join(suffixes)}.")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise InputError(f"{option} is the input {path} itself: choose another name.")
