"""Applying: the drawing as it is now becomes a picture, on a new layer."""

from __future__ import annotations

from typing import Any, Mapping

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Document
from ..engine_errors import Ways
from ..jobs import LayerJob
from ..pixels.masking import masked
from ..roles import AUTO
from ..session import RefusalError, Session
from ..state import Box, LayerInfo, Mask, Notice, Picture, Result
from ..steps import Work, WorkFor
from ..text import _
from .library import Library, missing_text
from .selecting import changed_of, fits, meet, selected_part
from .training import Training

TRAINING = "training"
"""A model choice: the model that this document is training just now."""

PREVIEW = 1024
"""The longest side of a result in the docker: a full canvas would be drawn for too long."""

PARTS = {"edges": ("edges",), "segments": ("segments",)}
"""The drawing layers that a kind of model takes; any other kind takes both."""


def part_name(part: str) -> str:
    """What a part of the drawing is called in a sentence."""
    return {"edges": _("edges"), "segments": _("segments")}.get(part, part)


class ApplyJob(LayerJob):
    """The drawing as it is now, turned into a picture by a model."""

    kind = "apply"
    ways = Ways(again="apply", layers="choose_segments")

    result: Result | None = None
    """What was made, once it is a layer."""

    def layer_name(self, body: Mapping[str, Any]) -> str:
        """The model's name as the engine knows it, the artist's note, the result's number."""
        model = body.get("model")
        name = str(model.get("name") or self.name) if isinstance(model, dict) else self.name
        return result_name(name, self.document.note, self.document.applied + 1)

    selected: Mask | None = None
    """The selection at the start; the new layer is nothing outside of it."""

    def shaped(self, picture: Picture) -> WorkFor[Picture]:
        """Cuts the result to the selection, to the value of its feather."""
        if self.selected is None:
            return picture
        place = (self.box[0], self.box[1]) if self.box is not None else (0, 0)
        return (yield from masked(picture, self.selected, place))

    def added(self, uid: str, picture: Picture, reply: Reply) -> None:
        """Shows the result in the docker too, where no drawing layer can hide it."""
        state = self.document
        state.changed_by_apply = changed_of(reply, self.box)
        shown = picture.shrunk(PREVIEW)
        self.result = Result(self.layer_name(reply.body), uid, picture, shown, self.box)
        state.applied += 1
        state.remembered = False
        state.results = state.results | {uid}
        state.preview = shown

    def praise(self, name: str, document: Document) -> str:
        """Says too when the drawing hides the result."""
        text = super().praise(name, document)
        roles, order = self.document.roles, [layer.uid for layer in document.layers()]
        place = order.index(self.above) if self.above in order else 0
        hiding = any(
            layer is not None and layer.uid in order[:place] and document.visible(layer.uid)
            for layer in (roles.edges, roles.segments)
        )
        if not hiding:
            return text
        return text + " " + _("The drawing lies over it: hide that with the eye buttons.")

    def failure(self, code: str, text: str) -> Notice | None:
        """Says what to do without a model that is not there any more."""
        if code == "not-found":
            text = _("{error} Train on the layer again, or choose another model.").format(
                error=text
            )
            return Notice("error", text, "train")
        return super().failure(code, text)


def result_name(model: str, note: str, number: int) -> str:
    """A layer name such as “car: wheel added #3”."""
    said = " ".join(note.split())
    return f"{model}: {said} #{number}" if said else f"{model} #{number}"


class Applying:
    """Which model is applied to which layers."""

    def __init__(self, session: Session, library: Library, training: Training) -> None:
        self._session = session
        self._library = library
        self._training = training

    def apply(self) -> None:
        """Turns the drawing as it is now into a new layer, or refuses with a notice."""
        self._session.attempt(self._begin)

    def _begin(self) -> None:
        _document, state = self._session.document()
        body, name, kind = self.model(state)
        layers = self.drawing(state, name, kind)
        body["blend"] = self._session.settings.blend
        body["influence"] = True
        self._session.attempt_in_steps(f"apply {state.uid}", self._start(state, body, name, layers))

    def _start(
        self, state: DocumentState, body: dict[str, Any], name: str, layers: dict[str, LayerInfo]
    ) -> Work:
        session, pictures = self._session, {}
        selected = yield from selected_part(session.reopen(state), state)
        document = session.reopen(state)
        box, landmarks = (
            self.box(state, body, document.size),
            document.landmarks(state.original or ""),
        )
        if selected is not None and box is not None and not meet(selected.box, box):
            text = _("The selection lies beside what the model knows: change or remove it.")
            raise RefusalError(text)
        for part, layer in layers.items():
            pictures[part] = yield from session.reopen(state).reading(layer.uid, box)
        job = ApplyJob(_("Applying"), name, state.top, state, session.editor)
        job.original, job.box, job.selected = state.original, box, selected
        job.landmarks = landmarks
        session.start(job, body, pictures)

    def box(self, state: DocumentState, body: dict[str, Any], size: tuple[int, int]) -> Box | None:
        """The part of the canvas that the model knows; None: all of it."""
        training = self._training.running(state)
        if "job" in body and training is not None:
            box = training.box
        else:
            own = state.model is not None and body.get("model") == state.model.id
            box = state.box if own else None
        if not fits(box, size):
            text = _("The canvas is smaller than where the model was trained: train again.")
            raise RefusalError(text, "train")
        return box

    def drawing(self, state: DocumentState, name: str, kind: str) -> dict[str, LayerInfo]:
        """The layers that a model of this kind is given; refuses when one is missing."""
        roles = state.roles
        chosen = {"segments": roles.segments, "edges": roles.edges}
        found = {}
        for part in PARTS.get(kind, ("segments", "edges")):
            layer = chosen[part]
            if layer is not None:
                found[part] = layer
            elif kind in {"edges", "segments", "both"}:
                text = _("“{name}” was trained with {part}, but no {part} layer is chosen.")
                called = part_name(part)
                raise RefusalError(text.format(name=name, part=called), f"choose_{part}")
        if not found:
            text = _("Choose the edges or segments layer that holds your drawing.")
            raise RefusalError(text, "choose_edges")
        return found

    def model(self, state: DocumentState) -> tuple[dict[str, Any], str, str]:
        """The request's model, its name and the kind of primitive that it takes."""
        training = self._training.running(state)
        choice = state.model_choice
        if choice not in {AUTO, TRAINING}:
            chosen = self._library.find(choice)
            if chosen is not None:
                return {"model": chosen.id}, chosen.name, chosen.kind
        unusable = state.model is None or bool(state.missing)
        if training is not None and (choice == TRAINING or unusable):
            return {"job": training.training or training.rid}, training.name, training.primitive
        model = self._library.own(state)
        if model is None:
            text = _("This picture has no model yet: Train first, or choose a model.")
            raise RefusalError(text, "train")
        if model.id == state.missing:
            raise RefusalError(missing_text(model), "train_again")
        return {"model": model.id}, model.name, model.kind
