"""The last answers: how much is kept of them."""

from __future__ import annotations

from deepsim_client import Frame, Message
from deepsim_client.wire import new_id
from deepsim_server.recent import RecentReplies


def reply(request: str, size: int) -> Message:
    return Message("result", request, {}, (Frame("image", (1, size, 1), "uint8", bytes(size)),))


def test_an_answer_to_the_same_request_takes_the_place_of_the_one_before() -> None:
    recent, request = RecentReplies(max_bytes=100), new_id()
    for _ in range(9):
        recent.add(reply(request, 60))
    other = new_id()
    recent.add(reply(other, 40))
    assert recent.get(request) is not None
    assert recent.get(other) is not None
    recent.add(reply(new_id(), 40))
    assert recent.get(request) is None, "the oldest is forgotten first"
    assert recent.get(other) is not None
