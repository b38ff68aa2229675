"""`--check`: what is right with an installation, what is wrong, and how to mend each wrong."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from installer.environment import DeepSim
from installer.krita import plugin_faults, read_launch, recorded_homes
from installer.places import KritaHome
from installer.process import output_of
from installer.steps import Context

_AGAIN = "Run python3 install.py again: it mends what is missing."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `mend` says what to do when it is wrong."""

    name: str
    ok: bool
    message: str
    mend: str = ""


_PROBE = """
import json, sys, torch, torchvision
from torchvision.ops import nms
nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
import deepsim_client, deepsim_engine, deepsim_server, zmq
from safetensors import safe_open
try:
    with safe_open(sys.argv[1], "pt") as file:
        weights = len(file.keys())
except Exception:  # whatever is wrong with the file: it cannot be used
    weights = 0
if torch.cuda.is_available():
    device = torch.cuda.get_device_name()
else:
    device = "mps" if torch.backends.mps.is_available() else "cpu"
print(json.dumps({
    "python": sys.version.split()[0], "torch": torch.__version__,
    "torchvision": torchvision.__version__, "zmq": zmq.__version__,
    "device": device, "weights": weights,
}))
"""


def check(context: Context) -> list[Finding]:
    """Look at everything that the installer made; nothing is changed."""
    places, state = context.places, context.state
    if not places.marker.exists():
        return [
            _wrong(
                "installation",
                f"DeepSIM is not installed in {places.prefix}.",
                "Run python3 install.py (with the same --prefix).",
            )
        ]
    findings = [
        Finding("installation", True, f"Installed in {places.prefix}.")
        if state.complete
        else _wrong("installation", "The installation was cut off before its end.", _AGAIN)
    ]
    findings += _environment(context)
    findings.append(
        Finding("launch file", True, f"{places.launch} leads to this installation.")
        if read_launch(places.launch) == places.launch_description()
        else _wrong("launch file", f"{places.launch} is missing or wrong.", _AGAIN)
    )
    for home in recorded_homes(state.homes):
        findings += _plugin(context, home)
    return findings


def _wrong(name: str, message: str, mend: str) -> Finding:
    return Finding(name, False, message, mend)


def _environment(context: Context) -> list[Finding]:
    places, state = context.places, context.state
    if not places.python.exists():
        return [_wrong("environment", f"{places.python} is missing.", _AGAIN)]
    answer = output_of([places.python, "-c", _PROBE, places.hed_weights], timeout=180)
    if answer is None:
        return [
            _wrong(
                "environment",
                f"{places.python} cannot import torch, torchvision and DeepSIM.",
                f"Remove {places.venv} and run python3 install.py again.",
            )
        ]
    facts: dict[str, Any] = json.loads(answer.splitlines()[-1])
    findings = [
        Finding(
            "environment",
            True,
            f"Python {facts['python']}, torch {facts['torch']}, "
            f"torchvision {facts['torchvision']}, pyzmq {facts['zmq']}.",
        ),
        Finding("device", True, f"Training runs on: {facts['device']}."),
    ]
    if not places.deepsim.is_file():
        findings.append(_wrong("command", f"{places.deepsim} is missing.", _AGAIN))
    elif state.stamps.get("deepsim") != DeepSim().stamp(context):
        findings.append(
            _wrong("command", "This checkout is not the version that is installed.", _AGAIN)
        )
    else:
        findings.append(Finding("command", True, f"{places.deepsim} is of this checkout."))
    if facts["weights"]:
        findings.append(Finding("weights", True, f"{places.hed_weights} can be read."))
    else:
        mend = f"Remove {places.hed_weights} and run python3 install.py again."
        findings.append(_wrong("weights", f"{places.hed_weights} is missing or damaged.", mend))
    return findings


def _plugin(context: Context, home: KritaHome) -> list[Finding]:
    name = f"krita plugin ({home.kind})"
    faults = plugin_faults(home, context.places.launch_description())
    if faults:
        return [_wrong(name, fault, _AGAIN) for fault in faults]
    note = ""
    if home.kind == "native" and context.places.system == "linux" and not shutil.which("krita"):
        note = " Krita itself was not found on PATH; the plugin waits for it."
    return [Finding(name, True, f"{home.plugin} is complete and enabled.{note}")]


def as_json(context: Context, findings: list[Finding]) -> str:
    """The findings as one JSON object, with the paths that scripts ask for (null: not there)."""
    places = context.places
    plugins = [home.plugin for home in recorded_homes(context.state.homes)]
    content = {
        "ok": all(finding.ok for finding in findings),
        "prefix": str(places.prefix),
        "python": _if_there(places.python),
        "deepsim": _if_there(places.deepsim),
        "plugin": _if_there(plugins[0]) if plugins else None,
        "plugins": [str(plugin) for plugin in plugins if plugin.is_dir()],
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(content, indent=2)


def as_text(findings: list[Finding]) -> str:
    """The findings for people: one line each, and the mend below what is wrong."""
    lines = []
    for finding in findings:
        lines.append(f"{'right' if finding.ok else 'WRONG'}  {finding.name}: {finding.message}")
        if not finding.ok:
            lines.append(f"       {finding.mend}")
    return "\n".join(lines)


def _if_there(path: Path) -> str | None:
    return str(path) if path.exists() else None
