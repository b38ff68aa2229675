"""Puts the plugin together inside Krita: client, session, actions, docker, timers."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita

from . import vendoring
from .docker import DeepSimDocker, problem_content
from .extension import DeepSimExtension
from .guard import guarded
from .qt import QObject, QTimer

GROUP = "deepsim"
DOCKER_ID = "deepsim_docker"
BUSY_MS = 10
IDLE_MS = 150
OBSERVE_MS = 300
MESSAGE_MS = 5000


class Plugin(QObject):
    """Lives as long as Krita; owns what all windows share."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application
        self.problem = ""
        self.session: Any = None
        try:
            vendoring.activate()
        except vendoring.VendorError as e:
            self.problem = str(e)
        else:
            self._make_session()
        self.extension = DeepSimExtension(application, self._handlers())
        self._poll = self._timer(self._on_poll, IDLE_MS)
        self._observe = self._timer(self._on_observe, OBSERVE_MS)

    def register(self) -> None:
        """Adds actions and docker to Krita and starts working."""
        application = self._application
        application.addExtension(self.extension)
        factory = DockWidgetFactory(
            DOCKER_ID,
            DockWidgetFactoryBase.DockPosition.DockRight,
            lambda: DeepSimDocker(self._content()),
        )
        application.addDockWidgetFactory(factory)
        if self.session is not None:
            self._observe.start()
            self._poll.start()
            application.notifier().applicationClosing.connect(guarded(self._on_closing))

    def _content(self) -> Any:
        if self.session is None:
            return problem_content(self.problem)
        from .panel import Panel  # noqa: PLC0415  imports deepsim_client

        return Panel(self.session)

    def _make_session(self) -> None:
        # These import deepsim_client, which is on the path only now.
        from deepsim_client import EngineClient, Location, LocationError  # noqa: PLC0415
        from deepsim_client.location import process_alive  # noqa: PLC0415

        from .document import KritaEditor  # noqa: PLC0415
        from .session import Session  # noqa: PLC0415
        from .state import Settings  # noqa: PLC0415

        settings = Settings()
        with suppress(ValueError, AttributeError):  # broken settings are no reason not to start
            settings.update(json.loads(self._application.readSetting(GROUP, "settings", "{}")))
        settings.changed.connect(lambda _: self._save(settings))
        try:
            location = Location.from_file(vendoring.launch_file())
            running = location.read_connection()
        except LocationError as e:
            self.problem = str(e)
            return
        self.session = Session(KritaEditor(), EngineClient(location), settings)
        self.session.notified.connect(self._show_floating)
        if running is not None and process_alive(running.pid):
            # It may be training for an earlier Krita; one that is not running is not started.
            self.session.connect()

    def _save(self, settings: Any) -> None:
        self._application.writeSetting(GROUP, "settings", json.dumps(settings.to_dict()))

    def _handlers(self) -> Any:
        session = self.session
        if session is None:
            names = ("train", "apply", "edges", "segment", "cancel")
            return {f"deepsim_{name}": lambda: self._floating(self.problem) for name in names}
        return {
            "deepsim_train": session.train,
            "deepsim_apply": session.apply,
            "deepsim_edges": session.extract_edges,
            "deepsim_segment": session.segment,
            "deepsim_cancel": session.cancel,
        }

    def _timer(self, slot: Any, interval: int) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.timeout.connect(guarded(slot, self._report))
        return timer

    def _report(self, text: str) -> None:
        self._floating(text)

    def _on_poll(self) -> None:
        self.session.poll()
        interval = BUSY_MS if self.session.busy else IDLE_MS
        if self._poll.interval() != interval:
            self._poll.setInterval(interval)

    def _on_observe(self) -> None:
        self.session.observe()
        job = self.session.shown_job is not None
        self.extension.enable(document=self.session.active is not None, job=job)

    def _on_closing(self) -> None:
        self._poll.stop()
        self._observe.stop()
        self.session.close()

    def _show_floating(self, notice: Any) -> None:
        self._floating(notice.text)

    def _floating(self, text: str) -> None:
        """A sentence over the canvas, for those who work without the docker."""
        window: Any | None = self._application.activeWindow()
        view = window.activeView() if window is not None else None
        if view is not None and view.document() is not None:
            view.showFloatingMessage(
                text, Krita.instance().icon("dialog-information"), MESSAGE_MS, 1
            )
