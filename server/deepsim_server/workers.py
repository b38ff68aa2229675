"""The workers of one engine, one for each device, and who of them does what."""

from collections.abc import Iterator, Sequence

from deepsim_server.supervisor import Supervisor


class Workers:
    """Supervisors, the best device first."""

    def __init__(self, supervisors: Sequence[Supervisor]) -> None:
        self._all = list(supervisors)

    def __iter__(self) -> Iterator[Supervisor]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def first(self) -> Supervisor:
        """The one on the best device: what the engine tells of itself is about it."""
        return self._all[0]

    @property
    def restarts(self) -> int:
        """Workers that died and were replaced."""
        return sum(worker.restarts for worker in self._all)

    def on(self, device: str) -> list[Supervisor]:
        """Those for work that asks for `device`: its own worker, else any, for each can."""
        own = [w for w in self._all if device in (w.device, w.info.get("device", ""))]
        return own if own and device != "auto" else self._all

    def least_loaded(self) -> Supervisor:
        """Who can begin first, as far as one knows."""
        alive = [worker for worker in self._all if not worker.broken] or self._all
        return min(alive, key=lambda worker: (worker.load, not worker.ready))
