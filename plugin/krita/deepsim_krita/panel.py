"""The docker's content: thin widgets that show the session and hand clicks to it."""

from __future__ import annotations

from typing import Any, Callable

from krita import Krita

from .guard import guarded
from .qt import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSize,
    QSizePolicy,
    QSpinBox,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from .session import TRAINING, Session
from .state import AUTO, NONE, Choices, DocumentState, LayerInfo, Notice
from .widgets import Choice, MessageLabel, PreviewBox, StateDot

PRESETS = ("instant", "draft", "standard", "paper")
PRESET_TIP = (
    "How to learn: instant copies patches and needs no training; draft takes minutes; "
    "standard looks better and takes longer; paper is the published recipe, for a GPU."
)


def _button(name: str, text: str, tip: str, slot: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.clicked.connect(guarded(lambda *_: slot()))
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    button.setMinimumWidth(30)
    return button


def _tool(name: str, icon: str, tip: str, slot: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setIcon(Krita.instance().icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.setIconSize(QSize(16, 16))
    button.clicked.connect(guarded(lambda *_: slot()))
    return button


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    for widget in widgets:
        layout.addWidget(widget)
    return row


class Panel(QWidget):
    """All of the docker's content; `refresh` brings it up to date with the session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._make_widgets()
        self._lay_out()
        # Many changes in one turn of the event loop, one refresh.
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(guarded(self.refresh))
        session.changed.connect(self._on_change)
        changed, callback = session.changed, self._on_change
        self.destroyed.connect(lambda *_: changed.disconnect(callback))
        self.refresh()

    def _on_change(self, name: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _make_widgets(self) -> None:
        session = self._session
        self.dot = StateDot()
        self.engine = QLabel()
        self.engine.setObjectName("deepsim_engine")
        self.engine.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.image = Choice("deepsim_image", "The picture that is learned: a layer or a group")
        self.edges = Choice("deepsim_edges_choice", "The layer with the line drawing")
        self.segments = Choice("deepsim_segments_choice", "The layer with the flat colours")
        for combo in (self.image, self.edges, self.segments):
            combo.activated.connect(guarded(self._on_layers))
        self.extract = _tool(
            "deepsim_extract", "addlayer", "Extract edges onto a new layer", session.extract_edges
        )
        self.draft = _tool(
            "deepsim_draft", "addlayer", "Draft segments on a new layer", session.segment
        )
        self.edges_eye = _tool(
            "deepsim_edges_eye",
            "visible",
            "Show or hide the edges layer",
            lambda: self._toggle("edges"),
        )
        self.segments_eye = _tool(
            "deepsim_segments_eye",
            "visible",
            "Show or hide the segments layer",
            lambda: self._toggle("segments"),
        )
        self.preset = Choice("deepsim_preset", PRESET_TIP)
        self.preset.activated.connect(guarded(self._on_settings))
        self.seconds = QSpinBox()
        self.seconds.setObjectName("deepsim_seconds")
        self.seconds.setRange(0, 86400)
        self.seconds.setSingleStep(30)
        self.seconds.setSuffix(" s")
        self.seconds.setSpecialValueText("auto")
        self.seconds.setToolTip("How long to train, in seconds; auto: as long as the preset says")
        self.seconds.setMinimumWidth(50)
        self.seconds.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.seconds.valueChanged.connect(guarded(self._on_settings))
        self.train = _button(
            "deepsim_train_button",
            "Train",
            "Teach a model to turn the drawing into the picture",
            session.train,
        )
        self.cancel = _button(
            "deepsim_cancel_button",
            "Cancel",
            "Stop the running job; training can be continued later",
            session.cancel,
        )
        self.bar = QProgressBar()
        self.bar.setObjectName("deepsim_progress")
        self.bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.bar.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview = PreviewBox("")
        self.model = Choice("deepsim_model", "The model that Apply uses")
        self.model.activated.connect(guarded(self._on_model))
        self.models_again = _tool(
            "deepsim_models_refresh",
            "view-refresh",
            "Ask the engine for its models (starts it if it is not running)",
            session.connect,
        )
        self.blend = QCheckBox("Keep untouched pixels")
        self.blend.setObjectName("deepsim_blend")
        self.blend.setToolTip("Away from your edit the result is exactly the original picture")
        self.blend.toggled.connect(guarded(self._on_settings))
        self.apply = _button(
            "deepsim_apply_button",
            "Apply",
            "Turn the drawing as it is now into a new layer above the picture",
            session.apply,
        )
        self.message = MessageLabel()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.setSpacing(5)
        column.addWidget(_row(self.dot, self.engine))
        form = QFormLayout()
        form.setSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Image", self.image)
        form.addRow("Edges", _row(self.edges, self.edges_eye, self.extract))
        form.addRow("Segments", _row(self.segments, self.segments_eye, self.draft))
        form.addRow("Preset", _row(self.preset, self.seconds))
        column.addLayout(form)
        column.addWidget(_row(self.train, self.cancel))
        column.addWidget(self.bar)
        column.addWidget(self.preview)
        form = QFormLayout()
        form.setSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", _row(self.model, self.models_again))
        column.addLayout(form)
        column.addWidget(self.blend)
        column.addWidget(self.apply)
        column.addWidget(self.message)
        column.addStretch(1)

    # ---- showing

    def refresh(self) -> None:
        """Shows the session as it is."""
        session, state = self._session, self._session.active
        self.dot.show_state(session.engine.state)
        self.engine.setText(session.engine.text)
        self.engine.setToolTip(session.engine.message or session.engine.text)
        self._show_layers(state)
        presets = session.engine.presets or PRESETS
        self.preset.show_items([(p.capitalize(), p) for p in presets], session.settings.preset)
        for widget, value in ((self.seconds, session.settings.seconds),):
            if widget.value() != value:
                widget.setValue(value)
        if self.blend.isChecked() != session.settings.blend:
            self.blend.setChecked(session.settings.blend)
        self._show_models(state)
        self._show_job(state)
        self.message.show_notice(self._notice(state))

    def _show_layers(self, state: DocumentState | None) -> None:
        layers = state.layers if state is not None else ()
        choices = state.choices if state is not None else Choices()
        items = [("  " * layer.level + layer.name, layer.uid) for layer in layers]
        roles = state.roles if state is not None else None

        def auto(layer: LayerInfo | None) -> str:
            return "None found" if layer is None else f"{layer.name} (auto)"

        image = auto(roles.image if roles else None) if choices.image == AUTO else "Automatic"
        self.image.show_items([(image, AUTO), *items], choices.image)
        for combo, found, choice in (
            (self.edges, roles.edges if roles else None, choices.edges),
            (self.segments, roles.segments if roles else None, choices.segments),
        ):
            text = auto(found) if choice == AUTO else "Automatic (by name)"
            combo.show_items([(text, AUTO), ("None", NONE), *items], choice)
        for eye, layer in (
            (self.edges_eye, roles.edges if roles else None),
            (self.segments_eye, roles.segments if roles else None),
        ):
            eye.setEnabled(layer is not None)
        for widget in (self.image, self.edges, self.segments, self.extract, self.draft):
            widget.setEnabled(state is not None)

    def _show_models(self, state: DocumentState | None) -> None:
        session = self._session
        auto = session.auto_model(state) if state is not None else None
        items: list[tuple[str, str]] = [
            (f"This picture's ({auto.name})" if auto else "None yet", AUTO)
        ]
        if state is not None and session.running_training(state) is not None:
            items.append(("In training now", TRAINING))
        items += [
            (f"{m.name} · {m.kind} · {m.preset} · {m.size[0]}×{m.size[1]}", m.id)
            for m in session.models.items
        ]
        self.model.show_items(items, state.model_choice if state is not None else AUTO)

    def _show_job(self, state: DocumentState | None) -> None:
        session = self._session
        job = session.shown_job
        training = session.running_training(state) if state is not None else None
        self.train.setText("Resume" if state is not None and state.resumable else "Train")
        self.train.setEnabled(state is not None and training is None)
        self.apply.setEnabled(state is not None)
        self.cancel.setEnabled(job is not None)
        self.bar.setVisible(job is not None)
        if job is not None:
            fraction = job.progress.fraction
            self.bar.setRange(0, 0 if fraction is None else 1000)
            if fraction is not None:
                self.bar.setValue(round(fraction * 1000))
            self.bar.setFormat(job.progress.text)
            self.bar.setToolTip(f"{job.progress.title}: {job.progress.text}")
        if state is None:
            hint = "Open a picture to begin."
        elif state.roles.edges is None and state.roles.segments is None:
            hint = "Draw on layers named Edges or Segments, or let the + buttons draft them."
        else:
            hint = "Train shows here what the model has learned."
        self.preview.show_picture(state.preview if state is not None else None, hint)

    def _notice(self, state: DocumentState | None) -> Notice | None:
        job = self._session.shown_job
        notice = self._session.shown_notice
        if job is not None and (notice is None or job.state is not state):
            return Notice("info", job.progress.title + ".")
        return notice

    # ---- clicks

    def _on_layers(self, _: Any) -> None:
        if self._session.active is not None:
            self._session.choose(Choices(self.image.key, self.edges.key, self.segments.key))

    def _on_model(self, _: Any) -> None:
        if self._session.active is not None:
            self._session.active.model_choice = self.model.key

    def _on_settings(self, _: Any) -> None:
        settings = self._session.settings
        settings.preset = self.preset.key
        settings.seconds = self.seconds.value()
        settings.blend = self.blend.isChecked()

    def _toggle(self, part: str) -> None:
        state = self._session.active
        if state is not None:
            self._session.toggle_visible(getattr(state.roles, part))
