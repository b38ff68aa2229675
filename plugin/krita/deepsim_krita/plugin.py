"""The plugin inside Krita: what loads it, its actions and docker, the timers that drive it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Sequence

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from . import vendoring
from .actions import Action
from .docker import DeepSimDocker, ProblemContent
from .extension import DeepSimExtension
from .guard import guarded
from .qt import QLocale, QObject, QTimer, sip
from .saving import SavingWatch
from .text import _, language

GROUP = "deepsim"
DOCKER_ID = "deepsim_docker"
BUSY_MS = 5
IDLE_MS = 150
OBSERVE_MS = 300
LIVE_MS = 10
MESSAGE_MS = 5000


class ProblemError(Exception):
    """The plugin cannot work; one sentence that says why and what to do."""


class Plugin(QObject):
    """Lives as long as Krita; owns what all windows share."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application
        self._dockers: list[DeepSimDocker] = []
        self._windows: dict[Any, Any] = {}
        self.problem = ""
        self.studio: Any = None
        language.choose(list(QLocale().uiLanguages()))
        self.extension = DeepSimExtension(application, self._actions)
        self._poll = self._timer(self._on_poll, IDLE_MS)
        self._send = self._timer(self._on_poll, 0)
        self._send.setSingleShot(True)
        self._observe = self._timer(self._on_observe, OBSERVE_MS)
        self._steps = self._timer(self._on_steps, 0)
        self._live = self._timer(self._on_live, LIVE_MS)
        self._saving = SavingWatch(guarded(self._about_to_save, self._floating), self)
        self._load()

    @property
    def session(self) -> Any:
        """The core, None while the plugin cannot work."""
        return None if self.studio is None else self.studio.session

    def register(self) -> None:
        """Adds actions and docker to Krita."""
        application = self._application
        application.addExtension(self.extension)
        factory = DockWidgetFactory(
            DOCKER_ID, DockWidgetFactoryBase.DockPosition.DockRight, self._make_docker
        )
        application.addDockWidgetFactory(factory)
        application.notifier().applicationClosing.connect(guarded(self._on_closing))

    def retry(self) -> None:
        """Tries again to load what could not be loaded."""
        if self.studio is None:
            self._load()
        if self.studio is not None:
            # The menu has only Retry as yet.
            for window in self._application.windows():
                self.extension.add_actions(window)
        self._dockers = [docker for docker in self._dockers if not sip.isdeleted(docker)]
        for docker in self._dockers:
            docker.show_content(self._content())

    # ---- loading

    def _load(self) -> None:
        try:
            self.studio = self._make_studio()
        except ProblemError as e:
            self.problem = str(e)
            return
        self.problem = ""
        self.session.notified.connect(lambda notice: self._floating(notice.text))
        self.session.steps.begun.connect(self._steps.start)
        self.session.asked.connect(self._on_asked)
        self.session.changed.connect(lambda _: self._follow_brush())
        self.studio.show_library.connect(self._show_library)
        self.studio.show_settings.connect(self._show_settings)
        self._observe.start()
        self._poll.start()

    def _make_studio(self) -> Any:
        try:
            vendoring.activate()
        except vendoring.VendorError as e:
            raise ProblemError(str(e)) from e
        # These import deepsim_client, which is on the path only now.
        from deepsim_client import EngineClient, Location, LocationError  # noqa: PLC0415
        from deepsim_client.location import process_alive  # noqa: PLC0415

        from .application import KritaEditor  # noqa: PLC0415
        from .settings import Settings  # noqa: PLC0415
        from .studio import Studio  # noqa: PLC0415

        try:
            location = Location.from_file(vendoring.launch_file())
            running = location.read_connection()
        except LocationError as e:
            raise ProblemError(_("DeepSIM cannot start: {error}").format(error=e)) from e
        settings = Settings()
        with suppress(ValueError, AttributeError):  # broken settings are no reason not to start
            settings.update(json.loads(self._application.readSetting(GROUP, "settings", "{}")))
        settings.changed.connect(lambda name: self._save(settings))
        try:
            studio = Studio(KritaEditor(), settings, location, EngineClient)
        except LocationError as e:
            raise ProblemError(_("DeepSIM cannot start: {error}").format(error=e)) from e
        if running is not None and process_alive(running.pid):
            # It may be training for an earlier Krita; one that is not running is not started.
            studio.session.connect()
        return studio

    def _save(self, settings: Any) -> None:
        self._application.writeSetting(GROUP, "settings", json.dumps(settings.to_dict()))

    # ---- what Krita asks for

    def _actions(self) -> Sequence[Action]:
        if self.studio is not None:
            return list(self.studio.actions.values())
        tip = _("Try to load the plugin again")
        run = guarded(self._retry_and_say, self._floating)
        return [Action("retry", _("Retry"), tip, run, lambda: True)]

    def _retry_and_say(self) -> None:
        self.retry()
        if self.studio is None:
            self._floating(self.problem)

    def _make_docker(self) -> DeepSimDocker:
        docker = DeepSimDocker(self._content())
        self._dockers.append(docker)
        return docker

    def _content(self) -> Any:
        if self.studio is None:
            return ProblemContent(self.problem, self.retry)
        from .panel import Panel  # noqa: PLC0415  imports deepsim_client

        return Panel(self.studio)

    # ---- timers

    def _timer(self, slot: Any, interval: int) -> Any:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.timeout.connect(guarded(slot, self._floating))
        return timer

    def _on_poll(self) -> None:
        self.session.poll()
        interval = BUSY_MS if self.session.busy else IDLE_MS
        if self._poll.interval() != interval:
            self._poll.setInterval(interval)

    def _on_asked(self) -> None:
        self._send.start()  # else the question would wait for a turn of the timer

    def _on_observe(self) -> None:
        self.session.editor.watch_pen()  # another window may have come to the front
        self.studio.observe()
        self.extension.show_enabled()
        if self.studio.live.on:
            self._saving.watch_new(self._application)  # another may have come to the front

    def _show_library(self) -> None:
        from .panel.library import LibraryWindow  # noqa: PLC0415  imports deepsim_client

        self._open(LibraryWindow)

    def _show_settings(self) -> None:
        from .panel.settings import SettingsWindow  # noqa: PLC0415  imports deepsim_client

        self._open(SettingsWindow)

    def _open(self, kind: Any) -> None:
        """Shows a window of this kind, the one that is open where there is one."""
        window = self._windows.get(kind)
        if window is None or sip.isdeleted(window) or not window.isVisible():
            window = self._windows[kind] = kind(self.studio, self._window())
        window.show()
        window.raise_()
        window.activateWindow()

    def _window(self) -> Any:
        window = self._application.activeWindow()
        return None if window is None else window.qwindow()

    def _follow_brush(self) -> None:
        if self.studio.live.on and not self._live.isActive():
            self._saving.watch(self._application)
            self._live.start()

    def _on_live(self) -> None:
        if self.studio.live.on:
            self.studio.live.look()
        else:
            self._live.stop()

    def _about_to_save(self) -> None:
        if self.studio is not None:
            self.studio.live.put_away()

    def _on_steps(self) -> None:
        if not self.session.steps.go_on():
            self._steps.stop()

    def _on_closing(self) -> None:
        for timer in (self._poll, self._send, self._observe, self._steps, self._live):
            timer.stop()
        if self.studio is not None:
            self.session.close()

    def _floating(self, text: str) -> None:
        """A sentence over the canvas, for those who work without the docker."""
        window: Any | None = self._application.activeWindow()
        view = window.activeView() if window is not None else None
        if view is not None and view.document() is not None:
            view.showFloatingMessage(
                text, Krita.instance().icon("dialog-information"), MESSAGE_MS, 1
            )
