"""Where the engine listens: the loopback address, or another one that was asked for in words."""

import ipaddress
import socket
from dataclasses import dataclass

import zmq

from deepsim_engine.errors import InputError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """A numeric IP address and a port; 0 means any free port."""

    host: str = LOOPBACK
    port: int = 0

    @classmethod
    def checked(cls, host: str, port: int, remote: bool) -> "Address":
        """Raises InputError for a wrong address, and for one that others reach but `remote`."""
        try:
            found = ipaddress.ip_address(host)
        except ValueError:
            raise InputError(
                f"{host[:80]!r} is not a numeric IP address: give one, such as 192.168.1.20."
            ) from None
        if not found.is_loopback and not remote:
            raise InputError(
                f"At {host} other machines reach the engine: add --remote if that is wanted."
            )
        return cls(host, port)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def bind(self, router: "zmq.Socket[bytes]") -> int:
        """Bind and return the port. Raises InputError when that cannot be done."""
        router.ipv6 = ":" in self.host
        where = f"tcp://{self._quoted(self.host)}"
        try:
            if self.port == 0:
                return router.bind_to_random_port(where)
            router.bind(f"{where}:{self.port}")
        except zmq.ZMQError as error:
            raise InputError(
                f"The engine cannot listen at {self.host} port {self.port or 'any'}:"
                f" {error.strerror}."
            ) from None
        return self.port

    def here(self, port: int) -> str:
        """The endpoint for clients on this machine."""
        host = ipaddress.ip_address(self.host)
        if host.is_unspecified:
            return f"tcp://{LOOPBACK if host.version == 4 else '[::1]'}:{port}"
        return f"tcp://{self._quoted(self.host)}:{port}"

    def instructions(self, port: int, key: str) -> list[str]:
        """What to paste on another machine; `key` is the engine's public key, no secret."""
        anywhere = ipaddress.ip_address(self.host).is_unspecified
        host = socket.gethostname() if anywhere else self._quoted(self.host)
        return [
            "Other machines reach this engine. On each, run:",
            f"  deepsim engine connect tcp://{host}:{port} {key}",
            "and here the line that it prints, which lets that machine in.",
        ]

    @staticmethod
    def _quoted(host: str) -> str:
        return f"[{host}]" if ":" in host else host
