"""Which build of PyTorch a machine should get."""

import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from installer.places import System
from installer.process import output_of

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TorchOption = Literal["auto", "default", "cpu", "existing"]
_GIB = 1024**3


@dataclass(frozen=True)
class TorchChoice:
    """`index` is None for the usual package index; `words` tell a person; `room` is in bytes."""

    index: str | None
    words: str
    room: int


def choose_torch(
    system: System, *, option: TorchOption, nvidia: bool, cpu_index: bool
) -> TorchChoice:
    """The build for this machine, by what it has and what can be reached."""
    if option == "cpu":
        return TorchChoice(CPU_INDEX, "the build for CPUs, as asked", 2 * _GIB)
    if system != "linux":
        return TorchChoice(None, "the usual build", 3 * _GIB)
    if nvidia:
        return TorchChoice(None, "an NVIDIA GPU: the build with CUDA (6 GB on disk)", 8 * _GIB)
    if option == "auto" and cpu_index:
        return TorchChoice(CPU_INDEX, "no NVIDIA GPU: the small build for CPUs", 2 * _GIB)
    reason = "as asked" if option == "default" else "PyTorch's index of CPU builds is out of reach"
    return TorchChoice(
        None, f"{reason}: the default build, which is large (6 GB on disk)", 8 * _GIB
    )


def has_nvidia() -> bool:
    """Whether a working NVIDIA driver is there."""
    if Path("/proc/driver/nvidia/version").exists():
        return True
    tool = shutil.which("nvidia-smi")
    return tool is not None and output_of([tool, "-L"], timeout=10) not in (None, "")


def can_reach(url: str, seconds: float = 4.0) -> bool:
    """Whether a web address answers in time; proxies are taken from the environment."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  (our own https address)
    try:
        with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False
