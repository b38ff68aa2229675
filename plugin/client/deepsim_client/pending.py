"""Requests that have no final reply yet: what is to be sent, and where replies go."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from .wire import FINAL_KINDS, Buffer, Frame, Message, encode

MAX_SENDS = 3
"""On how many connections a request without any reply is tried: it may be what ends them."""
NOT_REPEATED = frozenset({"shutdown"})
"""Kinds that are not sent again: the next engine is not the one they were meant for."""
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
        return self.kind in FINAL_KINDS

    def frame(self, name: str) -> Frame | None:
        """The frame of that name, or None."""
        for frame in self.frames:
            if frame.name == name:
                return frame
        return None


OnReply = Callable[[Reply], None]


def error(code: str, sentence: str) -> Reply:
    """A final reply that the client itself gives."""
    return Reply("error", {"code": code, "message": sentence})


@dataclass
class _Pending:
    """One request.

    Attributes:
        parts: the message, kept until the engine has accepted or answered it.
        size: bytes of the message.
        accepted: the engine has it on its disk, as a training.
        sends: on how many connections it was sent since the last reply to it.
        answered: a final reply of our own is on its way to it.
    """

    kind: str
    on_reply: OnReply | None
    parts: list[Buffer]
    size: int
    accepted: bool = False
    sends: int = 0
    answered: bool = False


class Requests:
    """All requests of one client, in the order in which they were made."""

    def __init__(self) -> None:
        self._pending: dict[str, _Pending] = {}
        self._unsent: deque[str] = deque()
        self._own: deque[tuple[str, Reply]] = deque()
        self._finals: OrderedDict[str, Reply] = OrderedDict()
        self.awaited: str | None = None

    def add(self, rid: str, kind: str, parts: list[Buffer], on_reply: OnReply | None) -> None:
        """A new request, to be sent."""
        size = sum(memoryview(part).nbytes for part in parts)
        self._pending[rid] = _Pending(kind, on_reply, parts, size)
        self._unsent.append(rid)

    def refuse(self, rid: str, kind: str, reply: Reply, on_reply: OnReply | None) -> None:
        """A request that cannot be sent; `reply` is its answer."""
        self._pending[rid] = _Pending(kind, on_reply, [], 0)
        self._answer(rid, reply)

    def cancel_unsent(self, rid: str) -> bool:
        """Answer a request that was never sent with "cancelled"; whether it was one."""
        pending = self._pending.get(rid)
        if pending is None or pending.sends or pending.accepted or rid not in self._unsent:
            return False
        self._answer(rid, error("cancelled", "Cancelled before it was sent."))
        return True

    def __contains__(self, rid: object) -> bool:
        return rid in self._pending

    def __bool__(self) -> bool:
        return any(not pending.answered for pending in self._pending.values())

    @property
    def bytes_sent(self) -> int:
        """Bytes of the requests that are with the engine: their answers take a while to come."""
        return sum(pending.size for pending in self._pending.values() if pending.sends)

    # -- sending

    def to_send(self) -> Iterator[list[Buffer]]:
        """Messages in their order; each counts as sent once the next one is asked for."""
        while self._unsent:
            rid = self._unsent[0]
            pending = self._pending.get(rid)
            if pending is not None and not pending.answered:
                yield pending.parts
                pending.sends += 1
            self._unsent.popleft()

    def lost(self, sentence: str) -> None:
        """The connection is lost: what was sent is to be sent again, and followed again.

        The engine answers a repeated request without doing it twice. A request that was tried
        often without any reply, or that must not be repeated, is answered with `sentence`.
        """
        for rid, pending in self._pending.items():
            if pending.answered:
                continue
            if pending.sends and (pending.sends >= MAX_SENDS or pending.kind in NOT_REPEATED):
                self._answer(rid, error("engine-lost", sentence))
        self._unsent = deque(rid for rid, p in self._pending.items() if not p.answered)

    def ask_again(self) -> None:
        """Replies were dropped on their way: all that waits for one is to be sent again."""
        for rid, pending in self._pending.items():
            again = pending.sends and not pending.answered and pending.kind not in NOT_REPEATED
            if again and rid not in self._unsent:
                pending.sends = 1  # the engine lives: these do not count
                self._unsent.append(rid)

    def fail_all(self, sentence: str) -> None:
        """Answer everything with an error."""
        self._unsent.clear()
        for rid, pending in self._pending.items():
            if not pending.answered:
                self._answer(rid, error("engine-lost", sentence))

    def forget_all(self) -> None:
        """Drop everything; no callback is called any more."""
        self._pending.clear()
        self._unsent.clear()
        self._own.clear()

    # -- replies

    def deliver_own(self) -> None:
        """Deliver the replies that the client itself gave."""
        while self._own:
            self.deliver(*self._own.popleft())

    def deliver(self, rid: str, reply: Reply) -> None:
        """Hand a reply to whoever made the request."""
        pending = self._pending.get(rid)
        if pending is None:
            return
        pending.sends = min(pending.sends, 1)
        if reply.final:
            del self._pending[rid]
            if pending.on_reply is None or self.awaited == rid:
                self._finals[rid] = reply
                while len(self._finals) > _KEPT_REPLIES:
                    self._finals.popitem(last=False)
        elif reply.kind == "accepted":
            if pending.accepted:
                return  # followed again after a connection was lost: nothing new for the caller
            # From now on it is followed, not sent again: the pixels need not be kept.
            pending.accepted = True
            pending.parts = encode(Message("attach", rid, {"job": rid}))
        if pending.on_reply is not None:
            pending.on_reply(reply)

    def has_final(self, rid: str) -> bool:
        """Whether the final reply of `rid` is kept for `take_final`."""
        return rid in self._finals

    def take_final(self, rid: str) -> Reply:
        """The final reply of `rid`, once. Raises KeyError."""
        return self._finals.pop(rid)

    def _answer(self, rid: str, reply: Reply) -> None:
        self._pending[rid].answered = True
        self._own.append((rid, reply))
