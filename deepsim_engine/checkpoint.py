"""What resuming needs, in one safetensors file: tensors, and plain JSON for all the rest.

Also the reading and writing of such files with errors that people understand; models use it too.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from deepsim_engine import container
from deepsim_engine.errors import DamagedError, InputError, WorkError
from deepsim_engine.files import write_atomically

Tensors = dict[str, Tensor]


def write_file(
    path: Path,
    key: str,
    description: Mapping[str, Any],
    tensors: Tensors,
    more: Mapping[str, str] | None = None,
) -> None:
    """Write tensors with a JSON description under `key`, and `more` metadata, atomically.

    The description gets a `checksum` of the tensors, the file a seal. Raises WorkError.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    described = {**description, "checksum": checksum(plain)}
    try:
        write_atomically(path, save(plain, container.sealed(key, described, more)))
    except OSError as error:
        raise WorkError(f"{path} could not be written: {error.strerror or error}.") from error


def read_file(path: Path, key: str, what: str) -> tuple[dict[str, Any], Tensors]:
    """Description and tensors of a file that `write_file` made.

    Raises InputError, naming the file as `what`, when it is missing or cannot be read;
    DamagedError when it is cut off, changed anywhere, or something else.
    """
    try:
        with path.open("rb") as raw:
            container.read_header(raw, path, what)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist (wanted as {what}).") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read as {what}: {error}.") from error
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"{path} is damaged or not {what}: {error}.") from error
    if key not in metadata:
        raise DamagedError(f"{path} is not {what}: it lacks the description of one.")
    description = container.description(metadata, key, path)
    if checksum(tensors) != description.pop("checksum", None):
        raise DamagedError(f"{path} is damaged: its content does not match its checksum.")
    return description, tensors


def checksum(tensors: Tensors) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """`weight` -> `prefix.weight`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """Those named `prefix.*`, without the prefix."""
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def restore_network(network: nn.Module, tensors: Tensors) -> None:
    """Copy tensors into a network of the same shape. Raises InputError if they do not fit."""
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError("The stored network does not fit its description: damaged?") from error
