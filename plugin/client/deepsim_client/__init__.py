"""Wire format and connection to the engine; standard library and pyzmq only.

client = EngineClient(Location.from_file())
rid = client.request("edges", {"method": "canny"}, [frame], on_reply=print)
client.poll()          # from a timer: never blocks
"""

from typing import TYPE_CHECKING, Any

from .location import Connection, Location, LocationError
from .wire import PROTOCOL, Frame, Message, WireError

if TYPE_CHECKING:
    from .client import EngineClient, Reply
    from .remote import Remote

__all__ = [
    "PROTOCOL",
    "Connection",
    "EngineClient",
    "Frame",
    "Location",
    "LocationError",
    "Message",
    "Remote",
    "Reply",
    "WireError",
]


def __getattr__(name: str) -> Any:
    """Import the client on first use (PEP 562): the wire format alone needs no pyzmq."""
    if name in ("EngineClient", "Reply"):
        from . import client  # noqa: PLC0415

        return getattr(client, name)
    if name == "Remote":
        from .remote import Remote  # noqa: PLC0415

        return Remote
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
