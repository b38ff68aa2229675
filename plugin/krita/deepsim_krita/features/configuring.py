"""Settings that concern the engine: where it is, how long it waits, where it keeps things."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Callable, Union

from deepsim_client import Location, LocationError, Remote
from deepsim_client.location import REMOTE_NAME
from deepsim_client.remote import set_up
from deepsim_client.storage import keep_in, storage_of

from ..session import Client, RefusalError, Session
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
        """The folder of this machine's engine, with its keys and logs."""
        return self._location.data

    @property
    def storage(self) -> Path:
        """The folder with models and trainings on this machine."""
        try:
            return storage_of(self.data)
        except LocationError:  # the engine, which does not start with it, says so
            return self.data

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

    def keep_in(self, folder: Path) -> None:
        """Has this machine's engine keep models and trainings in a folder; what is made stays."""
        session, earlier = self._session, self.storage
        try:
            self._check(folder)
            keep_in(self.data, folder)
        except RefusalError as e:
            session.say(Notice("warning", str(e), e.mend))
            return
        except OSError as e:
            text = _("Nothing can be kept in {folder}: {error}").format(folder=folder, error=e)
            session.say(Notice("error", text, "settings"))
            return
        text = _("Models and trainings are kept in {folder} from now on.").format(folder=folder)
        if folder != earlier:
            text += " " + _("Those made so far stay in {folder}.").format(folder=earlier)
        session.say(Notice("good", text))
        session.change_models()

    def _check(self, folder: Path) -> None:
        """Raises RefusalError or OSError when things cannot be kept in that folder from now on."""
        if self.remote is not None:
            raise RefusalError(_("The engine that is used is on another computer."), "settings")
        if self._session.jobs:
            # It would begin anew in the other folder.
            raise RefusalError(_("Let what is under way end first, or cancel it."), "cancel")
        with TemporaryFile(dir=str(folder)):
            pass

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
