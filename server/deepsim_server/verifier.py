"""Reads the model files one by one, in a thread, to find damage before somebody needs them."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from deepsim_engine.errors import DamagedError, WorkError
from deepsim_server.models import ModelStore, verify_model

log = logging.getLogger(__name__)


class Verifier:
    """Verifies what `ModelStore.unverified` names, after `wake` until nothing is left."""

    def __init__(self, models: ModelStore) -> None:
        self._models = models
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="verify")
        self._reading: tuple[Path, Future[str]] | None = None
        self._awake = True
        self._unreadable: set[Path] = set()

    def wake(self) -> None:
        """Look whether there is something to verify."""
        self._awake = True

    def tick(self) -> None:
        """Go on; never waits."""
        if self._reading is not None and self._reading[1].done():
            path, future = self._reading
            self._reading = None
            self._done(path, future)
        if self._reading is None and self._awake:
            found = self._models.unverified()
            if found is None or found in self._unreadable:
                self._awake = False
            else:
                self._reading = (found, self._thread.submit(verify_model, found))

    def close(self) -> None:
        """End the thread after the file it reads."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _done(self, path: Path, future: "Future[str]") -> None:
        try:
            self._models.mark_verified(path, future.result())
        except DamagedError as error:
            try:
                self._models.set_aside(path, str(error))
            except WorkError as problem:
                log.error("%s", problem)
                self._unreadable.add(path)
        except OSError as error:
            if path.exists():
                log.warning("%s cannot be read: %s.", path, error)
                self._unreadable.add(path)
