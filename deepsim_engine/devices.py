"""Which device computes, and in which number format."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from deepsim_engine.errors import InputError


def names() -> list[str]:
    """Devices of this machine by the names that `pick` takes, best first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def pick(name: str = "auto") -> torch.device:
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps` -> device. Raises InputError if it is not there."""
    here = names()
    if name == "auto":
        return torch.device(here[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in here:
        raise InputError(f"The device {name!r} is not there; this machine has {', '.join(here)}.")
    return torch.device(wanted)


def compute_dtype(device: torch.device) -> torch.dtype:
    """The format for convolutions: bfloat16 where the hardware computes it, else float32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


@contextlib.contextmanager
def one_thread(really: bool = True) -> Iterator[None]:
    """Inside the block one thread computes, if `really`; afterwards as many as before.

    For many small operations: on two cores, threads that wait for each other gain nothing, and
    take the core that an editor needs. The number is the whole process's: nothing else should
    begin to compute meanwhile.
    """
    if not really:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[Any]:
    """Convolutions inside the block run in `dtype`; weights and sums stay float32."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def free_memory(device: torch.device) -> int | None:
    """Bytes free on the device, or None where it does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return None


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a computation failed because there was no memory left for it."""
    text = str(error)
    known = ("out of memory", "can't allocate memory")  # what MPS and the CPU say
    return isinstance(error, torch.OutOfMemoryError) or any(words in text for words in known)


def release_memory(device: torch.device) -> None:
    """Give back what the device keeps for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _cpu_has_bfloat16() -> bool:
    """Without the instructions oneDNN emulates bfloat16, slower than float32."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)  # newer than torch 2.5
    known = None if capabilities is None else capabilities().get("avx512_bf16")
    if known is None:
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return bool(known)
