"""What the bodies of requests mean: checked values, or an InputError with one sentence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deepsim_engine.errors import InputError

MAX_NAME = 120


@dataclass(frozen=True)
class TrainSettings:
    """Body of `train`, without `resume`; None leaves the choice to the preset.

    `origin` ("from" in the body) is the id of a stored model whose weights training begins with.
    """

    name: str
    preset: str
    seconds: float | None = None
    steps: int | None = None
    size: int | None = None
    seed: int = 0
    device: str = "auto"
    origin: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "TrainSettings":
        """Read a body; unknown fields are ignored. Raises InputError."""
        name = text(body, "name", "")
        if len(name) > MAX_NAME:
            raise InputError(
                f"The model's name has {len(name)} characters: at most {MAX_NAME} are allowed."
            )
        return cls(
            name=name or "Untitled",
            preset=text(body, "preset", "draft"),
            seconds=number(body, "seconds"),
            steps=whole(body, "steps"),
            size=whole(body, "size"),
            seed=whole(body, "seed") or 0,
            device=text(body, "device", "auto"),
            origin=text(body, "from", ""),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        values = asdict(self)
        values["from"] = values.pop("origin")
        return values


def text(body: Mapping[str, Any], key: str, default: str) -> str:
    """A string. Raises InputError for anything else."""
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InputError(f"The value of {key!r} must be a text.")
    return value


def number(body: Mapping[str, Any], key: str) -> float | None:
    """A number, or None. Raises InputError for anything else."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
        raise InputError(f"The value of {key!r} must be a number of ordinary size.")
    return float(value)


def whole(body: Mapping[str, Any], key: str) -> int | None:
    """A whole number, or None. Raises InputError for anything else."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise InputError(f"The value of {key!r} must be a whole number of ordinary size.")
    return value


def flag(body: Mapping[str, Any], key: str, default: bool) -> bool:
    """true or false. Raises InputError for anything else."""
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InputError(f"The value of {key!r} must be true or false.")
    return value


def colours(body: Mapping[str, Any], key: str) -> list[list[int]] | None:
    """A list of colours [red, green, blue], 0 to 255 each, or None. Raises InputError."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(_is_colour(each) for each in value):
        raise InputError(f"The value of {key!r} must be a list of colours [red, green, blue].")
    return value


def box(body: Mapping[str, Any], key: str) -> tuple[int, int, int, int] | None:
    """A part of the picture [left, top, width, height], or None. Raises InputError."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4 or not all(type(n) is int for n in value):
        raise InputError(f"The value of {key!r} must be [left, top, width, height] in pixels.")
    left, top, width, height = value
    return left, top, width, height


def place(body: Mapping[str, Any], layer: str) -> tuple[int, int]:
    """Where in a layer its part lies, [left, top] in "places". Raises InputError."""
    places = body.get("places")
    value = places.get(layer) if isinstance(places, dict) else None
    if not isinstance(value, list) or len(value) != 2 or not all(type(n) is int for n in value):
        raise InputError(f"'places' must say where the part of the {layer} lies: [left, top].")
    left, top = value
    return left, top


def _is_colour(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in value)
    )
