"""Applying: which model, and whether untouched pixels stay."""

from __future__ import annotations

from typing import Any

from ..features.applying import TRAINING
from ..guard import guarded
from ..qt import QCheckBox, QLineEdit, QSizePolicy
from ..roles import AUTO
from ..state import ModelInfo
from ..studio import Studio
from ..text import _
from ..widgets import Choice
from .parts import Form, Section, button, emphasise, row, tool
from .training import preset_name


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
        self.library = tool(
            "deepsim_models",
            "folder-pictures",
            studio.actions["library"].tip,
            studio.actions["library"].run,
        )
        self.blend = QCheckBox(_("Keep untouched pixels"))
        self.blend.setObjectName("deepsim_blend")
        self.blend.setToolTip(_("Away from your edit the result is exactly the original picture"))
        # A longer text, in another language, must not make the docker wider than it is.
        self.blend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.blend.toggled.connect(guarded(self._on_blend))
        self.apply = button("deepsim_apply_button", studio.actions["apply"], _("Apply"))
        self.note = QLineEdit()
        self.note.setObjectName("deepsim_note")
        self.note.setPlaceholderText(_("what you changed (optional)"))
        self.note.setToolTip(_("Becomes part of the result layer's name: “car: wheel added #3”"))
        self.note.setMaxLength(80)
        self.note.setMinimumWidth(40)
        self.note.textEdited.connect(guarded(self._on_note))
        self.note.returnPressed.connect(guarded(studio.actions["apply"].run))
        self.column.addWidget(
            Form((_("Model"), row(self.model, self.again, self.library)), (_("Note"), self.note))
        )
        self.column.addWidget(self.blend)
        self.column.addWidget(self.apply)

    def refresh(self) -> None:
        """Shows the models there are and which one is used."""
        studio, session = self._studio, self._studio.session
        state, settings = session.active, session.settings
        self.setVisible(state is not None and state.drawn)
        auto = studio.library.own(state) if state is not None else None
        own = state is not None and state.model is not None
        gone = state is not None and bool(state.missing)
        training = state is not None and studio.training.running(state) is not None
        # What a picture's first training has learned so far is what Apply takes by itself.
        usable = own and not gone
        by_itself = _("In training now") if training and not usable else _none_or(auto, own, gone)
        items = [(by_itself, AUTO)]
        if usable and training:
            items.append((_("In training now"), TRAINING))
        items += [
            (f"{m.name} · {m.kind} · {preset_name(m.preset)} · {m.size[0]}×{m.size[1]}", m.id)
            for m in studio.library.items
        ]
        self.model.show_items(items, state.model_choice if state is not None else AUTO)
        if self.blend.isChecked() != settings.blend:
            self.blend.setChecked(settings.blend)
        note = state.note if state is not None else ""
        if self.note.text() != note:
            self.note.setText(note)
        self.note.setEnabled(state is not None)
        self.apply.setEnabled(state is not None)
        emphasise(self.apply, studio.guiding.next.action == "apply")

    def _on_model(self, *_ignored: Any) -> None:
        state = self._studio.session.active
        if state is not None:
            state.model_choice = self.model.key

    def _on_note(self, text: str) -> None:
        state = self._studio.session.active
        if state is not None:
            state.note = text

    def _on_again(self) -> None:
        session = self._studio.session
        session.connect()

    def _on_blend(self, *_ignored: Any) -> None:
        self._studio.session.settings.blend = self.blend.isChecked()


def _none_or(model: ModelInfo | None, own: bool, gone: bool) -> str:
    """What Apply takes by itself."""
    if model is None:
        return _("None yet")
    if gone:
        return _("{name} (gone)").format(name=model.name)
    text = _("{name} (this picture's)") if own else _("{name} (same size)")
    return text.format(name=model.name)
