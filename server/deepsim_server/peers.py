"""Who is connected, by which key, and when each was last heard: a revoked key counts at once."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from deepsim_server.keys import KnownKeys, mark

log = logging.getLogger(__name__)

MAX_PEERS = 4096
"""Connections that are remembered; those not heard for longest are forgotten first."""


@dataclass
class _Peer:
    key: bytes
    heard: float


class Peers:
    """The clients of one engine.

    libzmq asks about a key only when a connection is made; a connection whose key is revoked later
    is told apart here, at every message, and gets no replies any more.
    """

    def __init__(self, known: KnownKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = known
        self._clock = clock
        self._peers: dict[bytes, _Peer] = {}
        self._denied: set[bytes] = set()

    def admit(self, peer: bytes, key: bytes) -> bool:
        """Note that a message of `peer` came, made with `key`; whether it may be answered."""
        self._peers.pop(peer, None)
        self._peers[peer] = _Peer(key, self._clock())
        while len(self._peers) > MAX_PEERS:
            self._peers.pop(next(iter(self._peers)))
        return self.allowed(peer)

    def allowed(self, peer: bytes) -> bool:
        """Whether replies may go to `peer`."""
        found = self._peers.get(peer)
        if found is None or self._known.knows_client(found.key):
            return True
        if found.key not in self._denied:
            self._denied.add(found.key)
            log.warning("A client is refused: its key (%s) was revoked.", mark(found.key))
        return False

    def key(self, peer: bytes) -> str:
        """The key that `peer` is known by: who it is, over whatever connection."""
        found = self._peers.get(peer)
        return "" if found is None else found.key.decode("ascii", "replace")

    def heard_within(self, seconds: float) -> bool:
        """Whether anybody was heard in the last `seconds`."""
        since = self._clock() - seconds
        return any(peer.heard > since for peer in self._peers.values())
