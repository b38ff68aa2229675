"""Who gets the replies of which training: many requests may be about one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from deepsim_client.wire import Message

from deepsim_server.replies import accepted

Reply = Callable[[bytes, Message], None]
"""Sends a message to a client."""


class Followers:
    """The requests, and the clients they came from, of each training that is not over."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._of: dict[str, dict[str, bytes]] = {}

    def __iter__(self) -> Iterator[str]:
        """The trainings that somebody follows."""
        return iter(list(self._of))

    def add(self, job: str, peer: bytes, request: str) -> None:
        """From now on the training's replies go to this request too; it is told so."""
        self._of.setdefault(job, {})[request] = peer
        self._reply(peer, accepted(request, job))

    def tell(self, job: str, message: Message) -> None:
        """Send a reply to all who follow a training; after a final one nobody does."""
        for request, peer in list(self._of.get(job, {}).items()):
            self._reply(peer, replace(message, id=request))
        if message.final:
            self._of.pop(job, None)

    def count(self, peer: bytes, but: str) -> int:
        """How many requests of a client follow trainings, the request `but` not counted."""
        pairs = (pair for requests in self._of.values() for pair in requests.items())
        return sum(each == peer and request != but for request, each in pairs)
