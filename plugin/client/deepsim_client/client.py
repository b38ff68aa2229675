"""The editor's side: find or start the engine, send requests, deliver replies; never blocks.

Everything happens in `EngineClient.poll`, which the editor calls from a timer; there are no
threads. Callbacks are called from `poll` only, so they may touch the editor.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import zmq

from .link import Link, open_link
from .location import Connection, Location, LocationError, process_alive
from .starter import log_size, log_tail, start_engine
from .wire import Buffer, Frame, Message, WireError, decode, encode, new_id

START_SECONDS = 60.0
"""How long a new engine may take to write its connection file; first starts read much."""
HELLO_SECONDS = 10.0
"""How long the engine may take to answer `hello`."""
POLL_SECONDS = 0.02
"""How long one `poll` may go on delivering replies before it gives the editor its turn."""
_KEPT_REPLIES = 32


@dataclass(frozen=True)
class Reply:
    """One reply to a request; after a final one (`result` or `error`) nothing more comes."""

    kind: str
    body: dict[str, Any]
    frames: tuple[Frame, ...] = ()

    @property
    def final(self) -> bool:
        """Whether this is the request's last reply."""
        return self.kind in ("result", "error")

    def frame(self, name: str) -> Frame | None:
        """The frame of that name, or None."""
        for frame in self.frames:
            if frame.name == name:
                return frame
        return None


OnReply = Callable[[Reply], None]
OnState = Callable[[str, str], None]


@dataclass
class _Pending:
    """A request that has no final reply yet; `parts` is None once they are sent."""

    on_reply: OnReply | None
    parts: list[Buffer] | None


@dataclass
class _Search:
    """What is known while looking for an engine."""

    deadline: float
    log_start: int
    child: subprocess.Popen[bytes] | None = None
    next_start: float = 0.0
    stale: Connection | None = None


class EngineClient:
    """A connection to the engine that starts it when there is none.

    `state` is "idle" (no connection, none needed yet), "starting", "connecting", "ready" or
    "failed"; `message` is a sentence for people, `info` the engine's answer to `hello` (version,
    device, presets, ...; empty until ready).
    """

    def __init__(
        self,
        location: Location,
        start_engine: bool = True,
        *,
        start_seconds: float = START_SECONDS,
        hello_seconds: float = HELLO_SECONDS,
    ) -> None:
        self.location = location
        self.state = "idle"
        self.message = ""
        self.info: dict[str, Any] = {}
        self.on_state: OnState | None = None
        self._start_engine = start_engine
        self._start_seconds = start_seconds
        self._hello_seconds = hello_seconds
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._pending: dict[str, _Pending] = {}
        self._outbox: deque[str] = deque()
        self._local: deque[tuple[str, Reply]] = deque()
        self._finals: OrderedDict[str, Reply] = OrderedDict()
        self._waiting: str | None = None
        self._search: _Search | None = None
        self._link: Link | None = None
        self._child: subprocess.Popen[bytes] | None = None

    # -- what callers use

    def connect(self) -> None:
        """Begin to find or start the engine, without a request; `poll` does the rest."""
        if self.state in ("idle", "failed"):
            now = time.monotonic()
            self._search = _Search(now + self._start_seconds, log_size(self.location.log))
            self._set_state("starting", "Looking for the engine.")

    def request(
        self,
        kind: str,
        body: dict[str, Any] | None = None,
        frames: Sequence[Frame] = (),
        on_reply: OnReply | None = None,
        rid: str | None = None,
    ) -> str:
        """Queue a request and return its id; it is sent when the engine is there.

        `on_reply` gets every reply, from `poll`. A message that breaks the format is answered with
        an error reply too. Repeating an earlier request's `rid` asks for the same work again: the
        engine answers without doing it twice, also after the connection or the engine was lost.
        """
        rid = rid or new_id()
        try:
            parts = encode(Message(kind, rid, body or {}, tuple(frames)))
        except WireError as error:
            self._pending[rid] = _Pending(on_reply, None)
            self._local.append((rid, _error("input", str(error))))
            return rid
        self._pending[rid] = _Pending(on_reply, parts)
        self._outbox.append(rid)
        self.connect()
        return rid

    def cancel(self, rid: str) -> None:
        """Ask for the end of a request; it ends with an error reply, code "cancelled"."""
        pending = self._pending.get(rid)
        if pending is None:
            return
        if pending.parts is not None:
            pending.parts = None
            self._local.append((rid, _error("cancelled", "Cancelled before it was sent.")))
        else:
            self.request("cancel", {"job": rid}, on_reply=_ignore)

    def poll(self) -> None:
        """Do what can be done without waiting: start, connect, send, receive, deliver replies."""
        if self._search is not None and self._link is None:
            self._poll_search(self._search)
        if self._link is not None:
            self._poll_link(self._link)
        while self._local:
            self._deliver(*self._local.popleft())

    def wait(self, rid: str, timeout: float) -> Reply:
        """Poll until the final reply of `rid` has come, and return it. For scripts: it blocks.

        Raises:
            TimeoutError: when it has not come after `timeout` seconds.
            KeyError: when there is no such request, or its reply went to an `on_reply` earlier.
        """
        deadline = time.monotonic() + timeout
        if rid not in self._pending and rid not in self._finals:
            raise KeyError(rid)
        outer, self._waiting = self._waiting, rid
        try:
            while rid not in self._finals:
                self.poll()
                if rid in self._finals:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"The engine has not answered within {timeout:g} s. {self.message}"
                    )
                time.sleep(0.005)
        finally:
            self._waiting = outer
        return self._finals.pop(rid)

    def close(self) -> None:
        """Leave at once. The engine and its jobs go on; no callback is called any more."""
        self._pending.clear()
        self._outbox.clear()
        self._local.clear()
        self._search = None
        self._drop_link()
        if self._context is not None:
            self._context.term()
            self._context = None
        self.state = "idle"

    # -- looking for the engine

    def _poll_search(self, search: _Search) -> None:
        try:
            found = self.location.read_connection()
            if found is not None and found != search.stale and process_alive(found.pid):
                self._open_link(found)
                return
        except (LocationError, OSError, zmq.ZMQError) as error:
            self._fail(str(error))
            return
        now = time.monotonic()
        if not self._start_engine:
            self._fail("The engine does not run: start it with `deepsim serve`.")
        elif now > search.deadline:
            self._fail(self._with_log("The engine did not come up in time.", search.log_start))
        else:
            self._watch_child(search, now)

    def _watch_child(self, search: _Search, now: float) -> None:
        """Start an engine when there is none being started; look after the one we started."""
        if search.child is None:
            if now < search.next_start:
                return
            try:
                search.child = self._child = start_engine(self.location)
            except OSError as error:
                self._fail(f"The engine could not be started: {error}.")
                return
            self._set_state("starting", "Starting the engine.")
            return
        status = search.child.poll()
        if status is None:
            return
        if status != 0:
            sentence = f"The engine ended at once (status {status})."
            self._fail(self._with_log(sentence, search.log_start))
        elif search.stale is not None and self._unchanged(search.stale):
            self._fail(
                f"The engine runs (process {search.stale.pid}) but does not answer: it may be"
                " stuck, or not know this client's key; end it and try again."
            )
        else:
            # Another engine holds the data folder: one that is about to write its connection file,
            # or to leave.
            search.child = None
            search.next_start = now + random.uniform(0.3, 0.8)  # noqa: S311  (jitter, not a secret)

    def _unchanged(self, stale: Connection) -> bool:
        try:
            return self.location.read_connection() == stale
        except LocationError:
            return False

    # -- the connection

    def _open_link(self, connection: Connection) -> None:
        """Connect and send `hello`. Raises what `open_link` raises."""
        if self._context is None:
            self._context = zmq.Context()
        self._link = open_link(self._context, self.location, connection, self._hello_seconds)
        self._set_state("connecting", "Connecting to the engine.")

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        self.info = {}
        if link is not None:
            link.close()

    def _poll_link(self, link: Link) -> None:
        deadline = time.monotonic() + POLL_SECONDS
        while self._link is link and time.monotonic() < deadline:
            try:
                parts = link.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._receive(link, parts)
        if self._link is link and self.state == "ready":
            self._flush(link)
        if self._link is link:
            self._check_link(link)

    def _receive(self, link: Link, parts: list[bytes]) -> None:
        try:
            message = decode(parts)
        except WireError as error:
            if error.id is not None:
                self._deliver(error.id, _error("protocol", str(error)))
            return
        if message.id == link.hello:
            self._greeted(link, message)
        elif message.id in (link.probe, link.details):
            link.probe = ""
            if message.kind == "result":
                self._learn(message.body)
        else:
            self._deliver(message.id, Reply(message.kind, message.body, message.frames))

    def _greeted(self, link: Link, message: Message) -> None:
        if message.kind != "result":
            self._fail(str(message.body.get("message", "The engine refused this client.")))
            return
        self._search = None
        if message.body.get("starting"):
            link.details = link.say_hello(wait=True)
        self._learn(message.body)

    def _learn(self, info: dict[str, Any]) -> None:
        """Take in what the engine says of itself: first that it is there, later its device."""
        self.info = info
        if info.get("message"):
            self._set_state("ready", str(info["message"]))
        elif info.get("device"):
            self._set_state("ready", f"The engine is ready on {info['device']}.")
        else:
            self._set_state("ready", "The engine is ready; its worker still starts.")

    def _flush(self, link: Link) -> None:
        while self._outbox and self._link is link:
            pending = self._pending.get(self._outbox[0])
            if pending is not None and pending.parts is not None:
                try:
                    link.socket.send_multipart(pending.parts, zmq.NOBLOCK, copy=False)
                except zmq.Again:
                    return
                pending.parts = None
            self._outbox.popleft()

    def _check_link(self, link: Link) -> None:
        """Notice an engine that is gone, silent, or refuses us."""
        events = link.events()
        now = time.monotonic()
        if zmq.EVENT_HANDSHAKE_FAILED_AUTH in events:
            self._fail(
                f"The engine does not know this client's key ({self.location.client_key}): run the"
                " installer again, or restart the engine."
            )
            return
        if events or now > link.next_check:
            link.next_check = now + 0.5
            if not process_alive(link.connection.pid):
                self._lost(link)
                return
        if self.state == "connecting" and now > link.deadline:
            self._silent(link, now)
        elif self.state == "ready":
            if zmq.EVENT_DISCONNECTED in events and not link.probe:
                # The engine's process lives but the connection broke. zmq connects again by
                # itself: ask whether anybody is there.
                link.probe = link.say_hello()
                link.deadline = now + self._hello_seconds
            if link.probe and now > link.deadline:
                self._lost(link)

    def _silent(self, link: Link, now: float) -> None:
        """No answer to `hello`: a leftover file whose process id is another program's now?"""
        search = self._search
        if search is None or not self._start_engine or search.stale is not None:
            self._fail(
                self._with_log(
                    f"The engine did not answer within {self._hello_seconds:g} s; it may not know"
                    " this client's key.",
                    search.log_start if search else 0,
                )
            )
            return
        search.stale = link.connection
        search.deadline = now + self._start_seconds
        self._drop_link()
        self._set_state("starting", "The engine does not answer; trying to start one.")

    # -- endings

    def _lost(self, link: Link) -> None:
        in_flight = [rid for rid, pending in self._pending.items() if pending.parts is None]
        searching = self._search is not None
        self._drop_link()
        if self._child is not None:
            self._child.poll()  # collect our child's exit status, so that it is no zombie
        if searching:
            # It died between writing its connection file and its first answer: go on searching
            # until the deadline.
            self._set_state("starting", "Looking for the engine.")
            return
        unsent = len(self._pending) - len(in_flight)
        local = {rid for rid, _ in self._local}
        for rid in in_flight:
            if rid in self._pending and rid not in local:
                sentence = (
                    "The engine ended before it answered; unfinished training goes on when it is"
                    " back."
                )
                self._local.append((rid, _error("engine-lost", sentence)))
        if in_flight:
            self._set_state("failed", "The engine ended unexpectedly.")
        else:
            self._set_state("idle", "The engine is not running; it starts when it is needed.")
        if unsent:
            self.connect()

    def _fail(self, sentence: str) -> None:
        self._search = None
        self._drop_link()
        self._outbox.clear()
        local = {rid for rid, _ in self._local}
        for rid in list(self._pending):
            if rid not in local:
                self._local.append((rid, _error("engine-lost", sentence)))
        self._set_state("failed", sentence)

    def _with_log(self, sentence: str, since: int) -> str:
        tail = log_tail(self.location.log, since)
        if not tail:
            return f"{sentence} Its log {self.location.log} has nothing new."
        return f"{sentence} The end of its log ({self.location.log}):\n{tail}"

    def _set_state(self, state: str, message: str) -> None:
        changed = (state, message) != (self.state, self.message)
        self.state, self.message = state, message
        if changed and self.on_state is not None:
            self.on_state(state, message)

    def _deliver(self, rid: str, reply: Reply) -> None:
        pending = self._pending.get(rid)
        if pending is None:
            return
        if reply.final:
            del self._pending[rid]
            if pending.on_reply is None or self._waiting == rid:
                self._finals[rid] = reply
                while len(self._finals) > _KEPT_REPLIES:
                    self._finals.popitem(last=False)
        if pending.on_reply is not None:
            pending.on_reply(reply)


def _error(code: str, sentence: str) -> Reply:
    return Reply("error", {"code": code, "message": sentence})


def _ignore(_reply: Reply) -> None:
    """For requests whose answer nobody needs."""
