"""The last line: what happened, or what is wrong, with a button that mends it."""

from __future__ import annotations

from ..document_state import DocumentState
from ..guard import guarded
from ..qt import QPushButton
from ..state import Notice
from ..studio import Studio
from ..text import _
from ..widgets import MessageLabel
from .guide import AGAIN
from .parts import Section, emphasise


class MessageSection(Section):
    """A sentence, and the action that the notice names."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._mend = ""
        self.message = MessageLabel()
        self.mend = QPushButton()
        self.mend.setObjectName("deepsim_mend_button")
        self.mend.clicked.connect(guarded(self._on_mend))
        self.mend.hide()
        self.column.addWidget(self.message)
        self.column.addWidget(self.mend)

    def refresh(self) -> None:
        """Shows the notice that concerns the document in front."""
        notice, session = self._notice(), self._studio.session
        self.message.show_notice(notice)
        self._mend = notice.mend if notice is not None else ""
        action = self._studio.actions.get(self._mend)
        self.mend.setVisible(action is not None)
        if action is not None:
            self.mend.setText(mend_text(action.id, session.active) or action.text)
            self.mend.setToolTip(action.tip)
        emphasise(self.mend, self._mend == AGAIN == self._studio.guiding.next.action)

    def _notice(self) -> Notice | None:
        session = self._studio.session
        job, notice = session.shown_job, session.shown_notice
        if job is not None and (notice is None or job.state is not session.active):
            return Notice("info", job.progress.title + ".")
        return notice

    def _on_mend(self, *_ignored: object) -> None:
        action = self._studio.actions.get(self._mend)
        if action is not None:
            action.run()


def mend_text(action: str, state: DocumentState | None) -> str:
    """What the button says where that is not the action's own name."""
    goes_on = state is not None and (state.resumable or state.paused)
    train = _("Resume") if goes_on else _("Train Again")
    return {
        "segment": _("Segment for Me"),
        "train": train,
        "apply_to_folder": _("Choose Folder"),
    }.get(action, "")
