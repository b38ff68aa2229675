"""Before training: how long it will take, what memory it needs, what may be wrong with the pair.

The engine is asked when the layers that play a part or the settings have changed and then stood
still for a moment; it is not started for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Tuple

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import GoneError
from ..progress import clock
from ..session import RefusalError, Session
from ..state import Picture
from ..steps import Work, WorkFor
from ..text import _
from .selecting import selected_part
from .training import request_body

CALM_SECONDS = 0.8
"""How long nothing may have changed before the engine is asked."""

Subject = Tuple[Any, ...]


@dataclass(frozen=True)
class Estimate:
    """What a training would take; memory in bytes, seconds as (least, most)."""

    seconds: tuple[float, float]
    memory: int
    memory_free: int | None
    working_size: tuple[int, int]
    warnings: tuple[str, ...]
    ready: bool = True

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> Estimate:
        """Reads the engine's answer."""
        least, most = body.get("seconds") or (0.0, 0.0)
        width, height = body.get("working_size") or (0, 0)
        free = body.get("memory_free")
        return Estimate(
            (float(least), float(most)),
            int(body.get("memory") or 0),
            None if free is None else int(free),
            (int(width), int(height)),
            tuple(str(warning) for warning in body.get("warnings") or ()),
            body.get("ready") is not False,
        )

    @property
    def text(self) -> str:
        """Time, memory and size in one line."""
        least, most = self.seconds
        if round(most) <= 1.1 * round(least):
            took = _("about {time}").format(time=clock(most))
        else:
            took = _("{least} to {most}").format(least=clock(least), most=clock(most))
        parts = [_("Training takes {time}").format(time=took)]
        gigabytes = f"{self.memory / 2**30:.1f}"
        if self.memory_free is None:
            parts.append(_("{needed} GB of memory").format(needed=gigabytes))
        else:
            free = f"{self.memory_free / 2**30:.1f}"
            parts.append(_("{needed} of {free} GB memory").format(needed=gigabytes, free=free))
        parts.append("{}×{}".format(*self.working_size))
        return " · ".join(parts)


class Estimating:
    """Keeps an estimate for the document in front."""

    def __init__(self, session: Session, now: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._now = now
        self._answers: dict[str, tuple[Subject, Estimate]] = {}
        self._seen: tuple[Subject, float] = ((), 0.0)
        self._asked: Subject = ()
        session.switched.connect(self._forget)

    def shown(self, state: DocumentState) -> Estimate | None:
        """The estimate for the layers and settings as they are; None while it is not known."""
        subject, estimate = self._answers.get(state.uid, ((), None))
        return estimate if subject == self._subject(state) else None

    def observe(self) -> None:
        """Called a few times a second: asks when that is due."""
        state = self._session.active
        if state is None or self._session.engine.state != "ready" or self._session.jobs:
            return
        roles = state.roles
        if roles.image is None or (roles.edges is None and roles.segments is None):
            return
        subject, now = self._subject(state), self._now()
        if subject != self._seen[0]:
            self._seen = subject, now
        elif subject != self._asked and now - self._seen[1] >= CALM_SECONDS:
            self.ask(state)

    def ask(self, state: DocumentState) -> None:
        """Asks the engine now."""
        self._asked = subject = self._subject(state)
        self._session.steps.begin(f"estimate {state.uid}", self._start(state, subject))

    def _forget(self) -> None:
        """Another engine takes other times."""
        self._answers.clear()
        self._asked = ()

    def _subject(self, state: DocumentState) -> Subject:
        roles, settings = state.roles, self._session.settings
        layers = tuple(layer and layer.uid for layer in (roles.image, roles.edges, roles.segments))
        where = (state.size, state.selected)
        return (state.uid, state.edits, where, layers, settings.preset, settings.seconds)

    def _start(self, state: DocumentState, subject: Subject) -> Work:
        try:
            pictures = yield from self._pictures(state)
        except (GoneError, RefusalError):  # training would say so
            return
        if "image" not in pictures or len(pictures) == 1:
            return

        def answer(reply: Reply) -> None:
            if reply.kind == "result":
                self._answers[state.uid] = subject, Estimate.from_body(reply.body)
                self._session.tell("estimate")

        body = request_body(state, self._session.settings)
        self._session.ask("inspect", body, answer, pictures)

    def _pictures(self, state: DocumentState) -> WorkFor[dict[str, Picture]]:
        """What training would be given now: inside of the selection, where there is one."""
        roles, pictures = state.roles, {}
        selected = yield from selected_part(self._session.reopen(state), state)
        box = None if selected is None else selected.box
        layers = {"image": roles.image, "segments": roles.segments, "edges": roles.edges}
        for part, layer in layers.items():
            if layer is not None:
                picture = yield from self._session.reopen(state).reading(layer.uid, box)
                if not picture.is_empty:
                    pictures[part] = picture
        return pictures
