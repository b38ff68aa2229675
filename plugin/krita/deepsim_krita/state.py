"""What the docker shows, as plain observable state: layers, choices, jobs, models, the engine.

Nothing here knows Krita, Qt or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from .observable import Observable, Property

AUTO = "auto"
"""A layer choice: found by name (edges, segments) or the active layer (image)."""

NONE = "none"
"""A layer choice: this part of the primitive is not used."""

EDGES_NAME = "Edges"
SEGMENTS_NAME = "Segments"

RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"


@dataclass(frozen=True)
class Picture:
    """Pixels over the canvas: 8-bit sRGB R,G,B,A with straight alpha, rows top to bottom."""

    width: int
    height: int
    rgba: bytes

    @property
    def is_empty(self) -> bool:
        """True when every pixel is fully transparent."""
        return self.rgba[3::4].count(0) == self.width * self.height


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a document: its id, which saving keeps, its name, how deep it lies in groups."""

    uid: str
    name: str
    level: int = 0


@dataclass(frozen=True)
class Roles:
    """The layers that play a part now; None where there is none."""

    image: LayerInfo | None = None
    edges: LayerInfo | None = None
    segments: LayerInfo | None = None


@dataclass(frozen=True)
class Choices:
    """What was picked in the docker: AUTO, NONE (not for the image) or a layer's id."""

    image: str = AUTO
    edges: str = AUTO
    segments: str = AUTO


@dataclass(frozen=True)
class Notice:
    """One sentence for the artist; `level` is info, good, warning or error."""

    level: str
    text: str


@dataclass(frozen=True)
class ModelInfo:
    """A trained model as the engine lists it; `size` is (width, height), (0, 0) when unknown."""

    id: str
    name: str
    kind: str = ""
    preset: str = ""
    size: tuple[int, int] = (0, 0)
    created: str = ""

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> ModelInfo:
        """Reads the engine's description; unknown fields are ignored."""
        size = body.get("size") or (0, 0)
        return ModelInfo(
            id=str(body.get("id", "")),
            name=str(body.get("name") or "model"),
            kind=str(body.get("kind", "")),
            preset=str(body.get("preset", "")),
            size=(int(size[0]), int(size[1])),
            created=str(body.get("created", "")),
        )


def _by_uid(layers: Sequence[LayerInfo], uid: str | None) -> LayerInfo | None:
    return next((layer for layer in layers if layer.uid == uid), None)


def _by_name(layers: Sequence[LayerInfo], name: str) -> LayerInfo | None:
    wanted = name.casefold()
    return next((layer for layer in layers if layer.name.strip().casefold() == wanted), None)


def _primitive(layers: Sequence[LayerInfo], choice: str, name: str) -> LayerInfo | None:
    if choice == NONE:
        return None
    # A chosen layer that was deleted falls back to the search by name.
    return _by_uid(layers, choice) or _by_name(layers, name)


def resolve_roles(
    layers: Sequence[LayerInfo],
    active: str | None,
    choices: Choices,
    trained: str | None = None,
    results: frozenset[str] = frozenset(),
) -> Roles:
    """Finds the layers that play a part.

    The image is the chosen layer, else the active one. While the artist paints on a primitive (or a
    result has just become active), the image is the layer that was trained on before, else
    the only layer that is left.

    Args:
        layers: the document's layers from top to bottom.
        active: id of the active layer.
        choices: what was picked in the docker.
        trained: id of the layer that the document's last training took as image.
        results: ids of layers that Apply has made.
    """
    edges = _primitive(layers, choices.edges, EDGES_NAME)
    segments = _primitive(layers, choices.segments, SEGMENTS_NAME)
    image = _by_uid(layers, choices.image)
    if image is None:
        taken = {layer.uid for layer in (edges, segments) if layer is not None}
        remembered = _by_uid(layers, trained)
        image = _by_uid(layers, active)
        if image is not None and image.uid in results and remembered is not None:
            image = remembered
        if image is None or image.uid in taken:
            rest = [
                layer
                for layer in layers
                if layer.level == 0 and layer.uid not in taken and layer.uid not in results
            ]
            image = remembered or (rest[0] if len(rest) == 1 else None)
    return Roles(image=image, edges=edges, segments=segments)


def model_name(title: str, layer: str) -> str:
    """A name for the model of a layer: the layer's, or the document's where it says nothing."""
    plain = layer.strip()
    generic = plain.casefold().rstrip("0123456789 ")
    if generic in {"", "background", "layer", "paint layer", "group", "image", "picture"}:
        plain = title.strip() or plain
    return plain or "model"


def clock(seconds: float) -> str:
    """A duration as people write it: 0:07, 12:30, 1:05:00."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class EngineInfo(Observable):
    """The engine process as the client sees it: idle, starting, connecting, ready or failed."""

    state = Property("idle")
    message = Property("")
    device = Property("")
    presets: Property[tuple[str, ...]] = Property(())

    @property
    def text(self) -> str:
        """The state in a few words."""
        words = {
            "idle": "Engine not running",
            "starting": "Engine is starting…",
            "connecting": "Connecting to the engine…",
            "ready": "Engine ready",
            "failed": "Engine not reachable",
        }
        text = words.get(self.state, self.state)
        return f"{text} ({self.device})" if self.state == "ready" and self.device else text


class Settings(Observable):
    """What the artist sets in the docker and finds again next time."""

    preset = Property("draft")
    seconds = Property(0)
    """Training time; 0 leaves it to the preset."""
    blend = Property(True)
    """Keep the untouched pixels of the original exactly."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return {"preset": self.preset, "seconds": self.seconds, "blend": self.blend}

    def update(self, values: Mapping[str, Any]) -> None:
        """Takes over what fits; anything else (an older or a broken file) is ignored."""
        preset, seconds, blend = (values.get(k) for k in ("preset", "seconds", "blend"))
        if isinstance(preset, str) and preset:
            self.preset = preset
        if isinstance(seconds, int) and 0 <= seconds <= 86400:
            self.seconds = seconds
        if isinstance(blend, bool):
            self.blend = blend


class Progress(Observable):
    """A job as the docker shows it."""

    state = Property(RUNNING)
    step = Property(0)
    steps: Property[int | None] = Property(None)
    elapsed = Property(0.0)
    seconds_left: Property[float | None] = Property(None)
    phase = Property("")

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def update(self, body: Mapping[str, Any]) -> None:
        """Takes over a progress message of the engine."""
        steps, left = body.get("steps"), body.get("seconds_left")
        self.step = int(body.get("step") or 0)
        self.steps = None if steps is None else int(steps)
        self.elapsed = float(body.get("seconds") or 0.0)
        self.seconds_left = None if left is None else float(left)

    @property
    def fraction(self) -> float | None:
        """Done part, 0 to 1, or None while it cannot be known."""
        if self.steps and self.step:
            return min(1.0, self.step / self.steps)
        if self.seconds_left is not None and self.elapsed > 0:
            return min(1.0, self.elapsed / (self.elapsed + self.seconds_left))
        return None

    @property
    def text(self) -> str:
        """Title, percentage and time left, as far as they are known."""
        parts = [self.phase or self.title]
        if self.fraction is not None:
            parts.append(f"{self.fraction:.0%}")
        if self.seconds_left is not None:
            parts.append(f"{clock(self.seconds_left)} left")
        return " · ".join(parts)


class DocumentState(Observable):
    """What is known of one document, also while it is closed."""

    title = Property("")
    size: Property[tuple[int, int]] = Property((0, 0))
    layers: Property[tuple[LayerInfo, ...]] = Property(())
    active: Property[str | None] = Property(None)
    choices: Property[Choices] = Property(Choices())
    results: Property[frozenset[str]] = Property(frozenset())
    trained: Property[str | None] = Property(None)
    model: Property[ModelInfo | None] = Property(None)
    model_choice = Property(AUTO)
    resumable = Property(False)
    notice: Property[Notice | None] = Property(None)
    preview: Property[Picture | None] = Property(None)

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid
        self.training = ""
        """The engine's id of the training that is not over, as far as is known."""
        self.remembered = True
        """False while the document has yet to be told what is in `memory`."""

    def adopt(self, model: ModelInfo, image: str) -> None:
        """Takes a freshly trained model as the document's own."""
        self.model = model
        self.model_choice = AUTO
        self.trained = image
        self.training = ""
        self.remembered = False

    def memory(self) -> dict[str, Any]:
        """What is stored in the document so that it finds its model when opened again."""
        model = self.model
        stored = {} if model is None else {"id": model.id, "name": model.name, "kind": model.kind}
        choices = self.choices
        return {
            "model": stored,
            "image": self.trained,
            "training": self.training,
            "choices": {
                "image": choices.image,
                "edges": choices.edges,
                "segments": choices.segments,
            },
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Takes over what a document stored; what does not fit is ignored."""
        model, image, choices = (memory.get(k) for k in ("model", "image", "choices"))
        if isinstance(memory.get("training"), str):
            self.training = memory["training"]
        if isinstance(model, dict) and model.get("id"):
            self.model = ModelInfo.from_body(model)
        if isinstance(image, str):
            self.trained = image
        if isinstance(choices, dict):
            picked = {k: str(choices.get(k, AUTO)) for k in ("image", "edges", "segments")}
            self.choices = Choices(**picked)

    @property
    def roles(self) -> Roles:
        """The layers that play a part now."""
        return resolve_roles(self.layers, self.active, self.choices, self.trained, self.results)
