"""What each preset means: networks, losses, schedule. Plain frozen data, stored in checkpoints."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from deepsim_engine.augment import Augmentation
from deepsim_engine.errors import InputError
from deepsim_engine.patches import PatchConfig

UNET: Literal["unet"] = "unet"
GLOBAL: Literal["global"] = "global"


@dataclass(frozen=True)
class GeneratorConfig:
    """Kind and size of the generator.

    Attributes:
        kind: "unet" (networks/unet.py) or "global" (networks/pix2pixhd.py).
        widths: channels per level, full size first.
        depth: residual blocks at the coarsest level.
        patches: also look at the result of patch synthesis.
        residual: add to that result instead of painting anew.
        opinions, agreeing: of that result; see PatchConfig.
        fold: the U-Net works on squares of that many by as many pixels.
    """

    kind: Literal["unet", "global"] = UNET
    widths: tuple[int, ...] = (32, 64, 128, 192)
    depth: int = 4
    patches: bool = False
    residual: bool = False
    fold: int = 1
    opinions: int = 1
    agreeing: int = 0

    def patch_config(self, known: PatchConfig | None = None) -> PatchConfig:
        """Settings of the patches that it looks at, those not said here as `known`."""
        return replace(known or PatchConfig(), opinions=self.opinions, agreeing=self.agreeing)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of the two-scale patch discriminator (networks/discriminator.py)."""

    base: int = 32
    layers: int = 3
    scales: int = 2
    norm: bool = True


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's losses; a weight of 0 leaves the loss out.

    Attributes:
        pixel: mean absolute difference.
        perceptual: difference of the backbone's activations.
        style: difference of the correlations of the backbone's activations.
        adversarial: least squares (LSGAN) against the discriminator.
        feature_matching: difference of the discriminator's activations.
        taps: layers of the backbone and the weight of each.
        adversarial_from: share of training that goes by before the discriminator joins.
    """

    pixel: float = 1.0
    perceptual: float = 1.0
    style: float = 0.0
    adversarial: float = 0.1
    feature_matching: float = 1.0
    taps: tuple[tuple[str, float], ...] = (("relu1_2", 1.0), ("relu2_2", 1.0), ("relu3_3", 1.0))
    adversarial_from: float = 0.0


@dataclass(frozen=True)
class Preset:
    """Everything that decides a training run except the pair, the budget and the seed.

    Attributes:
        name: what the user calls it.
        promise: what it is good for, in her words.
        trains: False when the picture alone is the model (instant).
        longest_side: working resolution when the user names none, in pixels.
        crop: side of the training crops; 0 trains on the whole picture.
        batch: crops per step.
        learning_rate: of the generator; `discriminator_rate` of the discriminator.
        schedule: "cosine" falls from the first step to the last; "linear" stays constant for the
            first half and falls to zero in the second (the paper).
        ema: half-life of the averaged weights as a share of training done so far.
        seconds: default budget on a processor; `gpu_seconds` on a graphics card.
        steps: default number of steps where there is no budget in seconds (the paper).
    """

    name: str
    promise: str
    trains: bool = True
    longest_side: int = 512
    crop: int = 128
    batch: int = 2
    learning_rate: float = 1e-3
    discriminator_rate: float = 4e-4
    betas: tuple[float, float] = (0.5, 0.99)
    schedule: Literal["cosine", "linear"] = "cosine"
    ema: float = 0.05
    seconds: float | None = 150.0
    gpu_seconds: float | None = 60.0
    steps: int | None = None
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)


INSTANT = Preset(
    name="instant",
    promise="now: puts patches of the picture together anew, without training",
    trains=False,
    longest_side=1024,
    seconds=None,
    gpu_seconds=None,
)
DRAFT = Preset(
    name="draft",
    promise="instant twice over, so closer; a network trained for minutes mends it where it can",
    longest_side=448,
    batch=1,
    learning_rate=2e-3,
    generator=GeneratorConfig(
        widths=(48, 96, 144),
        depth=2,
        patches=True,
        residual=True,
        fold=2,
        opinions=2,
        agreeing=1,
    ),
    losses=LossConfig(taps=(("relu1_2", 1.0), ("relu2_2", 1.0), ("relu3_1", 1.0))),
)
STANDARD = replace(
    DRAFT,
    name="standard",
    promise="the closest: instant four times over, and ten minutes of training; applies slowly",
    longest_side=640,
    seconds=600.0,
    gpu_seconds=90.0,
    generator=replace(DRAFT.generator, opinions=4, agreeing=3),
)
PAPER = Preset(
    name="paper",
    promise="the published recipe: hours, on a graphics card",
    longest_side=256,
    crop=0,
    batch=1,
    learning_rate=2e-4,
    discriminator_rate=2e-4,
    betas=(0.5, 0.999),
    schedule="linear",
    seconds=None,
    gpu_seconds=None,
    steps=16000,
    generator=GeneratorConfig(kind=GLOBAL, widths=(64, 128, 256, 512, 1024), depth=9),
    discriminator=DiscriminatorConfig(base=64),
    losses=LossConfig(
        pixel=0.0,
        perceptual=10.0,
        adversarial=1.0,
        feature_matching=10.0,
        taps=(
            ("relu1_1", 1 / 32),
            ("relu2_1", 1 / 16),
            ("relu3_1", 1 / 8),
            ("relu4_1", 1 / 4),
            ("relu5_1", 1.0),
        ),
    ),
)

PRESETS = {preset.name: preset for preset in (INSTANT, DRAFT, STANDARD, PAPER)}


def find(name: str) -> Preset:
    """The preset of that name. Raises InputError with the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(PRESETS)
        raise InputError(f"There is no preset {name!r}; choose one of {known}.") from None


def as_json(preset: Preset) -> dict[str, Any]:
    """What decides a training, as plain JSON values (no tuples), comparable after reading back."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(preset)))
    del values["promise"]
    return values
