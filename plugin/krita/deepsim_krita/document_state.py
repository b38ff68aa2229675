"""What is known of one document, open or closed: its layers, choices, model, results."""

from __future__ import annotations

from typing import Any, Mapping

from .observable import Observable, Property
from .roles import AUTO, Choices, Roles, resolve_roles
from .state import Box, LayerInfo, Mask, ModelInfo, Notice, Picture


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
        self.box: Box | None = None
        """The part of the canvas that the document's model was trained on; None: all of it."""
        self.changed_by_apply: Mask | None = None
        """What the last result changed, as far as is known."""
        self.remembered = True
        """False while the document has yet to be told what is in `memory`."""

    def adopt(self, model: ModelInfo, image: str, box: Box | None = None) -> None:
        """Takes a freshly trained model as the document's own."""
        self.model = model
        self.model_choice = AUTO
        self.trained = image
        self.box = box
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
            "box": self.box,
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
        box = memory.get("box")
        if isinstance(box, list) and len(box) == 4 and all(type(n) is int for n in box):
            self.box = (box[0], box[1], box[2], box[3])
        if isinstance(choices, dict):
            picked = {k: str(choices.get(k, AUTO)) for k in ("image", "edges", "segments")}
            self.choices = Choices(**picked)

    @property
    def roles(self) -> Roles:
        """The layers that play a part now."""
        return resolve_roles(self.layers, self.active, self.choices, self.trained, self.results)
