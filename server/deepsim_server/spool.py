"""Requests for trainings on their way to the disk, and how much may wait there."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from deepsim_client.wire import Buffer, Message

from deepsim_server.inputs import pair_digest, write_inputs
from deepsim_server.jobs import INPUTS, JobStore
from deepsim_server.requests import TrainSettings

MAX_UNFINISHED = 64
"""Trainings that may wait at a time."""
MAX_BYTES_WRITING = 1 << 30
"""Bytes of trainings that may wait for the disk."""
MAX_BYTES_QUEUED = 16 << 30
"""Bytes on the disk that the inputs of trainings that are not done may take."""


@dataclass
class Write:
    """A request whose inputs are being written; `pair` gives the digest of its pair."""

    peer: bytes
    message: Message
    settings: TrainSettings
    resume: bool
    pair: Future[str]
    cancelled: bool = False


class Spool:
    """What is being written, one request after another, by a thread of its own."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._writes: dict[str, Write] = {}

    def __len__(self) -> int:
        return len(self._writes)

    def get(self, request: str) -> Write | None:
        """A request that is being written."""
        return self._writes.get(request)

    def too_much(self, message: Message) -> str:
        """Why a request cannot be taken now, or ""."""
        size = _size(message)
        unfinished = self._store.unfinished()
        if len(self._writes) + len(unfinished) >= MAX_UNFINISHED:
            return f"{MAX_UNFINISHED} trainings wait already: cancel some, or wait."
        writing = sum(_size(write.message) for write in self._writes.values())
        if writing and writing + size > MAX_BYTES_WRITING:
            return "The disk is slower than the requests come: try again in a moment."
        queued = sum(self._store.bytes_of_inputs(job.id) for job in self._store.kept())
        if queued and queued + writing + size > MAX_BYTES_QUEUED:
            limit = f"{MAX_BYTES_QUEUED / 2**30:g} GiB"
            return f"The pictures of what waits for training fill {limit}: cancel some, or wait."
        return ""

    def add(
        self,
        peer: bytes,
        message: Message,
        parts: Sequence[Buffer],
        settings: TrainSettings,
        resume: bool,
    ) -> None:
        """Begin to write a request into the folder of the job of its id."""
        path = self._store.folder(message.id) / INPUTS

        def write() -> str:
            write_inputs(path, parts)
            return pair_digest(message)

        pair = self._disk.submit(write)
        self._writes[message.id] = Write(peer, message, settings, resume, pair)

    def written(self) -> Iterator[Write]:
        """Take out, one by one, the requests that are written or that the disk refused."""
        for write in [write for write in self._writes.values() if write.pair.done()]:
            del self._writes[write.message.id]
            yield write

    def beginning_with(self, model: str) -> list[str]:
        """Names of the trainings in here that are to begin with a stored model."""
        return [w.settings.name for w in self._writes.values() if w.settings.origin == model]

    def count(self, peer: bytes, but: str) -> int:
        """How many requests in here are a client's, the request `but` not counted."""
        return sum(w.peer == peer and request != but for request, w in self._writes.items())

    def close(self) -> None:
        """Write what is in here to the end."""
        self._disk.shutdown(wait=True)


def _size(message: Message) -> int:
    """Bytes of its pixels."""
    return sum(memoryview(frame.data).nbytes for frame in message.frames)
