"""Requests under way, without any engine."""

from __future__ import annotations

from deepsim_client.pending import Reply, Requests
from deepsim_client.wire import Message, decode, encode, new_id


def sent(requests: Requests) -> list[tuple[str, str]]:
    """What is to be sent now: ids and kinds."""
    messages = [decode([bytes(part) for part in parts]) for parts in requests.to_send()]
    return [(message.id, message.kind) for message in messages]


def test_where_replies_were_dropped_all_that_waits_is_asked_again_once() -> None:
    requests = Requests()
    kinds = ("apply", "status", "train", "shutdown", "edges")
    ids = {kind: new_id() for kind in kinds}
    for kind, id in ids.items():
        requests.add(id, kind, encode(Message(kind, id)), lambda _reply: None)
    assert len(sent(requests)) == len(kinds)
    requests.deliver(ids["status"], Reply("result", {}))
    requests.deliver(ids["train"], Reply("accepted", {}))
    later = new_id()
    requests.add(later, "snap", encode(Message("snap", later)), None)
    requests.ask_again()
    requests.ask_again()
    assert sorted(sent(requests)) == sorted(
        # A training that was accepted is followed again; an engine is not told to leave twice.
        [
            (later, "snap"),
            (ids["apply"], "apply"),
            (ids["train"], "attach"),
            (ids["edges"], "edges"),
        ]
    )
    assert sent(requests) == []
