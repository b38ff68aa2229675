"""Settings that concern the engine: where it is, what it computes on, how long it waits."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Callable, Union

from deepsim_client import Location, LocationError, Remote
from deepsim_client.location import REMOTE_NAME
from deepsim_client.remote import set_up

from ..session import Client, Session
from ..settings import Settings
from ..state import Notice
from ..text import _

Place = Union[Location, Remote]


def place_of(location: Location, settings: Settings) -> Place:
    """The engine to use: the remote one that was set up, else this machine's.

    Raises:
        LocationError: the file that says where the remote engine is cannot be used.
    """
    remote = Remote.configured(location.data)
    if remote is not None:
        return remote
    if not settings.idle_minutes:
        return location
    idle = ("--idle-seconds", str(60 * settings.idle_minutes))
    return replace(location, command=(*location.command, *idle))


class Configuring:
    """Changes the engine that the plugin talks to.

    `connect` makes the client for a place.
    """

    def __init__(
        self, session: Session, location: Location, connect: Callable[[Place], Client]
    ) -> None:
        self._session = session
        self._location = location
        self._connect = connect

    @property
    def data(self) -> Path:
        """The folder with models, trainings and logs on this machine."""
        return self._location.data

    @property
    def remote(self) -> Remote | None:
        """The remote engine in use, or None."""
        try:
            return Remote.configured(self.data)
        except LocationError:
            return None

    def use_remote(self, endpoint: str, key: str) -> str:
        """Uses an engine on another machine; returns the line to run there, "" if refused."""
        try:
            _remote, public = set_up(self.data, endpoint.strip(), key.strip())
        except (LocationError, OSError) as e:
            self._session.say(Notice("error", str(e), "settings"))
            return ""
        self.apply()
        return f"deepsim engine keys add krita {public}"

    def use_local(self) -> None:
        """Uses this machine's engine again."""
        try:
            with suppress(FileNotFoundError):
                (self.data / REMOTE_NAME).unlink()
        except OSError as e:
            self._session.say(Notice("error", str(e), "settings"))
            return
        self.apply()

    def apply(self) -> None:
        """Connects anew, with the settings as they are now."""
        try:
            place = place_of(self._location, self._session.settings)
        except LocationError as e:
            self._session.say(Notice("error", str(e), "settings"))
            return
        # Said first: what becomes of jobs that are under way matters more.
        self._session.say(Notice("info", _("The settings of the engine were changed.")))
        self._session.use_client(self._connect(place))
        self._session.connect()
