"""The models that the worker keeps in memory: those used last, and not for longer than needed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepsim_engine import Model


class LoadedModels:
    """At most `most` models, each until it was not asked for during `idle_seconds`."""

    def __init__(
        self, most: int, idle_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._kept: OrderedDict[str, tuple[tuple[int, int], Model, float]] = OrderedDict()

    def get(self, path: Path, load: "Callable[[], Model]") -> "Model":
        """The model in that file, from memory if the file is the same as then."""
        stat = path.stat()
        stamp = (stat.st_ino, stat.st_mtime_ns)  # a renamed model is another file
        known = self._kept.pop(path.name, None)
        model = load() if known is None or known[0] != stamp else known[1]
        self._kept[path.name] = (stamp, model, self._clock())
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return model

    def unload_idle(self) -> None:
        """Forget what was not asked for during the idle time."""
        now = self._clock()
        for name, (_, _, used) in list(self._kept.items()):
            if now - used > self._idle_seconds:
                del self._kept[name]

    def __len__(self) -> int:
        return len(self._kept)
