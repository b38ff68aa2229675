"""A real Krita under a private Xvfb, with a private home, driven over a local socket.

It is this machine's Krita, or that of a chroot.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.editors.chroots import shared_folder
    from tests.editors.looks import Look
else:
    from chroots import shared_folder
    from looks import Look

BRIDGE = Path(__file__).parent / "bridge"
STRIPPED = ("PYTHON", "QT_", "XDG_", "KDE", "DEEPSIM_")


class KritaGoneError(RuntimeError):
    """Krita ended while a test still needed it."""


class KritaProcess:
    """One Krita; `start` it, `call` Python in it, press keys, look at it, `stop` it.

    Args:
        install: puts plugins into a resource folder and enables them in a folder's kritarc.
        environment: added to Krita's environment.
        look: how it looks; as the environment asks, unless told.
        chroot: where Krita is, if not on this machine itself.
    """

    def __init__(
        self,
        install: Callable[[Path, Path], None],
        environment: Mapping[str, str],
        start_timeout: float = 300,
        look: Look | None = None,
        chroot: Path | None = None,
    ) -> None:
        self._chroot = chroot
        self._shared = shared_folder(chroot)
        self.root = self._shared.__enter__()
        self._install = install
        self._start_timeout = start_timeout
        self.look = look or Look.wanted()
        self.home = self.root / "home"
        self.resources = self.home / ".local/share/krita"
        self.log = self.root / "krita.log"
        # Short, because the path of a Unix socket is limited to 107 bytes.
        self._run = self.root / "run"
        self._socket = str(self._run / "b.sock")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(STRIPPED)}
        self.env.update(
            HOME=str(self.home),
            XDG_DATA_HOME=str(self.home / ".local/share"),
            XDG_CONFIG_HOME=str(self.home / ".config"),
            XDG_CACHE_HOME=str(self.home / ".cache"),
            XDG_RUNTIME_DIR=str(self._run),
            LANG="C.UTF-8",
            KRITABRIDGE_SOCK=self._socket,
            PATH="/usr/bin:/bin:" + os.environ["PATH"],
            **self.look.environment,
            **environment,
        )
        self.xvfb: subprocess.Popen[bytes] | None = None
        self.krita: subprocess.Popen[bytes] | None = None
        self.startup = 0.0

    # ---- life

    def start(self) -> KritaProcess:
        """Installs the plugins into a fresh home and waits until Krita answers."""
        self._prepare()
        self._start_display()
        self.start_krita()
        return self

    def _prepare(self) -> None:
        config = self.home / ".config"
        for folder in (self.resources / "pykrita", self.resources / "actions", config, self._run):
            folder.mkdir(parents=True, exist_ok=True)
        self._run.chmod(0o700)
        shutil.copytree(BRIDGE, self.resources / "pykrita", dirs_exist_ok=True)
        lines = ["[python]", "enable_kritabridge=true", "[theme]", f"Theme={self.look.theme}"]
        (config / "kritarc").write_text("\n".join(lines) + "\n")
        self._install(self.resources, config)
        # Software OpenGL asserts in Krita; the plain canvas is faster here too.
        (config / "kritadisplayrc").write_text("[General]\nOpenGLRenderer=none\n")

    def _start_display(self) -> None:
        reader, writer = os.pipe()
        size = f"{1600 * self.look.scale}x{1000 * self.look.scale}x24"
        # -displayfd: a free display is picked; -noreset: without it one start in ten failed.
        self.xvfb = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", str(writer), "-screen", "0", size),
                # -ac: a chroot's user is nobody that this display knows.
                *("-nolisten", "tcp", "-noreset", *(["-ac"] if self._chroot else [])),
            ],
            pass_fds=[writer],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as file:
            self.env["DISPLAY"] = ":" + file.readline().strip()

    def start_krita(self) -> None:
        """Starts Krita (again) on the same display and home."""
        Path(self._socket).unlink(missing_ok=True)
        began = time.monotonic()
        with self.log.open("a") as log:
            self.krita = subprocess.Popen(
                [
                    *(["/usr/sbin/chroot", str(self._chroot)] if self._chroot else []),
                    "krita",
                    "--nosplash",
                ],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while time.monotonic() - began < self._start_timeout:
            if self.krita.poll() is not None:
                raise KritaGoneError(
                    f"krita ended ({self.krita.returncode}) at start:\n{self.tail()}"
                )
            if Path(self._socket).exists():
                try:
                    self.call("result = 1")
                except (OSError, KritaGoneError):
                    pass
                else:
                    self.startup = time.monotonic() - began
                    return
            time.sleep(0.1)
        raise TimeoutError("krita did not come up:\n" + self.tail())

    def set_up(self) -> None:
        """Fills the screen, gives the docker room, and names what the tests use in Krita."""
        self.call("""
import deepsim_krita
k = Krita.instance(); plugin = deepsim_krita.running; S = plugin.session; studio = plugin.studio
W = k.activeWindow().qwindow(); W.showNormal(); W.setGeometry(0, 0, 1600, 1000)
docks = {d.objectName(): d for d in k.dockers()}
for name in ("ColorSelectorNg", "PresetDocker", "sharedtooldocker"):
    if name in docks: docks[name].hide()
D, L = docks["deepsim_docker"], docks["KisLayerBox"]
D.show()
def child(name): return W.findChild(QWidget, name)""")
        self.wait("W.width() == 1600")
        self.call(f"W.resizeDocks([D], [{self.look.width}], Qt.Orientation.Horizontal)")
        self.call("W.resizeDocks([L, D], [230, 650], Qt.Orientation.Vertical)")

    def settle(self) -> None:
        """Ends what the plugin does and closes all documents."""
        self.call("for job in list(S.jobs): S.stop(job)")
        self.wait("not S.jobs", timeout=60)
        self.close_documents()
        self.wait("S.active is None")

    @property
    def version(self) -> tuple[int, ...]:
        """Krita's version, such as (5, 2)."""
        text = self.call("result = Krita.instance().version()")
        return tuple(int(part) for part in text.split(".")[:2])

    @property
    def alive(self) -> bool:
        """Whether Krita runs."""
        return self.krita is not None and self.krita.poll() is None

    def quit_krita(self) -> int | None:
        """Closes Krita as a person would; kills it when it does not go. Its exit status."""
        if self.krita is None or self.krita.poll() is not None:
            return None if self.krita is None else self.krita.returncode
        try:
            self.close_documents()
            self.call("QTimer.singleShot(0, Krita.instance().activeWindow().qwindow().close)")
            self.krita.wait(60)
        except (OSError, KritaGoneError, AssertionError, subprocess.TimeoutExpired):
            os.killpg(self.krita.pid, signal.SIGKILL)
            self.krita.wait()
        return self.krita.returncode

    def stop(self) -> None:
        """Ends Krita and the display, and removes the home."""
        self.quit_krita()
        if self.xvfb is not None:
            self.xvfb.terminate()
            self.xvfb.wait()
        self._shared.__exit__(None, None, None)

    def tail(self, length: int = 3000) -> str:
        """The end of what Krita wrote."""
        return self.log.read_text(errors="replace")[-length:] if self.log.exists() else ""

    # ---- driving

    def call(self, code: str, timeout: float = 60) -> Any:
        """Runs code in Krita's GUI thread and returns what it put into `result`."""
        answer = b""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(self._socket)
                connection.sendall((json.dumps({"code": code}) + "\n").encode())
                while not answer.endswith(b"\n"):
                    chunk = connection.recv(1 << 20)
                    if not chunk:
                        raise ConnectionResetError
                    answer += chunk
            except ConnectionError:
                status = self.krita.poll() if self.krita else None
                raise KritaGoneError(
                    f"krita died ({status}) running:\n{code}\n{self.tail()}"
                ) from None
        message = json.loads(answer)
        if not message["ok"]:
            raise AssertionError(message["error"])
        return message["result"]

    def wait(self, expression: str, timeout: float = 60, every: float = 0.05) -> Any:
        """Waits until an expression is true in Krita, whose event loop runs in between."""
        began = time.monotonic()
        while True:
            value = self.call("result = " + expression)
            if value:
                return value
            if time.monotonic() - began > timeout:
                raise AssertionError(f"never true: {expression} (last {value!r})")
            time.sleep(every)

    def xdo(self, *arguments: object) -> None:
        """Runs xdotool on Krita's display."""
        subprocess.run(["xdotool", *map(str, arguments)], env=self.env, check=True)

    def focus(self) -> None:
        """Gives Krita's window the keyboard; there is no window manager to do so."""
        code = "result = int(Krita.instance().activeWindow().qwindow().winId())"
        self.xdo("windowfocus", self.call(code))
        time.sleep(0.2)

    def click(self, x: int, y: int) -> None:
        """Clicks with the left mouse button, at a place as Qt counts."""
        self.xdo("mousemove", x * self.look.scale, y * self.look.scale, "click", 1)

    def click_menu(self, *texts: str) -> None:
        """Opens a menu of the menu bar and clicks through to an entry, with the real mouse."""
        x, y = self.call(f"""
bar = Krita.instance().activeWindow().qwindow().menuBar()
menu_action = next(a for a in bar.actions() if a.text().replace("&", "") == {texts[0]!r})
p = bar.mapToGlobal(bar.actionGeometry(menu_action).center()); result = [p.x(), p.y()]""")
        self.click(x, y)
        for text in texts[1:]:
            self.wait("menu_action.menu().isVisible()")
            x, y = self.call(f"""
menu = menu_action.menu()
menu_action = next(a for a in menu.actions() if a.text().replace("&", "") == {text!r})
p = menu.mapToGlobal(menu.actionGeometry(menu_action).center()); result = [p.x(), p.y()]""")
            self.click(x, y)

    def press(self, keys: str) -> None:
        """Presses a key combination, such as ctrl+alt+shift+a."""
        self.focus()
        self.xdo("key", keys)

    def screenshot(self, path: Path) -> None:
        """Writes the whole display as a picture."""
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["import", "-window", "root", str(path)], env=self.env, check=True)

    def close_documents(self) -> None:
        """Closes all documents without asking, as late after the last change as a person would.

        Krita collects changes of layers and selections for 0.1 s before its layer docker shows
        them (KisNodeModel::processUpdateQueue), and dies when the document is gone by then.
        """
        if not self.call("result = len(Krita.instance().documents())"):
            return
        # A busy Krita first hears of changes that are done; its 0.1 s begin after that.
        self.call(
            "for d in Krita.instance().documents(): d.waitForDone()\n"
            "calm, again = [], lambda: QTimer.singleShot(150, lambda: calm.append(True))\n"
            "QTimer.singleShot(50, again)"
        )
        self.wait("calm")
        self.call(
            "for d in Krita.instance().documents():\n"
            "    d.waitForDone(); d.setModified(False); d.close()"
        )
