"""Reads the model files one by one, in a thread, to find damage before somebody needs them."""

import logging
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path

from deepsim_engine.errors import DamagedError, WorkError
from deepsim_server.background import Background
from deepsim_server.model_files import verify_model
from deepsim_server.models import ModelStore

log = logging.getLogger(__name__)


class Verifier:
    """Verifies what `ModelStore.unverified` names, after `wake` until nothing is left."""

    def __init__(self, models: ModelStore) -> None:
        self._models = models
        self._background = Background("verify")
        self._awake = True
        self._unreadable: set[Path] = set()

    def wake(self) -> None:
        """Look whether there is something to verify."""
        self._awake = True

    def tick(self) -> None:
        """Go on; never waits."""
        self._background.tick()
        if self._awake and not self._background:
            found = self._models.unverified(self._unreadable)
            if found is None:
                self._awake = False
            else:
                self._background.do(partial(verify_model, found), partial(self._done, found))

    def close(self) -> None:
        """End the thread after the file it reads."""
        self._background.close()

    def _done(self, path: Path, future: "Future[str]") -> None:
        try:
            if not self._models.mark_verified(path, future.result()):
                self._unreadable.add(path)  # not again before the next start
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
        except CancelledError:
            log.debug("%s was not read any more.", path)
        except Exception:  # one file must not end the engine
            log.exception("%s cannot be checked.", path)
            self._unreadable.add(path)
