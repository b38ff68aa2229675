"""Looking for an engine: read its connection file, start one where there is none, end a stuck one.

Nothing here waits: `step` is called from the client's `poll` until it has something.
"""

from __future__ import annotations

import random
import subprocess
from typing import Union

from .location import Connection, Location, LocationError
from .processes import end_process, lock_holder, process_alive
from .remote import Remote
from .starter import log_size, log_tail, start_engine

Place = Union[Location, Remote]

_LONGEST_PAUSE = 10.0


class SearchError(Exception):
    """No engine can be reached; the text is for people."""


def pause(attempt: int) -> float:
    """Seconds before attempt number `attempt` (from 0), jittered: clients do not come in step."""
    return min(_LONGEST_PAUSE, 0.2 * 2.0**attempt) * random.uniform(0.5, 1.5)  # noqa: S311


class Search:
    """Finds the connection of an engine, starting one if that is allowed and needed.

    `message` says what is being done. Times are of the monotonic clock: nothing is tried before
    `not_before`; after `deadline` the search has failed.
    """

    def __init__(
        self, place: Place, may_start: bool, *, not_before: float, deadline: float
    ) -> None:
        self.place = place
        self.not_before = not_before
        self.deadline = deadline
        self.message = "Looking for the engine."
        self.stale: Connection | None = None
        self.child: subprocess.Popen[bytes] | None = None
        self._may_start = may_start
        self._log_start = log_size(place.log) if isinstance(place, Location) else 0
        self._next_start = 0.0

    def step(self, now: float) -> Connection | None:
        """The connection of an engine that seems to live, or None: ask again later.

        Raises:
            SearchError: when there is none to be had.
            LocationError, OSError: when the connection file cannot be used.
        """
        if now < self.not_before:
            return None
        if isinstance(self.place, Remote):
            return self.place.read_connection()
        found = self.place.read_connection()
        if found is not None and found != self.stale and process_alive(found.pid):
            return found
        if not self._may_start:
            raise SearchError("The engine does not run: start it with `deepsim serve`.")
        if now > self.deadline:
            raise SearchError(self.with_log("The engine did not come up in time."))
        self._watch_child(self.place, now)
        return None

    def with_log(self, sentence: str) -> str:
        """`sentence` with what the engine's log has had to say since the search began."""
        if isinstance(self.place, Remote):
            return f"{sentence} It is at {self.place.endpoint}: look whether it runs there."
        tail = log_tail(self.place.log, self._log_start)
        if not tail:
            return f"{sentence} Its log {self.place.log} has nothing new."
        return f"{sentence} The end of its log ({self.place.log}):\n{tail}"

    def _watch_child(self, location: Location, now: float) -> None:
        """Start an engine when there is none being started; look after the one we started."""
        if self.child is None:
            if now >= self._next_start:
                try:
                    self.child = start_engine(location)
                except OSError as error:
                    raise SearchError(f"The engine could not be started: {error}.") from None
                self.message = "Starting the engine."
            return
        status = self.child.poll()
        if status is None:
            return
        if status != 0:
            raise SearchError(self.with_log(f"The engine ended at once (status {status})."))
        if self.stale is not None and self._unchanged(location, self.stale):
            raise SearchError(
                f"The engine runs (process {self.stale.pid}) but does not answer: it may be"
                " stuck, or not know this client's key; restart it."
            )
        # Another engine holds the data folder: one that is about to write its connection file,
        # or to leave.
        self.child = None
        self._next_start = now + random.uniform(0.3, 0.8)  # noqa: S311

    @staticmethod
    def _unchanged(location: Location, stale: Connection) -> bool:
        try:
            return location.read_connection() == stale
        except LocationError:
            return False


class Ending:
    """Ends the engine that uses a data folder: asked first, then made to after `patience` seconds.

    It is the process that holds the folder's lock; a process id in a connection file alone may
    have become another program's.
    """

    def __init__(self, location: Location, now: float, patience: float) -> None:
        self.pid = lock_holder(location.lock)
        self._kill_at = now + patience
        self._give_up_at = self._kill_at + 10.0
        self._told = False

    def step(self, now: float) -> bool:
        """Whether it is gone. Raises SearchError when it cannot be ended."""
        if self.pid is None or not process_alive(self.pid):
            return True
        try:
            if now > self._give_up_at:
                raise SearchError(f"The engine (process {self.pid}) does not end: end it by hand.")
            if now > self._kill_at:
                end_process(self.pid, at_once=True)
            elif not self._told:
                self._told = True
                end_process(self.pid)
        except OSError as error:
            raise SearchError(
                f"The engine (process {self.pid}) cannot be ended: {error.strerror}."
            ) from None
        return False
