"""Applying: which model, and whether untouched pixels stay."""

from __future__ import annotations

from typing import Any

from ..features.applying import TRAINING
from ..guard import guarded
from ..qt import QCheckBox
from ..roles import AUTO
from ..studio import Studio
from ..text import _
from ..widgets import Choice
from .parts import Section, button, form, row, tool


class ApplyingSection(Section):
    """The model, the blending and Apply."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.model = Choice("deepsim_model", _("The model that Apply uses"))
        self.model.activated.connect(guarded(self._on_model))
        self.again = tool(
            "deepsim_models_refresh",
            "view-refresh",
            _("Ask the engine for its models (starts it if it is not running)"),
            self._on_again,
        )
        self.blend = QCheckBox(_("Keep untouched pixels"))
        self.blend.setObjectName("deepsim_blend")
        self.blend.setToolTip(_("Away from your edit the result is exactly the original picture"))
        self.blend.toggled.connect(guarded(self._on_blend))
        self.apply = button("deepsim_apply_button", studio.actions["apply"], _("Apply"))
        self.column.addLayout(form((_("Model"), row(self.model, self.again))))
        self.column.addWidget(self.blend)
        self.column.addWidget(self.apply)

    def refresh(self) -> None:
        """Shows the models there are and which one is used."""
        studio, session = self._studio, self._studio.session
        state, settings = session.active, session.settings
        auto = studio.library.own(state) if state is not None else None
        text = _("This picture's ({name})").format(name=auto.name) if auto else _("None yet")
        items = [(text, AUTO)]
        if state is not None and studio.training.running(state) is not None:
            items.append((_("In training now"), TRAINING))
        items += [
            (f"{m.name} · {m.kind} · {m.preset} · {m.size[0]}×{m.size[1]}", m.id)
            for m in studio.library.items
        ]
        self.model.show_items(items, state.model_choice if state is not None else AUTO)
        if self.blend.isChecked() != settings.blend:
            self.blend.setChecked(settings.blend)
        self.apply.setEnabled(state is not None)

    def _on_model(self, *_ignored: Any) -> None:
        state = self._studio.session.active
        if state is not None:
            state.model_choice = self.model.key

    def _on_again(self) -> None:
        session = self._studio.session
        session.connect()

    def _on_blend(self, *_ignored: Any) -> None:
        self._studio.session.settings.blend = self.blend.isChecked()
