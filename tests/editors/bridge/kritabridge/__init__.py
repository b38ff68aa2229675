"""Test-only bridge: runs Python that comes over a local socket in Krita's GUI thread.

Each line is a JSON object {"code": ...}; what the code leaves in `result` is sent back. It listens
only when KRITABRIDGE_SOCK is set.
"""

import json
import os
import sys
import traceback
from typing import Any

from krita import Extension, Krita

try:
    from PyQt5.QtCore import Qt, QTimer
    from PyQt5.QtNetwork import QLocalServer
    from PyQt5.QtWidgets import QApplication, QWidget
except ImportError:
    from PyQt6.QtCore import Qt, QTimer
    from PyQt6.QtNetwork import QLocalServer
    from PyQt6.QtWidgets import QApplication, QWidget

from .watchdog import Watchdog

SOCK = os.environ.get("KRITABRIDGE_SOCK")
NAMES: dict[str, Any] = {
    "Krita": Krita,
    "Qt": Qt,
    "QTimer": QTimer,
    "QWidget": QWidget,
    "QApplication": QApplication,
    "ERRORS": [],
    "WATCHDOG": Watchdog(QTimer),
}


class Bridge(Extension):
    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.server: Any = None
        self.buffers: dict[int, list[Any]] = {}

    def setup(self) -> None:
        pass

    def createActions(self, window: Any) -> None:  # noqa: N802
        if SOCK and self.server is None:
            # From the event loop: only then the main window is really up.
            QTimer.singleShot(0, self.start)

    def start(self) -> None:
        if self.server is not None:
            return

        def hook(*error: Any) -> None:
            # Krita's own hook opens a modal dialog, at which a test would hang.
            NAMES["ERRORS"].append("".join(traceback.format_exception(*error)))
            traceback.print_exception(*error)

        sys.excepthook = hook
        QLocalServer.removeServer(SOCK)
        self.server = QLocalServer()
        self.server.newConnection.connect(self.on_new)
        self.server.listen(SOCK)

    def on_new(self) -> None:
        connection = self.server.nextPendingConnection()
        self.buffers[id(connection)] = [connection, b""]
        connection.readyRead.connect(lambda: self.on_data(connection))
        connection.disconnected.connect(lambda: self.buffers.pop(id(connection), None))

    def on_data(self, connection: Any) -> None:
        record = self.buffers[id(connection)]
        record[1] += bytes(connection.readAll())
        while b"\n" in record[1]:
            line, record[1] = record[1].split(b"\n", 1)
            connection.write((json.dumps(self.run(json.loads(line))) + "\n").encode())
            connection.flush()

    def run(self, message: dict[str, str]) -> dict[str, Any]:
        NAMES["result"] = None
        try:
            exec(compile(message["code"], "<bridge>", "exec"), NAMES)
            json.dumps(NAMES["result"])
            return {"ok": True, "result": NAMES["result"]}
        except BaseException:  # noqa: BLE001  whatever the test's code does is the test's answer
            return {"ok": False, "error": traceback.format_exc()}


Krita.instance().addExtension(Bridge(Krita.instance()))
