"""Live, and applying to many drawings at once."""

from __future__ import annotations

from ..guard import guarded
from ..qt import QMenu, QPushButton, QSizePolicy
from ..studio import Studio
from ..text import _
from .parts import Section, button, row

MANY = ("animate", "apply_to_folder")


class LiveSection(Section):
    """The switch of Live, and a menu for animations and folders."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.live = button("deepsim_live", studio.actions["live"])
        self.live.setCheckable(True)
        self.many = QPushButton(_("Many"))
        self.many.setObjectName("deepsim_many")
        self.many.setToolTip(_("Apply to an animation or to a folder of frames"))
        self.many.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        menu = QMenu(self.many)
        for name in MANY:
            action = studio.actions[name]
            entry = menu.addAction(action.text)
            entry.setToolTip(action.tip)
            entry.triggered.connect(guarded(lambda *_, run=action.run: run()))
        self.many.setMenu(menu)
        self.column.addWidget(row(self.live, self.many))

    def refresh(self) -> None:
        """Shows whether Live is on."""
        state = self._studio.session.active
        self.setVisible(state is not None and state.drawn)
        self.live.setChecked(self._studio.live.on)
        for widget in (self.live, self.many):
            widget.setEnabled(self._studio.session.active is not None)
