"""Finding and loading the weights of the feature networks; choosing one of them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from deepsim_engine.backbones.vgg import (
    CAFFE,
    TORCHVISION,
    VGG16_DEPTHS,
    VGG19_DEPTHS,
    Vgg,
    layer_names,
)
from deepsim_engine.errors import InputError
from deepsim_engine.folders import weights_dir

HED = "hed"
VGG19 = "vgg19"
BACKBONES = (HED, VGG19)

_HED_FILE = "hed-vgg16.safetensors"
_VGG19_FILE = "vgg19-dcbb9e9d.pth"  # torchvision's name: it ends with the start of the SHA-256


def available() -> list[str]:
    """Names of the backbones whose weights lie on this machine, best first."""
    found = [VGG19] if _vgg19_path().is_file() else []
    return [*found, HED] if _hed_path().is_file() else found


def choose(name: str | None = None) -> str:
    """The backbone to train with: `name` if its weights are here, else HED, else VGG19.

    Raises InputError when there is none, with the command that brings one.
    """
    if name is not None and name not in BACKBONES:
        raise InputError(f"There is no backbone {name!r}; choose one of {', '.join(BACKBONES)}.")
    here = available()
    for candidate in [name] if name else [HED, VGG19]:
        if candidate in here:
            return candidate
    wanted = "hed" if name is None else name
    hint = "run: python3 install.py" if wanted == HED else f"put {_VGG19_FILE} into {weights_dir()}"
    raise InputError(f"The weights of the {wanted} feature network are not installed; {hint}.")


def load_backbone(name: str, taps: Iterable[str]) -> Vgg:
    """The named trunk with its weights, cut behind the deepest tap. Raises InputError."""
    if choose(name) == HED:
        return Vgg(VGG16_DEPTHS, taps, CAFFE).load(hed_weights())
    return Vgg(VGG19_DEPTHS, taps, TORCHVISION).load(_vgg19_weights())


def hed_weights() -> dict[str, Tensor]:
    """Tensors of the converted HED file. Raises InputError when it is missing or damaged."""
    choose(HED)
    try:
        return load_file(_hed_path())
    except (SafetensorError, OSError) as error:
        raise InputError(f"{_hed_path()} is damaged ({error}); run: python3 install.py") from error


def _vgg19_weights() -> dict[str, Tensor]:
    """torchvision's VGG19 under our names; `weights_only` refuses anything but tensors."""
    path = _vgg19_path()
    expected = path.stem.rpartition("-")[2]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(expected):
        raise InputError(f"{path} is damaged: its SHA-256 does not start with {expected}.")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    indices = sorted({int(k.split(".")[1]) for k in stored if k.startswith("features.")})
    names = layer_names(VGG19_DEPTHS)
    return {
        f"{name}.{part}": stored[f"features.{index}.{part}"]
        for name, index in zip(names, indices, strict=True)
        for part in ("weight", "bias")
    }


def torch_cache() -> Path:
    """Where torchvision keeps the weights that it has downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def _hed_path() -> Path:
    return weights_dir() / _HED_FILE


def _vgg19_path() -> Path:
    ours = weights_dir() / _VGG19_FILE
    return ours if ours.is_file() else torch_cache() / _VGG19_FILE
