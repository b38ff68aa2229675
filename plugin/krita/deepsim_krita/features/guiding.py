"""What to do next: always one sentence, and one action for the emphasised button."""

from __future__ import annotations

from dataclasses import dataclass

from ..document_state import DocumentState
from ..roles import AUTO
from ..session import Session
from ..text import _
from .training import Training


@dataclass(frozen=True)
class Next:
    """The next step on the way from a picture to its edit; `action` may be empty."""

    text: str
    action: str = ""


class Guiding:
    """Knows the way: a primitive, a model, an edit, a result."""

    def __init__(self, session: Session, training: Training) -> None:
        self._session = session
        self._training = training

    @property
    def next(self) -> Next:
        """What the artist does best now."""
        state = self._session.active
        if state is None:
            text = _("DeepSIM turns a drawing of your picture into that picture: open one.")
            return Next(text, "open_picture")
        if not state.drawn:
            text = _("Start with a drawing of this picture; DeepSIM can draft it.")
            return Next(text, "primitive")
        if self._training.running(state) is not None:
            text = _("It is learning. You can edit the drawing already, and try it with Apply.")
            return Next(text, "apply" if state.preview is not None else "")
        if state.resumable or state.paused:
            return Next(_("The training waits for you to go on with it."), "train")
        return _with_a_drawing(state)


def _with_a_drawing(state: DocumentState) -> Next:
    """What is best where there is a drawing and no training is under way."""
    if state.missing and state.model_choice == AUTO:
        text = _("The model of this picture is gone: import its file, or train again.")
        return Next(text, "train_again")
    # A model that merely fits the size is no reason not to train.
    if state.model is None and state.model_choice == AUTO:
        return Next(_("Mend the drawing if need be, then let DeepSIM learn it."), "train")
    return Next(_("Edit the drawing, then Apply returns the matching picture."), "apply")
