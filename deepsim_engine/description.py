"""What is told of a model: the JSON description in its file, of this version and earlier ones."""

from dataclasses import asdict, dataclass
from typing import Any

from deepsim_engine.errors import InputError
from deepsim_engine.presets import GeneratorConfig
from deepsim_engine.primitive import KINDS

FORMAT = 1
PATCHES = 3  # of `ModelDescription.patches`, for new models


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model without its tensors; JSON in the file's metadata.

    Attributes:
        name: what the artist calls it.
        kind: kind of primitive: edges, segments, both or painting.
        size: (width, height) of the training pair.
        working_size: (width, height) at which the network works.
        preset: name of the preset; `generator` is the network it led to, None for `instant`.
        palette: segment colours [[r, g, b], ...]; `unpainted` whether "nothing" is a class too.
        backbone: feature network of the perceptual loss, None if there was none.
        seed, steps, seconds, losses: of the training.
        pair_sha256: of the training pair's pixels.
        created: UTC, ISO 8601.
        versions: of deepsim and its libraries.
        trust: how far the network may change what patches make, 0 (not at all: it has not become
            better than these) to 1; see confidence.py.
        warnings: what the artist should know of the training.
        computed: kind of device and number format of the training, e.g. "cpu bfloat16".
        patches: what patch results the network learned to mend: 1 blended, 2 chosen by what fits,
            3 with their tone corrected.
        format: of the file.
    """

    name: str
    kind: str
    size: tuple[int, int]
    working_size: tuple[int, int]
    preset: str
    generator: dict[str, Any] | None
    palette: list[list[int]] | None
    unpainted: bool
    backbone: str | None
    seed: int
    steps: int
    seconds: float
    losses: dict[str, float]
    pair_sha256: str
    created: str
    versions: dict[str, str]
    trust: float = 1.0
    warnings: tuple[str, ...] = ()
    computed: str = ""
    patches: int = 1
    format: int = FORMAT

    @property
    def uses_patches(self) -> bool:
        """Whether the network mends the result of patch synthesis."""
        return self.generator is not None and bool(self.generator.get("patches"))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        values = asdict(self)
        values["size"], values["working_size"] = list(self.size), list(self.working_size)
        values["warnings"] = list(self.warnings)
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ModelDescription":
        """Undo `to_json`; unknown fields are ignored. Raises InputError for anything malformed."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        try:
            for name in ("size", "working_size"):
                width, height = known[name]
                known[name] = (int(width), int(height))
            known["warnings"] = tuple(map(str, known.get("warnings", ())))
            if "trust" not in known and values.get("prefers_patches"):
                known["trust"] = 0.0  # files of earlier versions
            known["trust"] = min(1.0, max(0.0, float(known.get("trust", 1.0))))
            description = cls(**known)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The model's description is damaged ({error}).") from error
        if description.kind not in KINDS:
            raise InputError(f"The model's description is damaged (kind {description.kind!r}).")
        return description


def generator_config(values: dict[str, Any]) -> GeneratorConfig:
    """A generator's configuration from its JSON. Raises InputError for anything malformed."""
    try:
        return GeneratorConfig(**{**values, "widths": tuple(values["widths"])})
    except (KeyError, TypeError) as error:
        raise InputError(f"The model's description is damaged ({error}).") from error
