"""Results so far: looked at beside the original, inserted again, shown and hidden by a key."""

from __future__ import annotations

from contextlib import suppress

from ..document_state import DocumentState
from ..editor import GoneError
from ..jobs import Job
from ..progress import DONE
from ..session import RefusalError, Session
from ..state import Notice, Picture, Result
from ..steps import Work
from ..text import _
from .applying import PREVIEW, ApplyJob

MOST_RESULTS = 24
MOST_BYTES = 256 << 20
"""How many pixels are kept for inserting again, of one document; the newest always are."""


class History:
    """Collects what Apply makes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.ended.connect(self._on_ended)

    def show(self, result: Result) -> None:
        """Puts a result into the docker's preview, to be compared with the original."""
        state = self._session.active
        if state is not None and result in state.history:
            state.compared = result
            state.preview = result.shown

    def insert(self, result: Result) -> None:
        """Adds a result to the document once more, as a layer above the picture."""
        self._session.attempt(lambda: self._begin(result))

    def before_after(self) -> None:
        """Hides the result on show, or shows it again: on the canvas."""
        self._session.attempt(self._toggle)

    def _begin(self, result: Result) -> None:
        _document, state = self._session.document()
        self._session.attempt_in_steps(f"insert {result.uid}", self._insert(state, result))

    def _insert(self, state: DocumentState, result: Result) -> Work:
        # It may begin later: then another document may be in front.
        document = self._session.reopen(state)
        place = result.box[:2] if result.box is not None else (0, 0)
        made = document.inserting(result.picture, result.name, state.top, state.original, place)
        uid = (yield from made).uid
        state.results = state.results | {uid}
        state.remembered = False
        again = Result(result.name, uid, result.picture, result.shown, result.box)
        state.history = tuple(again if known is result else known for known in state.history)
        state.compared, state.preview = again, again.shown
        text = _("“{name}” is inserted again.").format(name=result.name)
        self._session.say(Notice("good", text))

    def _toggle(self) -> None:
        document, state = self._session.document()
        there = {layer.uid for layer in state.layers}
        on_show = (state.compared, *state.history)
        result = next((r for r in on_show if r is not None and r.uid in there), None)
        if result is None:
            text = _("There is no result to compare: Apply first, or insert one again.")
            raise RefusalError(text, "apply")
        document.set_visible(result.uid, not document.visible(result.uid))

    # ---- collecting

    def _on_ended(self, job: Job) -> None:
        if isinstance(job, ApplyJob) and job.progress.state == DONE and job.result is not None:
            state = job.document
            state.history = _kept((job.result, *state.history))
            state.compared = job.result
            self._session.steps.begin(f"before {state.uid}", self._read(state, job.result))

    def _read(self, state: DocumentState, result: Result) -> Work:
        before, image = None, state.original
        if image:
            with suppress(GoneError):
                read = yield from self._session.reopen(state).reading(image, result.box)
                before = read.shrunk(PREVIEW)
        # The same picture is not kept twice.
        if before != state.before:
            state.before = before


def _kept(results: tuple[Result, ...]) -> tuple[Result, ...]:
    """The newest results that may stay in memory."""
    kept: list[Result] = []
    held: list[Picture] = []
    for result in results[:MOST_RESULTS]:
        held.append(result.picture)
        if kept and sum(len(picture.rgba) for picture in held) > MOST_BYTES:
            break
        kept.append(result)
    return tuple(kept)
