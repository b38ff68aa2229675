"""Replies on their way to clients: a slow reader delays only itself and cannot fill the memory."""

import itertools
import logging
from collections import OrderedDict

import zmq
from deepsim_client.wire import Buffer, Message, encode

log = logging.getLogger(__name__)

LATEST_ONLY = frozenset({"progress", "preview"})
"""Kinds of replies of which only the newest matters."""
MAX_WAITING = 512 << 20
"""Bytes that may wait for one client, beyond what is on its way in the socket."""

_Key = tuple[str, str, int]


class Outbox:
    """Sends through a ROUTER socket without ever waiting."""

    def __init__(self, socket: "zmq.Socket[bytes]", max_waiting: int = MAX_WAITING) -> None:
        self._socket = socket
        self._max_waiting = max_waiting
        self._waiting: dict[bytes, OrderedDict[_Key, list[Buffer]]] = {}
        self._numbers = itertools.count(1)
        self.bytes_sent = 0

    def send(self, peer: bytes, message: Message) -> None:
        """Send to the client `peer`, now or when it can take more."""
        parts = [peer, *encode(message)]
        queue = self._waiting.get(peer)
        if not queue and self._try(peer, parts):
            return
        queue = self._waiting.setdefault(peer, OrderedDict())
        number = 0 if message.kind in LATEST_ONLY else next(self._numbers)
        queue[(message.kind, message.id, number)] = parts
        while _size(queue) > self._max_waiting:
            dropped, _ = queue.popitem(last=False)
            log.warning("A client does not read: its oldest reply (%s) is dropped.", dropped[0])

    def flush(self) -> None:
        """Try again what waits."""
        for peer, queue in list(self._waiting.items()):
            while queue:
                key = next(iter(queue))
                if not self._try(peer, queue[key]):
                    break
                queue.pop(key, None)
            if not queue:
                self._waiting.pop(peer, None)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def _try(self, peer: bytes, parts: list[Buffer]) -> bool:
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._waiting.pop(peer, None)  # the client is gone; trainings can be asked for again
            return True
        self.bytes_sent += sum(memoryview(part).nbytes for part in parts)
        return True


def _size(queue: "OrderedDict[_Key, list[Buffer]]") -> int:
    return sum(memoryview(part).nbytes for parts in queue.values() for part in parts)
