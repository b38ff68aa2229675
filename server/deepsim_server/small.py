"""Requests that a worker answers directly: apply, edges, segment and the like.

They wait here, fairly between clients, and go to the worker a few at a time. Of several applies
for one document only the newest is worth an answer. What an older one brought to be kept is kept
all the same, so that the next need not bring it again.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from deepsim_client.wire import Message, new_id

from deepsim_engine.errors import InputError
from deepsim_server.failures import OVER, failure
from deepsim_server.fair import FairQueue
from deepsim_server.kept import MAX_BYTES as MAX_KEPT_BYTES
from deepsim_server.kept import BaseLostError
from deepsim_server.replies import error
from deepsim_server.supervisor import Death, Supervisor

MAX_WAITING = 256
"""Requests that may wait at a time."""
MAX_EACH = 64
"""The same for one client."""
MAX_BYTES = 1 << 30
"""Bytes of pixels that may wait."""
MAX_IN_HAND = 2
"""Requests that a worker has at a time: the next one, so that it need not wait for it."""
MAX_HOLDERS = 1024
"""Kept drawings of which it is known which worker has them; more than all workers together keep."""

_SUPERSEDED = "A newer drawing of this document came: that one is answered."

Reply = Callable[[bytes, Message], None]
Choose = Callable[[Message], Supervisor]
Name = Callable[[Message], Message]


@dataclass
class _Small:
    """A request, who waits for it, and the worker that has it.

    `ended` is what was answered although it is not done: nobody wants its reply. Then `keeping`
    says that what it brought is still to be kept. `after` is the request that it builds upon, where
    that was here when it came: both go to the same worker, that one first.
    """

    peer: bytes
    message: Message
    size: int
    document: str
    after: str = ""
    worker: Supervisor | None = None
    ended: Message | None = None
    keeping: bool = False

    @property
    def base(self) -> str:
        """The request whose drawing this one builds upon, if it does."""
        base = self.message.body.get("base")
        return base if isinstance(base, str) else ""

    @property
    def keeps(self) -> bool:
        """Whether its drawing is to be kept, and can be."""
        return self.message.body.get("keep") is True and self.size <= MAX_KEPT_BYTES


class SmallRequests:
    """All small requests of one engine.

    `choose` names the worker for a request. `name` says anew what a request is about, just before
    it is handed to a worker: the training that it named may have led to a model meanwhile.
    """

    def __init__(self, choose: Choose, name: Name, reply: Reply) -> None:
        self._choose = choose
        self._name = name
        self._reply = reply
        self._all: dict[str, _Small] = {}
        self._queue: FairQueue[str] = FairQueue()
        self._holders: OrderedDict[str, tuple[Supervisor, int]] = OrderedDict()
        """The workers that have kept drawings, and which one of its generations it was."""

    def __len__(self) -> int:
        return sum(small.ended is None for small in self._all.values())

    def __contains__(self, request: object) -> bool:
        return request in self._all

    def follow(self, request: str, peer: bytes) -> None:
        """The same request again, perhaps over another connection: its reply goes there."""
        small = self._all[request]
        small.peer = peer
        if small.ended is not None:
            self._reply(peer, small.ended)

    def take(self, peer: bytes, message: Message, document: str = "") -> None:
        """Let a request wait, and tell those that it replaces; or refuse it."""
        size = sum(memoryview(frame.data).nbytes for frame in message.frames)
        waiting = sum(small.size for small in self._all.values())
        new = _Small(peer, message, size, document)
        broken = self._choose(message).broken
        if broken:
            self._reply(peer, error(message.id, "worker-died", broken))
            return
        if document:
            self._supersede(new)
        mine = sum(small.peer == peer for small in self._all.values())
        full = len(self._all) >= MAX_WAITING or mine >= MAX_EACH
        if full or (waiting and waiting + size > MAX_BYTES):
            sentence = "Too many requests wait already: try again when some are answered."
            self._reply(peer, error(message.id, "busy", sentence))
            return
        if new.base in self._all:
            new.after = new.base
        self._all[message.id] = new
        self._queue.add(peer, message.id)
        self.tick()

    def cancel(self, request: str, code: str = "cancelled", why: str = "Cancelled.") -> None:
        """Answer a request with an error now; the worker forgets it if it has not begun."""
        small = self._all[request]
        if small.ended is not None:
            return
        small.ended = error(request, code, why)
        self._reply(small.peer, small.ended)
        self._drop(request)

    def _drop(self, request: str) -> None:
        """Let nothing more be done for a request that is answered."""
        small = self._all[request]
        small.keeping = False
        if small.worker is None:
            self._queue.remove(request)
            del self._all[request]
        else:
            small.worker.send(Message("cancel", new_id(), {"job": request}))

    def tick(self) -> None:
        """Give workers what they can take."""
        later: list[str] = []
        while self._queue:
            request = self._queue.pop()
            small = self._all[request]
            try:
                small.message = self._name(small.message)
                worker = self._worker_for(small)
            except InputError as problem:
                self._end(request, failure(small.message, problem))
                continue
            if worker is not None and self._in_hand(worker) < MAX_IN_HAND:
                small.worker = worker
                worker.send(small.message)
            else:
                later.append(request)
                if not any(self._in_hand(other) < MAX_IN_HAND for other in self._busy()):
                    break
        for request in reversed(later):
            self._queue.add(self._all[request].peer, request, first=True)

    def on_worker(self, message: Message) -> bool:
        """A worker's reply; whether it is one that somebody waits for."""
        small = self._all[message.id]
        wanted = small.ended is None
        if wanted and message.body.get("code") == OVER:
            # The training ended before the worker came to it; its model is known by now.
            small.worker = None
            self._queue.add(small.peer, message.id, first=True)
            self.tick()
            return False
        if message.final:
            del self._all[message.id]
            if message.body.get("kept") is True and small.worker is not None:
                self._holders[message.id] = small.worker, small.worker.generation
                if len(self._holders) > MAX_HOLDERS:
                    self._holders.popitem(last=False)
            self.tick()
        if wanted:
            self._reply(small.peer, message)
        return wanted

    def on_death(self, worker: Supervisor, death: Death) -> None:
        """What the dead worker had is answered with an error; what waits goes to the next."""
        sentence = f"The worker process {death.how} before it answered: try again."
        for request, small in list(self._all.items()):
            if small.worker is worker and small.base:
                self._end(request, failure(small.message, BaseLostError()))
            elif small.worker is worker:
                self._end(request, error(request, "worker-died", sentence))

    def close(self, why: Message) -> None:
        """Answer everything with an error."""
        for request in list(self._all):
            self.cancel(request, str(why.body["code"]), str(why.body["message"]))

    def _end(self, request: str, told: Message) -> None:
        """Forget a request, and tell who still waits for it."""
        small = self._all.pop(request)
        if small.ended is None:
            self._reply(small.peer, told)

    def _supersede(self, new: _Small) -> None:
        """Answer earlier applies for the same document; keep what they brought to be kept.

        Unless the new one brings what takes its place.
        """
        for request, small in list(self._all.items()):
            if (small.peer, small.document) != (new.peer, new.document):
                continue
            replaced = new.keeps and new.base != request
            if small.ended is not None:
                if small.keeping and replaced:
                    self._drop(request)
            elif small.keeps and not replaced:
                self._keep_only(request)
            else:
                self.cancel(request, "superseded", _SUPERSEDED)

    def _keep_only(self, request: str) -> None:
        """Answer a request that is superseded; nothing is done for it but keep its drawing."""
        small = self._all[request]
        told = error(request, "superseded", _SUPERSEDED)
        small.ended = replace(told, body={**told.body, "kept": True})
        small.keeping = True
        self._reply(small.peer, small.ended)
        if small.worker is None:
            small.message = replace(small.message, kind="keep")
        else:
            small.worker.send(Message("cancel", new_id(), {"job": request, "keep": True}))

    def _worker_for(self, small: _Small) -> Supervisor | None:
        """The one that has the drawing which a request builds upon, where it may choose.

        None: not known yet, for that request waits itself. Raises BaseLostError where the worker
        that had it was replaced.
        """
        if not small.base or small.message.body.get("job"):
            return self._choose(small.message)
        if small.after in self._all:
            return self._all[small.after].worker
        holder, generation = self._holders.get(small.base, (None, 0))
        if holder is None or holder.generation != generation:
            raise BaseLostError
        self._holders.move_to_end(small.base)
        return holder

    def _in_hand(self, worker: Supervisor) -> int:
        return sum(small.worker is worker for small in self._all.values())

    def _busy(self) -> set[Supervisor]:
        """The workers that are waited for."""
        found: set[Supervisor] = set()
        for request in self._queue:
            with suppress(BaseLostError):  # told when it is its turn
                worker = self._worker_for(self._all[request])
                found.update([] if worker is None else [worker])
        return found
