"""Training: how, for how long, how far, and what is learned so far."""

from __future__ import annotations

from typing import Any

from ..guard import guarded
from ..qt import QLabel, QProgressBar, QSizePolicy, QSpinBox, Qt
from ..studio import Studio
from ..text import _
from ..widgets import Choice
from .curve import LossCurve
from .parts import Form, Section, button, emphasise, row

PRESETS = ("instant", "draft", "standard", "paper")


def preset_name(preset: str) -> str:
    """What a preset is called."""
    names = {
        "instant": _("Instant"),
        "draft": _("Draft"),
        "standard": _("Standard"),
        "paper": _("Paper"),
    }
    return names.get(preset) or preset.capitalize()


class TrainingSection(Section):
    """Preset and time, Train and Cancel, progress."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.preset = Choice(
            "deepsim_preset",
            _(
                "How to learn: instant puts patches of the picture together and needs no training; "
                "draft and standard also train a network, for minutes, and use it where it is "
                "better; paper is the published recipe, for a GPU."
            ),
            letters=8,
        )
        self.preset.activated.connect(guarded(self._on_settings))
        self.seconds = self._spin()
        self.train = button("deepsim_train_button", studio.actions["train"], _("Train"))
        self.pause = button("deepsim_pause_button", studio.actions["pause"], _("Pause"))
        self.cancel = button("deepsim_cancel_button", studio.actions["cancel"], _("Cancel"))
        self.bar = QProgressBar()
        self.bar.setObjectName("deepsim_progress")
        self.bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.bar.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.estimate = QLabel()
        self.estimate.setObjectName("deepsim_estimate")
        self.estimate.setWordWrap(True)
        self.estimate.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.curve = LossCurve()
        self.column.addWidget(Form((_("Preset"), row(self.preset, self.seconds))))
        self.column.addWidget(row(self.train, self.pause, self.cancel))
        self.column.addWidget(self.estimate)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.curve)

    def _spin(self) -> Any:
        spin = QSpinBox()
        spin.setObjectName("deepsim_seconds")
        spin.setRange(0, 86400)
        spin.setSingleStep(30)
        spin.setSuffix(_(" s"))
        spin.setSpecialValueText(_("auto"))
        spin.setToolTip(_("How long to train, in seconds; auto: as long as the preset says"))
        spin.setMinimumWidth(50)
        spin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        spin.valueChanged.connect(guarded(self._on_settings))
        return spin

    def refresh(self) -> None:
        """Shows settings, the job that runs, and the last preview."""
        session = self._studio.session
        state, job, settings = session.active, session.shown_job, session.settings
        self.setVisible(job is not None or (state is not None and state.drawn))
        presets = session.engine.presets or PRESETS
        self.preset.show_items([(preset_name(p), p) for p in presets], settings.preset)
        if self.seconds.value() != settings.seconds:
            self.seconds.setValue(settings.seconds)
        training = self._studio.training.running(state) if state is not None else None
        resumable = state is not None and (state.resumable or state.paused)
        self.train.setText(_("Resume") if resumable else _("Train"))
        self.train.setEnabled(state is not None)
        self.train.setVisible(training is None)
        self.pause.setVisible(training is not None)
        emphasise(self.train, self._studio.guiding.next.action == "train")
        self.cancel.setEnabled(job is not None)
        self.bar.setVisible(job is not None)
        if job is not None:
            fraction = job.progress.fraction
            self.bar.setRange(0, 0 if fraction is None else 1000)
            if fraction is not None:
                self.bar.setValue(round(fraction * 1000))
            self.bar.setFormat(job.progress.text)
            self.bar.setToolTip(f"{job.progress.title}: {job.progress.text}")
        points = training.progress.curve if training is not None else []
        self.curve.setVisible(len(points) > 1)
        self.curve.show_points(points)
        known = state is not None and job is None
        estimate = self._studio.estimating.shown(state) if state is not None and known else None
        self.estimate.setVisible(estimate is not None)
        if estimate is not None:
            self.estimate.setText("\n".join([estimate.text, *estimate.warnings]))

    def _on_settings(self, *_ignored: Any) -> None:
        settings = self._studio.session.settings
        settings.preset = self.preset.key
        settings.seconds = self.seconds.value()
