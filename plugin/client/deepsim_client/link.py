"""One connection to an engine: socket, keys, the first words on it, and its heartbeat."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils.monitor import recv_monitor_message

from .keyfiles import load_key
from .location import Connection, LocationError
from .wire import MAX_FRAME_BYTES, PROTOCOL, Message, encode, new_id

QUIET_SECONDS = 1.5
"""After so long a silence the engine is asked whether it is there."""
PATIENCE_SECONDS = 3.0
"""How long it may take to answer that; both together are less than the promised 5 s."""
_LOCAL_RATE, _REMOTE_RATE = 100e6, 0.5e6
"""Bytes a second at which large messages, which hold up the answer, are supposed to travel."""
_LONGEST_PATIENCE = 900.0
_GAP_SECONDS = 0.5
"""A pause between two looks at the link that counts as the editor's, not as the engine's."""
_NETWORK_MS = 10_000
"""After so long without an acknowledgement the operating system gives a remote connection up."""

_WATCHED = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


@dataclass
class Link:
    """The socket, its monitor, and what was asked and heard on it.

    `hello` and `details` are the ids of hellos sent: the first one, and one that waits for the
    worker; `ping` is the id of an unanswered ping. `deadline` is when the hello is overdue; times
    are of the monotonic clock.
    """

    connection: Connection
    socket: zmq.Socket[bytes]
    monitor: zmq.Socket[bytes]
    deadline: float
    hello: str = ""
    details: str = ""
    ping: str = ""
    pinged: float = 0.0
    heard: float = 0.0
    looked: float = 0.0
    next_check: float = 0.0

    @property
    def remote(self) -> bool:
        """Whether the engine is on another machine."""
        return self.connection.pid == 0

    def say_hello(self, wait: bool = False) -> str:
        """Send `hello` (one that waits for the worker) and return its id."""
        return self._say("hello", {"wait": True} if wait else {})

    def hear(self, now: float) -> None:
        """Something came: the engine is there."""
        self.heard, self.ping = now, ""

    def silent(self, now: float, on_its_way: int) -> bool:
        """Whether the engine is silent for too long; asks it when it is silent for a while.

        `on_its_way` are the bytes of requests that are not answered yet. Time in which nobody
        looked here (the editor was busy) is not held against the engine.
        """
        gap = now - self.looked
        self.looked = now
        if gap > _GAP_SECONDS:
            self.heard, self.pinged = self.heard + gap, self.pinged + gap
        if not self.ping:
            if now - self.heard > QUIET_SECONDS:
                self.ping, self.pinged = self._say("ping", {}), now
            return False
        rate = _REMOTE_RATE if self.remote else _LOCAL_RATE
        patience = min(PATIENCE_SECONDS + 2 * on_its_way / rate, _LONGEST_PATIENCE)
        return now - self.pinged > patience

    def events(self) -> list[int]:
        """What happened to the connection since the last call: disconnected, refused."""
        events = []
        while True:
            try:
                events.append(int(recv_monitor_message(self.monitor, zmq.NOBLOCK)["event"]))
            except zmq.Again:
                return events

    def close(self) -> None:
        """Drop the connection and what was not sent."""
        self.socket.disable_monitor()
        self.socket.close(0)

    def _say(self, kind: str, body: dict[str, bool]) -> str:
        rid = new_id()
        with contextlib.suppress(zmq.Again):  # a full socket: the missing answer will tell
            self.socket.send_multipart(encode(Message(kind, rid, body)), zmq.NOBLOCK)
        return rid


def open_link(
    context: zmq.Context[zmq.Socket[bytes]],
    client_key: Path,
    connection: Connection,
    hello_seconds: float,
) -> Link:
    """Connect and send `hello`, which is to be answered within `hello_seconds`.

    Raises:
        LocationError, OSError: when the client's key cannot be used, or protocols differ.
        zmq.ZMQError: when the connection file names no usable endpoint.
    """
    if connection.protocol != PROTOCOL:
        raise LocationError(
            f"The running engine (version {connection.version}) speaks protocol"
            f" {connection.protocol} and this client {PROTOCOL}: update the older, then run"
            " `deepsim engine stop`."
        )
    public, secret = load_key(client_key)
    socket = context.socket(zmq.DEALER)
    monitor = None
    try:
        socket.linger = 0
        socket.sndhwm = 8
        socket.maxmsgsize = MAX_FRAME_BYTES
        socket.curve_publickey = public
        socket.curve_secretkey = secret
        socket.curve_serverkey = connection.public_key.encode("ascii", "replace")
        if connection.pid == 0:
            # Not ZMTP's heartbeats: a large frame on a slow line would miss them.
            socket.ipv6 = True
            socket.tcp_maxrt = _NETWORK_MS
            socket.tcp_keepalive = 1
        monitor = socket.get_monitor_socket(_WATCHED)
        socket.connect(connection.endpoint)
    except zmq.ZMQError:
        if monitor is not None:
            socket.disable_monitor()
        socket.close(0)
        raise
    now = time.monotonic()
    link = Link(connection, socket, monitor, now + hello_seconds, heard=now, looked=now)
    link.hello = link.say_hello()
    return link
