"""`deepsim doctor`: is everything there that training and applying need? What mends it?"""

import hashlib
import platform
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from deepsim_engine import folders
from deepsim_engine.cli.bundle import write_bundle
from deepsim_engine.cli.extensions import CHECKS, COMMANDS, installed
from deepsim_engine.cli.output import FAILED, AsJson, outcome
from deepsim_engine.cli.paths import check_output

_MEND_INSTALL = "run: python3 install.py"
_ROOMY = 2 * 2**30
"""Bytes below which memory or disk is called short."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether it is as it should be.
        found: what was found, for people.
        mend: what to do about it; empty when nothing is wrong.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(doctor)


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Option(help="Also write findings and logs, made anonymous, into this zip file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything that training needs, and say what mends what is wrong."""
    with outcome(as_json) as output:
        if bundle is not None:
            check_output(bundle, [], option="--bundle")
        checks = list(all_checks())
        ok = all(check.ok for check in checks)
        lines = [_line(check) for check in checks]
        verdict = "All is well." if ok else "Something is wrong; see the lines with a cross."
        output.result(
            "\n".join([*lines, verdict]), ok=ok, checks=[asdict(check) for check in checks]
        )
        if bundle is not None:
            names = write_bundle(bundle, folders.data_dir(), [asdict(check) for check in checks])
            output.note(
                f"{bundle} holds {', '.join(names)}, without keys, user and machine names."
                " Names of models and documents stand in it: look before you send it."
            )
        if not ok:
            raise typer.Exit(FAILED)


def all_checks() -> Iterable[Check]:
    """Every check of this package, then those of installed ones."""
    own: list[Callable[[], Iterable[Check]]] = [
        _python,
        _torch,
        _memory,
        _data,
        _weights,
    ]
    for look in own:
        yield from look()
    found, failed = installed(CHECKS)
    failed |= installed(COMMANDS)[1]
    for name, error in failed.items():
        yield Check(f"commands of {name}", False, error, _MEND_INSTALL)
    for look_outside in found.values():
        for seen in look_outside():
            yield Check(seen["name"], seen["ok"], seen["found"], seen.get("mend", ""))


def _python() -> Iterable[Check]:
    found = f"{platform.python_version()} at {sys.executable}"
    yield Check("python", sys.version_info >= (3, 10), found)
    yield Check("deepsim", True, f"{version('deepsim')} on {platform.platform()}")


def _torch() -> Iterable[Check]:
    try:
        import torch  # noqa: PLC0415 - whether it imports is the question

        from deepsim_engine import devices  # noqa: PLC0415
    except (ImportError, OSError) as error:  # OSError: a shared library that it needs
        yield Check("torch", False, str(error), _MEND_INSTALL)
        return
    yield Check("torch", True, f"{torch.__version__}, {torch.get_num_threads()} threads")
    names = devices.names()
    cards = [torch.cuda.get_device_name(name) for name in names if name.startswith("cuda")]
    yield Check("devices", True, ", ".join(names) + (f" ({', '.join(cards)})" if cards else ""))


def _memory() -> Iterable[Check]:
    from deepsim_engine.imaging import available_memory  # noqa: PLC0415 - numpy and Pillow

    free = available_memory()
    if free is None:
        yield Check("memory", True, "this system does not tell")
        return
    mend = "" if free >= _ROOMY else "close other programs, or train at a smaller --size"
    yield Check("memory", free >= _ROOMY, f"{free / 2**30:.1f} GB free", mend)


def _data() -> Iterable[Check]:
    data = folders.data_dir()
    standing = next(folder for folder in (data, *data.parents) if folder.is_dir())
    free = shutil.disk_usage(standing).free
    mend = "" if free >= _ROOMY else f"make room on the disk of {standing}"
    yield Check("data folder", free >= _ROOMY, f"{data}, {free / 2**30:.1f} GB free", mend)


def _weights() -> Iterable[Check]:
    try:
        from deepsim_engine.backbones import weights  # noqa: PLC0415 - needs torch
    except (ImportError, OSError):
        return  # said above
    here = weights.available()
    if not here:
        yield Check("weights", False, f"none in {folders.weights_dir()}", _MEND_INSTALL)
        return
    for path in sorted(folders.weights_dir().glob("*.safetensors")):
        yield _whole(path)
    yield Check("backbones", True, ", ".join(here))


def _whole(path: Path) -> Check:
    """Whether a weights file can be read to its end; its hash, to compare."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - needs numpy

    try:
        with safe_open(path, framework="np") as file:
            tensors = len(list(file.keys()))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (SafetensorError, OSError) as error:
        return Check(path.name, False, f"damaged: {error}", _MEND_INSTALL)
    return Check(path.name, True, f"{tensors} tensors, SHA-256 {digest}")


def _line(check: Check) -> str:
    mend = f"\n    {check.mend}" if check.mend else ""
    return f"{'✓' if check.ok else '✗'} {check.name}: {check.found}{mend}"
