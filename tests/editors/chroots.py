"""A Krita of another Debian: it runs in a chroot, with the engine and the display of this machine.

A folder in the chroot's /tmp is a link in this machine's /tmp: its files have the same paths
on both sides. The chroot has no Python environment for the engine: there a small script asks
this side to start it, and lives as long as it does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

_ASKING = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    sys.exit(int(connection.recv(16) or b"1"))
"""


@contextlib.contextmanager
def shared_folder(chroot: Path | None) -> Iterator[Path]:
    """A new short folder that has the same path here and in the chroot (None: only here)."""
    if chroot is None:
        with tempfile.TemporaryDirectory(prefix="krita-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    inside = Path(tempfile.mkdtemp(prefix="krita-", dir=chroot / "tmp"))
    link = Path("/tmp", inside.name)  # noqa: S108  must be the path that the chroot has
    link.symlink_to(inside)
    try:
        yield link
    finally:
        link.unlink()
        shutil.rmtree(inside, ignore_errors=True)


class Starter:
    """Starts a command of this side for whoever runs `command` in the chroot.

    Args:
        folder: a shared folder.
        command: what to start, with its output added to the file `log`.
        environment: added to this process's own.
    """

    def __init__(
        self, folder: Path, command: Sequence[str], log: Path, environment: dict[str, str]
    ) -> None:
        self._command, self._log = list(command), log
        self._environment = {**os.environ, **environment}
        script, path = folder / "ask.py", str(folder / "start.sock")
        script.write_text(_ASKING)
        self.command = ["/usr/bin/python3", str(script), path]
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Starts nothing any more; what was started goes on."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._start, args=(connection,), daemon=True).start()

    def _start(self, connection: socket.socket) -> None:
        with connection, self._log.open("ab") as log:
            status = subprocess.call(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
            with contextlib.suppress(OSError):
                connection.sendall(str(abs(status)).encode())
