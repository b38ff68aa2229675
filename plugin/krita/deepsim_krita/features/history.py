"""Results so far: looked at beside the original, inserted again, shown and hidden by a key."""

from __future__ import annotations

from contextlib import suppress

from ..document_state import DocumentState
from ..editor import GoneError
from ..jobs import Job
from ..progress import DONE
from ..session import RefusalError, Session
from ..state import Notice, Result
from ..steps import Work
from ..text import _
from .applying import PREVIEW, ApplyJob

MOST_RESULTS = 24
MOST_BYTES = 256 << 20
"""How many pixels are kept for inserting again, of all documents; the newest always are."""
RECALLED_BYTES = 64 << 20
"""How many of them are read from a document that is opened: it should not take long."""


class History:
    """Collects what Apply makes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.ended.connect(self._on_ended)
        session.opened.connect(self._on_opened)

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
        self._keep(state, tuple(again if known is result else known for known in state.history))
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
            self._keep(state, (job.result, *state.history))
            state.compared = job.result
            self._session.steps.begin(f"before {state.uid}", self._read(state, job.result))

    def _keep(self, state: DocumentState, results: tuple[Result, ...]) -> None:
        """Takes over a document's results; they, and what room they leave to others', stay."""
        state.history = _kept(results, MOST_BYTES)
        state.strip = tuple((result.uid, result.box) for result in state.history)
        state.remembered = False
        room = MOST_BYTES - _bytes_of(state.history)
        for other in self._session.documents.values():
            if other is not state and other.history:
                other.history = _kept(other.history, room) if room > 0 else ()
                room -= _bytes_of(other.history)

    # ---- coming back

    def _on_opened(self, state: DocumentState) -> None:
        if state.strip and not state.history:
            self._session.steps.begin(f"recall {state.uid}", self._recall(state))

    def _recall(self, state: DocumentState) -> Work:
        """Fills the strip with the results that are still layers of the document."""
        session, found, room = self._session, [], RECALLED_BYTES
        for uid, box in state.strip:
            try:
                names = {layer.uid: layer.name for layer in session.reopen(state).layers()}
                if uid not in names or room <= 0:
                    continue
                picture = yield from session.reopen(state).reading(uid, box)
            except GoneError:  # the layer was deleted meanwhile, or the document closed
                continue
            found.append(Result(names[uid], uid, picture, picture.shrunk(PREVIEW), box))
            room -= len(picture.rgba)
        known = {result.uid for result in state.history}  # what came meanwhile is newer
        found = [result for result in found if result.uid not in known]
        if found and session.editor.find(state.uid) is not None:
            self._keep(state, (*state.history, *found))
            if state.preview is None:
                state.compared, state.preview = found[0], found[0].shown
            yield from self._read(state, found[0])

    # ---- helpers

    def _read(self, state: DocumentState, result: Result) -> Work:
        before, image = None, state.original
        if image:
            with suppress(GoneError):
                read = yield from self._session.reopen(state).reading(image, result.box)
                before = read.shrunk(PREVIEW)
        # The same picture is not kept twice.
        if before != state.before:
            state.before = before


def _bytes_of(results: tuple[Result, ...]) -> int:
    return sum(len(result.picture.rgba) for result in results)


def _kept(results: tuple[Result, ...], room: int) -> tuple[Result, ...]:
    """The newest results that may stay in memory."""
    kept: tuple[Result, ...] = ()
    for result in results[:MOST_RESULTS]:
        if kept and _bytes_of((*kept, result)) > room:
            break
        kept = (*kept, result)
    return kept
