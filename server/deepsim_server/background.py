"""What takes long, in a thread beside the engine's loop, and what follows it, in the loop."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """One thing after the other: the next begins in the thread when what follows the one before it
    was done in the loop, which calls `tick`."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: deque[tuple[Callable[[], Any], Callable[[Future[Any]], None]]] = deque()
        self._doing: tuple[Future[Any], Callable[[Future[Any]], None]] | None = None

    def __len__(self) -> int:
        return len(self._waiting) + (self._doing is not None)

    def do(self, work: Callable[[], T], then: "Callable[[Future[T]], None]") -> None:
        """Do `work` in the thread; when it has ended, `then` gets it in the loop."""
        self._waiting.append((work, then))
        self._begin()

    def tick(self) -> None:
        """Go on with what has ended; never waits."""
        if self._doing is not None and self._doing[0].done():
            future, then = self._doing
            self._doing = None
            try:
                then(future)
            finally:
                self._begin()

    def close(self) -> None:
        """End what is being done, and go on with it; what still waits comes cancelled."""
        waiting, self._waiting = self._waiting, deque()
        self._thread.shutdown(wait=True)
        self.tick()
        for _, then in waiting:
            cancelled: Future[Any] = Future()
            cancelled.cancel()
            then(cancelled)

    def _begin(self) -> None:
        if self._doing is None and self._waiting:
            work, then = self._waiting.popleft()
            self._doing = (self._thread.submit(work), then)
