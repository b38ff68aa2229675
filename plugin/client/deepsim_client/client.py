"""The editor's side: find or start the engine, send requests, deliver replies; never blocks.

Everything happens in `EngineClient.poll`, which the editor calls from a timer; there are no
threads. Callbacks are called from `poll` only, so they may touch the editor.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

import zmq

from .link import Link, open_link
from .location import Connection, Location, LocationError
from .pending import OnReply, Reply, Requests, error
from .processes import process_alive
from .remote import Remote
from .search import Ending, Place, Search, SearchError, pause
from .wire import NOBODY, Frame, Message, WireError, decode, encode, new_id

START_SECONDS = 60.0
"""How long a new engine may take to write its connection file; first starts read much."""
HELLO_SECONDS = 10.0
"""How long the engine may take to answer `hello`."""
RECONNECT_SECONDS = 120.0
"""How long a lost engine that should still be there is tried again."""
POLL_SECONDS = 0.02
"""How long one `poll` may go on delivering replies before it gives the editor its turn."""
_GENTLE_SECONDS, _CURT_SECONDS = 20.0, 2.0
"""How long an engine that answers, or does not, may take to leave before it is made to."""
_STEADY_SECONDS = 30.0
"""A connection that stood for so long: the next loss is the first one again."""
_MAX_LOSSES = 5
"""How often in a row an engine of this machine may be lost before that is called a failure."""

OnState = Callable[[str, str], None]

__all__ = ["EngineClient", "Reply"]


class EngineClient:
    """A connection to the engine that starts it when there is none.

    `state` is "idle" (no connection, none needed yet), "starting", "connecting", "ready" or
    "failed"; `message` is a sentence for people, `info` the engine's answer to `hello` (version,
    device, presets, ...; empty until ready).

    An engine that is lost while requests are under way is found or started again, and what was
    asked of it is asked again: trainings go on, their replies come as before. An engine on
    another machine (`Remote`) is reconnected to, never started.
    """

    def __init__(
        self,
        location: Place,
        start_engine: bool = True,
        *,
        start_seconds: float = START_SECONDS,
        hello_seconds: float = HELLO_SECONDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
    ) -> None:
        self.location = location
        self.state = "idle"
        self.message = ""
        self.info: dict[str, Any] = {}
        self.on_state: OnState | None = None
        self._start_engine = start_engine and isinstance(location, Location)
        self._start_seconds = start_seconds
        self._hello_seconds = hello_seconds
        self._reconnect_seconds = reconnect_seconds
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._requests = Requests()
        self._ending: Ending | None = None
        self._search: Search | None = None
        self._link: Link | None = None
        self._found: Search | None = None
        self._losses = 0
        self._retry_until = 0.0
        self._ready_at = 0.0

    # -- what callers use

    def connect(self) -> None:
        """Begin to find or start the engine, without a request; `poll` does the rest."""
        if self.state in ("idle", "failed"):
            self._losses = 0
            self._retry_until = 0.0
            self._look(time.monotonic())

    def reconnect(self) -> None:
        """Drop the connection, if there is one, and make a new one at once."""
        self._drop_link()
        self._requests.lost("The connection was dropped.")
        self._ending = None
        self.state = "idle"
        self.connect()

    def restart(self) -> None:
        """End the engine, hanging or not, and start it anew; trainings go on with the new one.

        An engine on another machine cannot be ended from here: this connects to it anew.
        """
        if not self._start_engine or not isinstance(self.location, Location):
            self.reconnect()
            return
        patience = _GENTLE_SECONDS if self.state == "ready" else _CURT_SECONDS
        self._drop_link()
        self._requests.lost("The engine was restarted.")
        self._search = None
        self._losses = 0
        self._ending = Ending(self.location, time.monotonic(), patience)
        self._set_state("starting", "The engine is being ended, to start it anew.")

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
        except WireError as problem:
            self._requests.refuse(rid, kind, error("input", str(problem)), on_reply)
            return rid
        self._requests.add(rid, kind, parts, on_reply)
        self.connect()
        return rid

    def cancel(self, rid: str) -> None:
        """Ask for the end of a request; it ends with an error reply, code "cancelled"."""
        if rid in self._requests and not self._requests.cancel_unsent(rid):
            self.request("cancel", {"job": rid}, on_reply=_ignore)

    def poll(self) -> None:
        """Do what can be done without waiting: start, connect, send, receive, deliver replies."""
        if self._ending is not None:
            self._poll_ending(self._ending)
        if self._search is not None:
            self._poll_search(self._search)
        if self._link is not None:
            self._poll_link(self._link)
        self._requests.deliver_own()

    def wait(self, rid: str, timeout: float) -> Reply:
        """Poll until the final reply of `rid` has come, and return it. For scripts: it blocks.

        Raises:
            TimeoutError: when it has not come after `timeout` seconds.
            KeyError: when there is no such request, or its reply went to an `on_reply` earlier.
        """
        requests, deadline = self._requests, time.monotonic() + timeout
        if rid not in requests and not requests.has_final(rid):
            raise KeyError(rid)
        outer, requests.awaited = requests.awaited, rid
        try:
            while not requests.has_final(rid):
                self.poll()
                if requests.has_final(rid):
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"The engine has not answered within {timeout:g} s. {self.message}"
                    )
                time.sleep(0.005)
        finally:
            requests.awaited = outer
        return requests.take_final(rid)

    def close(self) -> None:
        """Leave at once. The engine and its jobs go on; no callback is called any more."""
        self._requests.forget_all()
        self._search = self._ending = None
        self._drop_link()
        if self._context is not None:
            self._context.term()
            self._context = None
        self.state = "idle"

    # -- looking for the engine

    def _look(self, now: float, not_before: float = 0.0, message: str = "") -> None:
        """Begin a search. `message` says why, where it is not the first."""
        self._search = Search(
            self.location,
            self._start_engine,
            not_before=not_before,
            deadline=max(now, not_before) + self._start_seconds,
        )
        if message:
            self._search.message = message
        self._set_state("starting", self._search.message)

    def _poll_ending(self, ending: Ending) -> None:
        now = time.monotonic()
        try:
            if ending.step(now):
                self._ending = None
                self._look(now)
        except SearchError as problem:
            self._ending = None
            self._fail(str(problem))

    def _poll_search(self, search: Search) -> None:
        try:
            found = search.step(time.monotonic())
            if found is not None:
                self._open_link(found)
                self._search, self._found = None, search
            elif search.message != self.message:
                self._set_state("starting", search.message)
        except (SearchError, LocationError, OSError, zmq.ZMQError) as problem:
            self._fail(str(problem))

    def _open_link(self, connection: Connection) -> None:
        """Connect and send `hello`. Raises what `open_link` raises."""
        if self._context is None:
            self._context = zmq.Context()
        key = self.location.client_key
        self._link = open_link(self._context, key, connection, self._hello_seconds)
        self._set_state("connecting", "Connecting to the engine.")

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        self.info = {}
        if link is not None:
            link.close()
        if self._found is not None and self._found.child is not None:
            self._found.child.poll()  # collect our child's exit status, so that it is no zombie

    # -- the connection

    def _poll_link(self, link: Link) -> None:
        deadline = time.monotonic() + POLL_SECONDS
        while self._link is link and time.monotonic() < deadline:
            try:
                # Not copied: 64 MB, the picture of a large canvas, would keep the editor for 0.1 s.
                parts = link.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            link.hear(time.monotonic())
            self._receive(link, [part.buffer for part in parts])
        if self._link is link and self.state == "ready":
            self._flush(link)
        if self._link is link:
            self._check_link(link, time.monotonic())

    def _receive(self, link: Link, parts: list[Any]) -> None:
        try:
            message = decode(parts)
        except WireError as problem:
            if problem.id == link.hello:
                self._fail(str(problem))
            elif problem.id is not None:
                self._requests.deliver(problem.id, error("protocol", str(problem)))
            return
        if message.id == link.hello:
            self._greeted(link, message)
        elif message.id == link.details:
            if message.kind == "result":
                self._learn(message.body)
        elif message.id == NOBODY:
            if message.body.get("code") == "dropped":
                self._requests.ask_again()
        else:
            self._requests.deliver(message.id, Reply(message.kind, message.body, message.frames))

    def _greeted(self, link: Link, message: Message) -> None:
        if message.kind != "result":
            self._fail(str(message.body.get("message", "The engine refused this client.")))
            return
        self._ready_at = time.monotonic()
        if message.body.get("starting"):
            link.details = link.say_hello(wait=True)
        self._learn(message.body)

    def _learn(self, info: dict[str, Any]) -> None:
        """Take in what the engine says of itself: first that it is there, later its device."""
        self.info = info
        where = f" at {self.location.endpoint}" if isinstance(self.location, Remote) else ""
        if info.get("message"):
            self._set_state("ready", str(info["message"]))
        elif info.get("device"):
            self._set_state("ready", f"The engine{where} is ready on {info['device']}.")
        else:
            self._set_state("ready", f"The engine{where} is ready; its worker still starts.")

    def _flush(self, link: Link) -> None:
        for parts in self._requests.to_send():
            try:
                link.socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return

    def _check_link(self, link: Link, now: float) -> None:
        """Notice an engine that is gone, silent, or refuses us."""
        events = link.events()
        if zmq.EVENT_HANDSHAKE_FAILED_AUTH in events:
            self._fail(_unknown_key(self.location))
            return
        if not link.remote and (events or now > link.next_check):
            link.next_check = now + 0.5
            if not process_alive(link.connection.pid):
                self._lost(now, "The engine ended unexpectedly")
                return
        if self.state == "connecting":
            if now > link.deadline:
                self._no_hello(link, now)
        elif zmq.EVENT_DISCONNECTED in events:
            self._lost(now, "The connection to the engine broke")
        elif link.silent(now, self._requests.bytes_sent):
            self._lost(now, "The engine does not answer")

    def _no_hello(self, link: Link, now: float) -> None:
        """No answer to `hello`: a leftover file whose process id is another program's now?"""
        search = self._found
        if now < self._retry_until:
            self._lost(now, "The engine does not answer")
        elif search is None or not self._start_engine or search.stale is not None:
            sentence = f"The engine did not answer within {self._hello_seconds:g} s."
            self._fail(search.with_log(sentence) if search else sentence)
        else:
            self._drop_link()
            self._look(now, message="The engine does not answer; trying to start one.")
            if self._search is not None:
                self._search.stale = link.connection

    # -- endings

    def _lost(self, now: float, sentence: str) -> None:
        """The engine was there and is not, or seems not to be: try again where it is needed."""
        wanted = bool(self._requests) or self.state == "connecting"
        if self.state == "ready":
            if now - self._ready_at > _STEADY_SECONDS:
                self._losses = 0
            self._retry_until = now + self._reconnect_seconds
        local = self._link is not None and not self._link.remote
        self._drop_link()
        if local and self._losses >= _MAX_LOSSES:
            times = f"{sentence}, {self._losses + 1} times in a row."
            self._fail(self._found.with_log(times) if self._found else times)
            return
        self._requests.lost(f"{sentence} before it answered.")
        if wanted and (self._requests or self.state == "connecting"):
            self._look(now, now + pause(self._losses), f"{sentence}: connecting again.")
            self._losses += 1
        else:
            self._set_state("idle", f"{sentence}; it is started or found when it is needed.")

    def _fail(self, sentence: str) -> None:
        self._search = None
        self._drop_link()
        self._requests.fail_all(sentence)
        self._set_state("failed", sentence)

    def _set_state(self, state: str, message: str) -> None:
        changed = (state, message) != (self.state, self.message)
        self.state, self.message = state, message
        if changed and self.on_state is not None:
            self.on_state(state, message)


def _unknown_key(place: Place) -> str:
    if isinstance(place, Remote):
        return (
            f"The engine at {place.endpoint} does not know this client's key: on its machine, run"
            " `deepsim engine keys add` with the line that `deepsim engine connect` gave."
        )
    return (
        f"The engine does not know this client's key ({place.client_key}): run the installer"
        " again, or restart the engine."
    )


def _ignore(_reply: Reply) -> None:
    """For requests whose answer nobody needs."""
