"""One connection to an engine: socket, keys, and the first words on it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

from .location import Connection, Location, LocationError, check_private
from .wire import MAX_FRAME_BYTES, PROTOCOL, Message, encode, new_id

HEARTBEAT_MS = 1000

_WATCHED = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


@dataclass
class Link:
    """The socket, its monitor, and the handshake's state.

    `hello`, `probe` and `details` are the ids of hellos sent: the first one, one that asks whether
    anybody is there still, and one that waits for the worker. `deadline` and `next_check` are
    times of the monotonic clock.
    """

    connection: Connection
    socket: zmq.Socket[bytes]
    monitor: zmq.Socket[bytes]
    deadline: float
    hello: str = ""
    next_check: float = 0.0
    probe: str = ""
    details: str = ""

    def say_hello(self, wait: bool = False) -> str:
        """Send `hello` (one that waits for the worker) and return its id."""
        hello = new_id()
        with contextlib.suppress(zmq.Again):  # a full socket: the missing answer will tell
            body = {"wait": True} if wait else {}
            self.socket.send_multipart(encode(Message("hello", hello, body)), zmq.NOBLOCK)
        return hello

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


def open_link(
    context: zmq.Context[zmq.Socket[bytes]],
    location: Location,
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
    public, secret = _load_key(location)
    socket = context.socket(zmq.DEALER)
    monitor = None
    try:
        socket.linger = 0
        socket.sndhwm = 8
        socket.maxmsgsize = MAX_FRAME_BYTES
        socket.heartbeat_ivl = HEARTBEAT_MS
        socket.heartbeat_timeout = 5 * HEARTBEAT_MS
        socket.curve_publickey = public
        socket.curve_secretkey = secret
        socket.curve_serverkey = connection.public_key.encode("ascii", "replace")
        monitor = socket.get_monitor_socket(_WATCHED)
        socket.connect(connection.endpoint)
    except zmq.ZMQError:
        if monitor is not None:
            socket.disable_monitor()
        socket.close(0)
        raise
    link = Link(connection, socket, monitor, time.monotonic() + hello_seconds)
    link.hello = link.say_hello()
    return link


def _load_key(location: Location) -> tuple[bytes, bytes]:
    """This client's CURVE keys, public and secret. Raises LocationError, OSError."""
    try:
        check_private(location.client_key)
        public, secret = zmq.auth.load_certificate(location.client_key)
    except ValueError:
        secret = None
    if secret is None:
        raise LocationError(
            f"The key file {location.client_key} is damaged: remove it and restart the engine."
        )
    return public, secret
