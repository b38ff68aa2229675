"""What judges results: a list of measures, and which of them this machine lacks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from deepsim_engine.backbones import weights
from deepsim_engine.errors import InputError
from deepsim_engine.evaluation import efficientnet, measures, perceptual
from deepsim_engine.evaluation.optional import Missing
from deepsim_engine.imaging import Pixels

_Load = Callable[[torch.device], Callable[[Tensor, Tensor], float]]

SHALLOW = "relu1_2"
"""Features that SIFID compares: still at full size, so that one picture gives enough of them."""


@dataclass(frozen=True)
class Judge:
    """One measure of a result.

    Attributes:
        name: unique; the key of its figures.
        about: what it says, in a sentence.
        better: whether lower or higher figures are better.
        against: whether a result is compared with the true frame or with the training picture.
        measure: (result, reference) -> figure; pictures (H, W, 3) uint8, with the true frame of
            equal size.
    """

    name: str
    about: str
    better: Literal["lower", "higher"]
    against: Literal["truth", "training"]
    measure: Callable[[Pixels, Pixels], float]


@dataclass
class Judges:
    """Those that can judge here, and why others cannot: name -> sentence."""

    present: list[Judge] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def figures(self, result: Pixels, truth: Pixels | None, training: Pixels) -> dict[str, float]:
        """The figure of every judge that has something to compare with."""
        references = {"truth": truth, "training": training}
        found = {}
        for judge in self.present:
            reference = references[judge.against]
            if reference is not None:
                found[judge.name] = judge.measure(result, reference)
        return found

    def named(self, name: str) -> Judge:
        """The judge of that name."""
        return next(judge for judge in self.present if judge.name == name)


def gather(device: torch.device) -> Judges:
    """All judges; those that lack a library or weights are named as missing."""
    judges = Judges()
    networks: dict[str, _Load] = {
        "lpips-vgg(hed)": perceptual.lpips_on_hed,
        "lpips-vgg": partial(perceptual.lpips_original, "vgg"),
        "lpips-alex": partial(perceptual.lpips_original, "alex"),
        "efficientnet-lite0": efficientnet.load_distance,
    }
    for name, load in networks.items():
        about = _LPIPS if name.startswith("lpips") else _INDEPENDENT
        _add(judges, name, about, "truth", partial(_on_pictures, load, device))
    judges.present += [
        Judge("ssim", "Structural similarity.", "higher", "truth", measures.ssim),
        Judge("psnr", "Peak signal-to-noise ratio in dB.", "higher", "truth", measures.psnr),
    ]
    _add(judges, "sifid", _SIFID + "the true frame.", "truth", partial(_sifid, device))
    _add(judges, "sifid-training", _SIFID + _OF_TRAINING, "training", partial(_sifid, device))
    copied = Judge("copied", _COPIED, "lower", "training", measures.copied_share)
    judges.present.append(copied)
    return judges


_LPIPS = "How different it looks to a classifier's features (LPIPS)."
_INDEPENDENT = "Distance of features of a classifier that no loss uses."
_OF_TRAINING = "the training picture; copying it gives 0."
_SIFID = f"Distance of the statistics of shallow features ({SHALLOW} of the HED VGG16) from "
_COPIED = f"Share of {measures.PATCH} px patches that the training picture holds, value for value."


def _add(
    judges: Judges,
    name: str,
    about: str,
    against: Literal["truth", "training"],
    load: Callable[[], Callable[[Pixels, Pixels], float]],
) -> None:
    """Add a judge, or the reason why it cannot be."""
    try:
        judges.present.append(Judge(name, about, "lower", against, load()))
    except (Missing, InputError) as error:
        judges.missing[name] = str(error)


def _on_pictures(load: _Load, device: torch.device) -> Callable[[Pixels, Pixels], float]:
    """A distance of tensors (3, H, W) in 0..1 as one of pictures (H, W, 3) uint8."""
    distance = load(device)
    return lambda result, truth: distance(_tensor(result, device), _tensor(truth, device))


def _tensor(picture: Pixels, device: torch.device) -> Tensor:
    return torch.tensor(picture, device=device).permute(2, 0, 1).float() / 255


def _sifid(device: torch.device) -> Callable[[Pixels, Pixels], float]:
    """Single-image Fréchet distance (Shaham et al., ICCV 2019) on features at full size.

    In units of the reference's mean square activation, so that it does not hang on the scale of
    the network's input.
    """
    trunk = weights.load_backbone(weights.HED, [SHALLOW]).to(device)

    @torch.inference_mode()
    def distance(result: Pixels, reference: Pixels) -> float:
        one, other = (
            trunk(_tensor(picture, device)[None])[SHALLOW][0].flatten(1).T
            for picture in (result, reference)
        )
        unit = float(other.square().mean()) or 1.0
        return measures.frechet(one.cpu().numpy(), other.cpu().numpy()) / unit

    return distance
