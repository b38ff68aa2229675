"""The picture, and under it what compares and repeats results."""

from __future__ import annotations

from typing import Any

from ..guard import guarded
from ..qt import QSlider, Qt
from ..studio import Studio
from ..text import _
from .parts import Section, row, tool
from .preview import PreviewBox
from .strip import Results

STEPS = 100


class ResultsSection(Section):
    """Preview, slider between before and after, strip of results."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.preview = PreviewBox()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("deepsim_compare")
        self.slider.setRange(0, STEPS)
        self.slider.setToolTip(_("Left of the slider: the original; right of it: the result"))
        self.slider.setAccessibleName(_("Compare with the original"))
        self.slider.valueChanged.connect(guarded(self._on_slid))
        action = studio.actions["before_after"]
        self.key = tool("deepsim_before_after", "visible", action.tip, action.run)
        self.compare = row(self.slider, self.key)
        self.strip = Results(
            "deepsim_history",
            _("Results: the mouse over one shows it here, a click inserts it again"),
        )
        self.strip.marked.connect(studio.history.show)
        self.strip.picked.connect(studio.history.insert)
        for widget in (self.preview, self.compare, self.strip):
            self.column.addWidget(widget)

    def refresh(self) -> None:
        """Shows the last picture, and the results there are."""
        studio, state = self._studio, self._studio.session.active
        preview = state.preview if state is not None else None
        training = state is not None and studio.training.running(state) is not None
        self.preview.setVisible(preview is not None or training)
        result = state.compared if state is not None else None
        is_result = result is not None and result.shown == preview
        before = state.before if state is not None and is_result else None
        split = self.slider.value() / STEPS
        hint = _("The first preview comes after a few steps.")
        self.preview.show_picture(preview, hint, before, split)
        self.compare.setVisible(before is not None)
        history = state.history if state is not None else ()
        self.strip.show_items(history)
        self.strip.setVisible(bool(history))

    def _on_slid(self, *_ignored: Any) -> None:
        self.refresh()
