"""Many pictures in a row as one job: a request for each, progress by frames, one cancel."""

from __future__ import annotations

import time
from typing import Any, Mapping, Protocol

from deepsim_client import Reply

from ..document_state import DocumentState
from ..engine_errors import Ways, mend_of
from ..jobs import Job, picture_of
from ..progress import CANCELLED, DONE, FAILED
from ..session import RefusalError, Session
from ..state import Notice, Picture
from ..steps import Work, WorkFor
from ..text import _

Reading = WorkFor[Mapping[str, Picture]]
"""Work that ends with the parts of a drawing."""


class Frames(Protocol):
    """Where drawings come from and pictures go."""

    @property
    def ways(self) -> Ways:
        """What the artist can do when one fails."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, number: int) -> Reading:
        """The drawing of a frame."""

    def keep(self, number: int, picture: Picture) -> Work:
        """Takes in the picture of a frame."""

    def finish(self) -> Notice:
        """All are there: does what they are for and says so."""

    def given_up(self) -> str:
        """What became of those that are there, when there will be no more."""

    def close(self) -> None:
        """Gives back what is held; called once, at the end."""


def refuse_second(session: Session, state: DocumentState) -> None:
    """Refuses while another one of a document's jobs with many frames is under way."""
    if any(isinstance(job, FramesJob) and job.state is state for job in session.jobs):
        text = _("Frames are being made from this drawing already: wait for them, or cancel that.")
        raise RefusalError(text, "cancel")


class FramesJob(Job):
    """Applies a model to one frame after another; a step of its progress is a frame."""

    kind = "apply"

    def __init__(
        self,
        title: str,
        session: Session,
        state: DocumentState,
        body: Mapping[str, Any],
        frames: Frames,
    ) -> None:
        super().__init__(title, state)
        self._session = session
        self._body = dict(body)
        self._frames = frames
        self.ways = frames.ways
        self._done = 0
        self._began = time.monotonic()
        self.progress.steps = len(frames)

    def begin(self) -> None:
        """Begins with the first frame."""
        self._session.follow(self)
        # Last of all: whatever goes wrong in it, the job is over by then.
        self.finished.connect(lambda *_: self._frames.close())
        self._work(self._ask())

    def finish(self, reply: Reply) -> None:
        """Takes in a frame; what comes next is the next one, or the end."""
        self._work(self._take(reply))

    def abandon(self) -> None:
        """Gives back what the frames hold: copies of the document, files."""
        self._frames.close()

    def failure(self, code: str, text: str) -> Notice | None:
        """Says at which frame it was, and what became of the others."""
        if code == "cancelled":
            told = _("Cancelled.")
        else:
            told = _("Frame {number} of {count} failed: {error}").format(
                number=self._done + 1, count=len(self._frames), error=text
            )
        kind, mend = ("warning", "") if code == "cancelled" else ("error", mend_of(code, self.ways))
        return Notice(kind, f"{told} {self._frames.given_up()}".strip(), mend)

    def _work(self, work: Work) -> None:
        self._session.steps.begin(f"frames {id(self)}", self._told(work))

    def _told(self, work: Work) -> Work:
        """The work; if it fails, for whatever reason, the job is over."""
        try:
            yield from work
        except (OSError, LookupError, RefusalError) as e:
            self.end(FAILED, self.failure("input", str(e)))
        except Exception as e:
            if self.running:
                self.end(FAILED, self.failure("plugin", f"{type(e).__name__}: {e}"))
            raise

    def _ask(self) -> Work:
        drawing = yield from self._frames.read(self._done)
        if self.stopping:
            self.end(CANCELLED, self.failure("cancelled", ""))
        else:
            self._session.request(self, self._body, drawing)

    def _take(self, reply: Reply) -> Work:
        picture = yield from picture_of(reply, "image")
        if picture is None:
            text = _("The engine's answer held no picture.")
            told = f"{text} {self._frames.given_up()}".strip()
            self.end(FAILED, Notice("error", told, "open_log"))
            return
        yield from self._frames.keep(self._done, picture)
        self._done += 1
        count, elapsed = len(self._frames), time.monotonic() - self._began
        left = elapsed / self._done * (count - self._done)
        self.progress.update(
            {"step": self._done, "steps": count, "seconds": elapsed, "seconds_left": left}
        )
        if self._done < count:
            yield from self._ask()
        else:
            self.end(DONE, self._frames.finish())
