"""Which layer is what."""

from __future__ import annotations

from typing import Any

from ..guard import guarded
from ..roles import AUTO, NONE, Choices, Roles
from ..state import LayerInfo
from ..studio import Studio
from ..text import _
from ..widgets import Choice
from .parts import Form, Section, row, set_icon, tool

EYE, CLOSED_EYE = "visible", "novisible"
"""Krita's icons."""


class LayersSection(Section):
    """Image, edges, segments: a choice each, and for the drawing an eye and a draft."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.image = Choice("deepsim_image", _("The picture that is learned: a layer or a group"))
        self.edges = Choice("deepsim_edges_choice", _("The layer with the line drawing"))
        self.segments = Choice("deepsim_segments_choice", _("The layer with the flat colours"))
        for combo in (self.image, self.edges, self.segments):
            combo.activated.connect(guarded(self._on_chosen))
        actions = studio.actions
        self.extract = tool(
            "deepsim_extract", "addlayer", actions["edges"].tip, actions["edges"].run
        )
        self.draft = tool(
            "deepsim_draft", "addlayer", actions["segment"].tip, actions["segment"].run
        )
        self.edges_eye = self._eye("edges", _("Show or hide the edges layer"))
        self.segments_eye = self._eye("segments", _("Show or hide the segments layer"))
        self.column.addWidget(
            Form(
                (_("Image"), self.image),
                (_("Edges"), row(self.edges, self.edges_eye, self.extract)),
                (_("Segments"), row(self.segments, self.segments_eye, self.draft)),
            )
        )
        wanted, callback = studio.session.wanted, self._on_wanted
        wanted.connect(callback)
        self.destroyed.connect(lambda *_: wanted.disconnect(callback))

    def _eye(self, part: str, tip: str) -> Any:
        return tool(f"deepsim_{part}_eye", EYE, tip, lambda: self._toggle(part))

    def refresh(self) -> None:
        """Shows the layers there are and which are taken."""
        state = self._studio.session.active
        layers = state.layers if state is not None else ()
        choices = state.choices if state is not None else Choices()
        roles = state.roles if state is not None else Roles()
        self.setVisible(state is not None)
        items = [("  " * layer.level + layer.name, layer.uid) for layer in layers]
        image = _found(roles.image) if choices.image == AUTO else _("Automatic")
        self.image.show_items([(image, AUTO), *items], choices.image)
        for combo, found, choice in (
            (self.edges, roles.edges, choices.edges),
            (self.segments, roles.segments, choices.segments),
        ):
            text = _found(found) if choice == AUTO else _("Automatic (by name)")
            combo.show_items([(text, AUTO), (_("None"), NONE), *items], choice)
        for eye, layer in ((self.edges_eye, roles.edges), (self.segments_eye, roles.segments)):
            eye.setEnabled(layer is not None)
            set_icon(eye, EYE if layer is None or layer.visible else CLOSED_EYE)
        for widget in (self.image, self.edges, self.segments, self.extract, self.draft):
            widget.setEnabled(state is not None)

    def _on_chosen(self, *_ignored: Any) -> None:
        choices = Choices(self.image.key, self.edges.key, self.segments.key)
        self._studio.choosing.choose(choices)

    def _on_wanted(self, part: str) -> None:
        combo = {"image": self.image, "edges": self.edges, "segments": self.segments}[part]
        combo.setFocus()
        combo.showPopup()

    def _toggle(self, part: str) -> None:
        state = self._studio.session.active
        if state is not None:
            self._studio.choosing.toggle_visible(getattr(state.roles, part))


def _found(layer: LayerInfo | None) -> str:
    if layer is None:
        return _("None found")
    return _("{name} (auto)").format(name=layer.name)
