"""Model and checkpoint files as files: safetensors with a seal. Needs no torch.

The metadata hold a JSON description, in it `checksum`, SHA-256 over the tensors, and `sealed`,
true; and beside it `seal`, SHA-256 over all other metadata. So every bit is covered that means
something.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from deepsim_engine.errors import DamagedError

SEAL = "seal"
_SEALED = "sealed"
MAX_HEADER = 16 << 20
_CHUNK = 1 << 20
_TYPES = {
    "BOOL": "torch.bool",
    "U8": "torch.uint8",
    "I8": "torch.int8",
    "I16": "torch.int16",
    "I32": "torch.int32",
    "I64": "torch.int64",
    "F16": "torch.float16",
    "BF16": "torch.bfloat16",
    "F32": "torch.float32",
    "F64": "torch.float64",
}


def sealed(
    key: str, described: Mapping[str, Any], others: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Metadata with a description under `key`, `others` as they are, and the seal."""
    rest = {name: value for name, value in (others or {}).items() if name not in (key, SEAL)}
    metadata = {**rest, key: json.dumps({**described, _SEALED: True})}
    return {**metadata, SEAL: _seal(metadata)}


def description(metadata: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """The JSON object under `key`. Raises DamagedError, also when the seal is broken.

    Files of the first versions had no seal; they are taken without.
    """
    try:
        described = json.loads(metadata[key])
        if not isinstance(described, dict):
            raise TypeError(described)
    except (KeyError, ValueError, TypeError, RecursionError):
        raise DamagedError(f"{path} is damaged or not a DeepSIM file: no description.") from None
    if (described.pop(_SEALED, False) or SEAL in metadata) and metadata.get(SEAL) != _seal(
        metadata
    ):
        raise DamagedError(f"{path} is damaged: its description is not as it was written.")
    return described


def read_header(file: BinaryIO, path: Path, what: str = "a DeepSIM file") -> dict[str, Any]:
    """The header of a safetensors file; the file is then at its first tensor.

    Raises DamagedError, naming `what` it should be.
    """
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MAX_HEADER:
            raise ValueError("the header is too long")
        text = file.read(length)
        if not text.rstrip(b" ").endswith(b"}"):
            raise ValueError("the header is not filled up with spaces")
        header = json.loads(text.decode("utf-8"))
        if not isinstance(header["__metadata__"], dict):
            raise TypeError("no metadata")
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged or not {what} ({error}).") from error
    return header


def write_header(file: BinaryIO, header: Mapping[str, Any]) -> None:
    """Write the header of a safetensors file, padded as the format asks."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)


def verify(path: Path, key: str) -> dict[str, Any]:
    """Read all of a file and return its description.

    Memory stays small whatever the file claims. Raises DamagedError when anything is not as it
    was written; OSError when it cannot be read.
    """
    with path.open("rb") as file:
        header = read_header(file, path)
        described = description(header.pop("__metadata__"), key, path)
        start = file.tell()
        file.seek(0, 2)
        room = file.tell() - start
        try:
            found = _checksum(file, start, room, header)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(f"{path} is damaged: its list of tensors is wrong.") from error
    if found != described.get("checksum"):
        raise DamagedError(f"{path} is damaged: its content does not match its checksum.")
    return described


def _checksum(file: BinaryIO, start: int, room: int, tensors: Mapping[str, Any]) -> str:
    """As checkpoint.checksum. Raises KeyError, TypeError or ValueError for a wrong list."""
    digest = hashlib.sha256()
    total = 0
    for name in sorted(tensors):
        begin, end = tensors[name]["data_offsets"]
        if not 0 <= begin <= end <= room:
            raise ValueError(name)
        total += end - begin
        kind, shape = _TYPES[tensors[name]["dtype"]], tuple(tensors[name]["shape"])
        digest.update(f"{name} {kind} {shape}\n".encode())
        file.seek(start + begin)
        for size in _pieces(end - begin):
            digest.update(file.read(size))
    if total != room:
        raise ValueError("bytes that belong to nothing")
    return digest.hexdigest()


def _pieces(size: int) -> Iterable[int]:
    return (min(_CHUNK, size - begun) for begun in range(0, size, _CHUNK))


def _seal(metadata: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in metadata.items() if name != SEAL}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
