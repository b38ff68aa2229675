"""The last answers, so that a request that is repeated is answered and not done twice."""

from collections import OrderedDict

from deepsim_client.wire import Frame, Message

MAX_REPLIES = 64
MAX_BYTES = 128 << 20


class RecentReplies:
    """Final replies by request id; the oldest are forgotten first."""

    def __init__(self, max_replies: int = MAX_REPLIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_replies = max_replies
        self._max_bytes = max_bytes
        self._replies: OrderedDict[str, Message] = OrderedDict()
        self._bytes = 0

    def add(self, reply: Message) -> None:
        """Remember a final reply, unless it is an error: then trying again is right."""
        if reply.kind != "result":
            return
        if (before := self._replies.pop(reply.id, None)) is not None:
            self._bytes -= _size(before.frames)
        self._replies[reply.id] = reply
        self._bytes += _size(reply.frames)
        while len(self._replies) > self._max_replies or self._bytes > self._max_bytes:
            _, forgotten = self._replies.popitem(last=False)
            self._bytes -= _size(forgotten.frames)

    def get(self, request: str) -> Message | None:
        """The final reply to that request, if it is remembered."""
        return self._replies.get(request)


def _size(frames: tuple[Frame, ...]) -> int:
    return sum(memoryview(frame.data).nbytes for frame in frames)
