"""The drawing: drafting it, its colours, and colours that do not belong to it."""

from __future__ import annotations

from ..guard import guarded
from ..qt import QLabel, QSizePolicy
from ..studio import Studio
from ..text import _, ngettext
from .parts import Section, button, emphasise, row, tool
from .strip import Swatches


class DrawingSection(Section):
    """New Primitive, or the palette once there is one, and what is wrong with the colours."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        actions = studio.actions
        self.primitive = button("deepsim_primitive_button", actions["primitive"])
        self.swatches = Swatches(
            "deepsim_palette", _("Colours of the segments: click one to paint with it")
        )
        self.swatches.picked.connect(guarded(studio.palette.pick))
        check = actions["check_palette"]
        self.check = tool("deepsim_check", "view-refresh", check.tip, check.run)
        self.colours = row(self.swatches, self.check)
        self.stray = QLabel()
        self.stray.setObjectName("deepsim_stray")
        self.stray.setWordWrap(True)
        self.stray.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.snap = button("deepsim_snap_button", actions["snap"])
        for widget in (self.primitive, self.colours, self.stray, self.snap):
            self.column.addWidget(widget)

    def refresh(self) -> None:
        """Shows what the drawing needs."""
        state, step = self._studio.session.active, self._studio.guiding.next.action
        roles = state.roles if state is not None else None
        drawn = state is not None and state.drawn
        self.primitive.setVisible(state is not None and not drawn)
        emphasise(self.primitive, step == "primitive")
        segments = roles is not None and roles.segments is not None
        colours = self._studio.palette.colours(state) if state is not None and segments else ()
        self.swatches.show_items(colours)
        self.colours.setVisible(bool(colours))
        stray = state.stray if state is not None and segments else 0
        text = ngettext(
            "{count} pixel has a colour that does not belong.",
            "{count} pixels have colours that do not belong.",
            stray,
        )
        self.stray.setText(text.format(count=stray))
        notice = self._studio.session.shown_notice
        said = notice is not None and notice.mend == "snap"  # then the message has the button
        for widget in (self.stray, self.snap):
            widget.setVisible(stray > 0 and not said)
