"""What is known of one document, open or closed: its layers, choices, model, results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .observable import Observable, Property
from .roles import AUTO, Choices, Roles, resolve_roles, top_result
from .state import (
    Box,
    Colour,
    LayerInfo,
    Mask,
    ModelInfo,
    Notice,
    Picture,
    Result,
    box_of,
    colours_of,
)


@dataclass
class Swap:
    """One layer in the place of another: to Krita two steps, to the artist one.

    `done` is False while it is undone; `pushed` is True while the other step is under way.
    """

    old: str
    new: str
    done: bool = True
    pushed: bool = False


class DocumentState(Observable):
    """What is known of one document, also while it is closed."""

    title = Property("")
    size: Property[tuple[int, int]] = Property((0, 0))
    layers: Property[tuple[LayerInfo, ...]] = Property(())
    active: Property[str | None] = Property(None)
    selected: Property[Box | None] = Property(None)
    """The box around the selection, None without one."""
    choices: Property[Choices] = Property(Choices())
    results: Property[frozenset[str]] = Property(frozenset())
    trained: Property[str | None] = Property(None)
    model: Property[ModelInfo | None] = Property(None)
    model_choice = Property(AUTO)
    resumable = Property(False)
    """A training was stopped, and another Train on the same pair goes on with it."""
    paused = Property(False)
    """The training `training` waits at the engine until it is resumed."""
    notice: Property[Notice | None] = Property(None)
    preview: Property[Picture | None] = Property(None)
    palette: Property[tuple[Colour, ...]] = Property(())
    """The colours found in the segments last."""
    stray = Property(0)
    """Pixels of the segments whose colour belongs to no class, as far as was looked."""
    note = Property("")
    """What the artist calls the edit; part of the next result's name."""
    applied = Property(0)
    """Results so far: the number in the last one's name."""

    history: Property[tuple[Result, ...]] = Property(())
    """Results that can be inserted again, newest first."""
    compared: Property[Result | None] = Property(None)
    """The result on show in the docker."""
    before: Property[Picture | None] = Property(None)
    """The picture that results are compared with."""
    live = Property(False)
    start_from: Property[ModelInfo | None] = Property(None)
    """The model whose weights the next training begins with."""
    missing = Property("")
    """The id of the document's model while the library does not have it; else empty."""

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.uid = uid
        self.training = ""
        """The engine's id of the training that is not over, as far as is known."""
        self.strip: tuple[tuple[str, Box | None], ...] = ()
        """Which layers the results in `history` are, and the part of the canvas that each is for:
        what a document that is opened again gets its history back from."""
        self.box: Box | None = None
        """The part of the canvas that the document's model was trained on; None: all of it."""
        self.changed_by_apply: Mask | None = None
        """What the last result changed, as far as is known."""
        self.pointed_out: Mask | None = None
        """A selection that only points something out: it is no wish to work inside of it."""
        self.edits = 0
        """How often a layer of the drawing was left, and so may have been painted on."""
        self.focus = ""
        """A layer to make active at the next look: Krita activates a new group itself first."""
        self.swap: Swap | None = None
        """The layer that was replaced last."""
        self.trained_with: dict[str, Any] = {}
        """The settings of the training that led to the document's model."""
        self.live_layer = ""
        """The preview layer of Live; empty when there is none."""
        self.shown = 0
        """How many pictures Live has shown."""
        self.previews: frozenset[str] = frozenset()
        """All layers that ever were its preview: undo brings removed ones back."""
        self.remembered = True
        """False while the document has yet to be told what is in `memory`."""

    def adopt(self, model: ModelInfo, image: str, box: Box | None = None) -> None:
        """Takes a freshly trained model as the document's own."""
        self.model = model
        self.model_choice = AUTO
        self.trained = image
        self.box = box
        self.training = ""
        self.paused = self.resumable = False
        self.start_from = None
        self.missing = ""
        self.remembered = False

    @property
    def holds_pictures(self) -> bool:
        """Whether pictures as large as the canvas are kept."""
        return bool(self.history) or self.preview is not None or self.before is not None

    def let_go(self) -> None:
        """Gives the pictures back: a closed document has no use for them."""
        self.history = ()
        self.compared = self.preview = self.before = None
        self.changed_by_apply = self.pointed_out = None

    def activated(self, layer: str | None) -> None:
        """The artist works on this layer now."""
        roles = self.roles
        if layer != self.active and self.active in {
            r.uid for r in (roles.edges, roles.segments) if r
        }:
            self.edits += 1
        self.active = layer

    @property
    def drawn(self) -> bool:
        """Whether there is a drawing, at least an empty layer for one."""
        roles = self.roles
        return roles.edges is not None or roles.segments is not None

    @property
    def original(self) -> str | None:
        """The layer that results are versions of: the one trained on, else the image."""
        if self.trained in {layer.uid for layer in self.layers}:
            return self.trained
        image = self.roles.image
        return image.uid if image is not None else None

    @property
    def top(self) -> str | None:
        """The layer that a new result goes above."""
        return top_result(self.layers, self.original, self.results)

    def moved(self, old: str, new: str) -> None:
        """A layer was replaced by another one, which plays the same part."""
        parts = (self.choices.image, self.choices.edges, self.choices.segments)
        self.choices = Choices(*(new if part == old else part for part in parts))
        self.remembered = False

    def memory(self) -> dict[str, Any]:
        """What is stored in the document so that it finds its model when opened again."""
        model = self.model
        stored = {} if model is None else {"id": model.id, "name": model.name, "kind": model.kind}
        choices = self.choices
        return {
            "model": stored,
            "image": self.trained,
            "box": self.box,
            "training": self.training,
            "applied": self.applied,
            "results": sorted(self.results),
            "strip": [list(entry) for entry in self.strip],
            "palette": [list(colour) for colour in self.palette],
            "live": sorted(self.previews),
            "settings": self.trained_with,
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
        results = memory.get("results")
        if isinstance(results, list):
            self.results = frozenset(str(uid) for uid in results)
        self.palette = colours_of(memory.get("palette"))
        if isinstance(memory.get("applied"), int):
            self.applied = max(0, memory["applied"])
        if isinstance(memory.get("settings"), dict):
            self.trained_with = memory["settings"]
        if isinstance(memory.get("live"), str) and memory["live"]:  # as earlier versions stored it
            self.previews = frozenset({memory["live"]})
        if isinstance(memory.get("live"), list):
            self.previews = frozenset(str(uid) for uid in memory["live"])
        if isinstance(model, dict) and model.get("id"):
            self.model = ModelInfo.from_body(model)
        if isinstance(image, str):
            self.trained = image
        self.box = box_of(memory.get("box"))
        strip = memory.get("strip")
        if isinstance(strip, list):
            entries = [e for e in strip if isinstance(e, list) and len(e) == 2]
            self.strip = tuple((str(uid), box_of(box)) for uid, box in entries)
        if isinstance(choices, dict):
            picked = {k: str(choices.get(k, AUTO)) for k in ("image", "edges", "segments")}
            self.choices = Choices(**picked)

    @property
    def roles(self) -> Roles:
        """The layers that play a part now."""
        return resolve_roles(self.layers, self.active, self.choices, self.trained, self.results)
