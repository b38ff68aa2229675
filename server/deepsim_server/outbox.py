"""Replies on their way to clients: a slow reader delays only itself and cannot fill the memory."""

import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable

import zmq
from deepsim_client.wire import NOBODY, Buffer, Message, encode

from deepsim_server.replies import error

log = logging.getLogger(__name__)

LATEST_ONLY = frozenset({"progress", "preview"})
"""Kinds of replies of which only the newest matters."""
MAX_WAITING = 512 << 20
"""Bytes that may wait for one client, beyond what is on its way in the socket."""
MAX_WAITING_ALL = 1 << 30
"""Bytes that may wait for all clients together."""
MAX_MESSAGES = 1024
"""Messages that may wait for one client."""
_LARGE = 4096
"""Bytes above which a reply is worth dropping when there is too much."""

_Key = tuple[str, str, int]
_MARK = ("error", NOBODY, 0)
"""Of the message that replies were dropped: one is enough, however many they were."""


class _Queue:
    """What waits for one client, oldest first, and its size in bytes."""

    def __init__(self) -> None:
        self.messages: OrderedDict[_Key, tuple[list[Buffer], int]] = OrderedDict()
        self.size = 0

    def put(self, key: _Key, parts: list[Buffer]) -> None:
        """Append; a newer message of the same key takes the older one's place in the queue."""
        size = sum(memoryview(part).nbytes for part in parts)
        self.size += size - self.messages.get(key, ([], 0))[1]
        self.messages[key] = (parts, size)

    def pop(self, key: _Key) -> int:
        """Remove one message; its size in bytes."""
        size = self.messages.pop(key)[1]
        self.size -= size
        return size

    def first(self, fits: Callable[[_Key, int], bool]) -> _Key | None:
        """The oldest message of which `fits` is true, by its key and size."""
        return next((key for key, (_, size) in self.messages.items() if fits(key, size)), None)


class Outbox:
    """Sends through a ROUTER socket without ever waiting."""

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        max_waiting: int = MAX_WAITING,
        max_waiting_all: int = MAX_WAITING_ALL,
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        self._socket = socket
        self._max_waiting = max_waiting
        self._max_waiting_all = max_waiting_all
        self._max_messages = max_messages
        self._waiting: dict[bytes, _Queue] = {}
        self._numbers = itertools.count(1)
        self.bytes_sent = 0

    def send(self, peer: bytes, message: Message) -> None:
        """Send to the client `peer`, now or when it can take more."""
        parts = [peer, *encode(message)]
        queue = self._waiting.get(peer)
        if queue is None and self._try(peer, parts):
            return
        queue = self._waiting.setdefault(peer, _Queue())
        number = 0 if message.kind in LATEST_ONLY else next(self._numbers)
        queue.put((message.kind, message.id, number), parts)
        while queue.size > self._max_waiting or len(queue.messages) > self._max_messages:
            if not self._drop(peer, queue):
                break
        while self.waiting_bytes > self._max_waiting_all:
            if not self._drop(*max(self._waiting.items(), key=lambda item: item[1].size)):
                break

    def flush(self) -> None:
        """Try again what waits."""
        for peer, queue in list(self._waiting.items()):
            while queue.messages:
                key = next(iter(queue.messages))
                if not self._try(peer, queue.messages[key][0]):
                    break
                queue.pop(key)
            if not queue.messages:
                self._waiting.pop(peer, None)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait for clients."""
        return sum(queue.size for queue in self._waiting.values())

    def _drop(self, peer: bytes, queue: _Queue) -> bool:
        """Make room for a client's newer replies; False when there is nothing to drop.

        What is large goes first, then what a newer one would replace, then the oldest. Who waits
        for pixels is told that they were dropped; for all else one message tells the client to
        ask again for everything that it waits for.
        """
        key = queue.first(lambda key, size: size > _LARGE)
        key = key or queue.first(lambda key, size: key[0] in LATEST_ONLY)
        key = key or queue.first(lambda key, size: key != _MARK)
        if key is None:
            return False
        kind, request, _ = key
        pixels = len(queue.messages[key][0]) > len((peer, "header"))
        queue.pop(key)
        if _MARK not in queue.messages:  # a flood of them is not worth a line each
            log.warning("A client does not read: its oldest reply (%s) is dropped.", kind)
        if kind == "result" and pixels:
            sentence = "The answer was dropped because it was not read in time: ask again."
            told = error(request, "dropped", sentence)
            queue.put((told.kind, request, next(self._numbers)), [peer, *encode(told)])
        elif kind not in LATEST_ONLY:
            told = error(None, "dropped", "Answers were not read in time, and dropped.")
            queue.put(_MARK, [peer, *encode(told)])
        return True

    def _try(self, peer: bytes, parts: list[Buffer]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as problem:
            if problem.errno != zmq.EHOSTUNREACH:
                raise
            return True  # the client is gone; trainings can be asked for again
        self.bytes_sent += sum(memoryview(part).nbytes for part in parts)
        return True
