"""What a person does in Krita, for the tests of the flows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from deepsim_client import EngineClient, Location
from PIL import Image

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, Pixels, Shape, photo, segments
    from tests.editors.windows import AtWindows
else:
    from pictures import SIZE, Pixels, Shape, photo, segments
    from windows import AtWindows

WIDTH, HEIGHT = SIZE
CANVAS_CHANGES = {
    "mirrored": "k.action('mirrorImageHorizontal').trigger()",
    "turned": "k.action('rotateImageCW90').trigger()",
    "turned upside down": "k.action('rotateImage180').trigger()",
    "scaled": "doc.scaleImage(doc.width() // 2, doc.height() // 2, 72, 72, 'Box')",
    "cropped": "doc.crop(20, 10, 100, 80)",
    "made larger": "doc.resizeImage(-10, -20, doc.width() + 30, doc.height() + 30)",
}
"""What a person does to the canvas, as code in Krita."""
FIRST_START = 180
"""Seconds that an engine may take to start and to take up work, on a busy machine."""


class Artist(AtWindows):
    """What a person does in Krita, with real files, keys and clicks where it matters."""

    def __init__(self, krita: KritaProcess, folder: Path, launch: Path) -> None:
        super().__init__(krita)
        self.folder, self.location = folder, Location.from_file(launch)
        self._count = 0

    # ---- pixels

    def raw(self, pixels: Pixels) -> str:
        """Writes an RGBA picture as Krita's B, G, R, A bytes and returns the file's path."""
        self._count += 1
        path = self.folder / f"{self._count}.raw"
        path.write_bytes(np.ascontiguousarray(pixels[..., [2, 1, 0, 3]]).tobytes())
        return str(path)

    def open_photo(self, name: str = "coffee") -> None:
        """Opens the photo as a document of its own."""
        path = self.folder / f"{name}.png"
        Image.fromarray(photo()).save(path)
        self.krita.call(f"""
doc = k.openDocument({str(path)!r}); k.activeWindow().addView(doc); doc.waitForDone()
names = lambda: [n.name() for n in doc.topLevelNodes() if n.type() != "selectionmask"]
node = lambda name: next(n for n in doc.topLevelNodes() if n.name() == name)""")
        self.krita.wait("S.active is not None")

    def add_layer(self, name: str, pixels: Pixels, size: tuple[int, int] = SIZE) -> None:
        """Puts a painted layer on top."""
        self.krita.call(f"""
n = doc.createNode({name!r}, "paintlayer")
n.setPixelData(open({self.raw(pixels)!r}, "rb").read(), 0, 0, {size[0]}, {size[1]})
doc.rootNode().addChildNode(n, None); doc.refreshProjection(); doc.waitForDone()""")

    def repaint(self, name: str, pixels: Pixels) -> None:
        """Paints over a layer and leaves it active, as it is after drawing."""
        self.krita.call(f"""
n = node({name!r})
n.setPixelData(open({self.raw(pixels)!r}, "rb").read(), 0, 0, {WIDTH}, {HEIGHT})
doc.refreshProjection(); doc.waitForDone()""")
        self.select(name)

    def select(self, name: str) -> None:
        """Makes a layer active."""
        self.krita.call(f"doc.setActiveNode(node({name!r})); doc.waitForDone()")
        self.krita.wait(f"doc.activeNode().name() == {name!r}")
        self.krita.wait(f"S.active.active == node({name!r}).uniqueId().toString()")

    def pixels(self, name: str) -> Pixels:
        """A layer over the canvas as 8-bit sRGB, (height, width, 4)."""
        path = self.folder / "read.raw"
        self.krita.call(f"""
from deepsim_krita.application import KritaEditor
p = KritaEditor().active().read(node({name!r}).uniqueId().toString())
f = open({str(path)!r}, "wb"); f.write(p.rgba); f.close()""")
        height, width = self.krita.call("result = [p.height, p.width]")
        return np.frombuffer(path.read_bytes(), np.uint8).reshape(height, width, 4)

    def canvas(self) -> Pixels:
        """What all layers show together in a document of 8-bit sRGB, (height, width, 4)."""
        path = self.folder / "canvas.raw"
        self.krita.call(f"""
f = open({str(path)!r}, "wb")
f.write(doc.pixelData(0, 0, doc.width(), doc.height()).data()); f.close()""")
        height, width = self.krita.call("result = [doc.height(), doc.width()]")
        raw = np.frombuffer(path.read_bytes(), np.uint8).reshape(height, width, 4)
        return raw[..., [2, 1, 0, 3]]

    # ---- the selection

    def select_part(self, box: tuple[int, int, int, int], feather: int = 0) -> Pixels:
        """Selects a rectangle (left, top, width, height) with a soft border of that many pixels.

        Gives the selection's values over the canvas, (height, width).
        """
        path = self.folder / "selection.raw"
        # In a function: Krita dies when a document closes whose selection Python still holds.
        self.krita.call(f"""
from krita import Selection
def select_part():
    made = Selection(); made.select({", ".join(map(str, box))}, 255)
    if {feather}: made.feather({feather})
    doc.setSelection(made); doc.waitForDone()
    f = open({str(path)!r}, "wb")
    f.write(doc.selection().pixelData(0, 0, doc.width(), doc.height()).data()); f.close()
select_part()""")
        self.krita.wait("S.active.selected is not None")
        height, width = self.krita.call("result = [doc.height(), doc.width()]")
        return np.frombuffer(path.read_bytes(), np.uint8).reshape(height, width)

    def deselect(self) -> None:
        """Selects nothing any more."""
        self.krita.call("doc.setSelection(None); doc.waitForDone()")
        self.krita.wait("S.active.selected is None")

    # ---- the docker

    def set_seconds(self, seconds: int) -> None:
        """Types the training time into the docker."""
        self.krita.call(f"child('deepsim_seconds').setValue({seconds})")

    @property
    def said(self) -> str:
        """The docker's message."""
        return str(self.krita.call("result = child('deepsim_message').text()"))

    def emphasised(self) -> list[str]:
        """The buttons that catch the eye, by name; only those that are in sight."""
        found = self.krita.call("""
from deepsim_krita.qt import QPushButton
result = [b.objectName() for b in D.findChildren(QPushButton)
          if b.property("emphasised") and b.isVisibleTo(D)]""")
        return list(found)

    def wait_said(self, *parts: str, timeout: float = 60) -> str:
        """Waits for a message that has one of the parts in it."""
        condition = " or ".join(f"{part!r} in child('deepsim_message').text()" for part in parts)
        self.krita.wait(condition, timeout, every=0.2)
        return self.said

    def train(self, seconds: int) -> None:
        """Starts training from the menu and waits until steps are done."""
        self.set_seconds(seconds)
        self.krita.click_menu("Tools", "DeepSIM", "Train on Layer")
        self.wait_steps()

    def train_through(self, seconds: int) -> None:
        """Trains from the menu to the end."""
        self.set_seconds(seconds)
        self.krita.click_menu("Tools", "DeepSIM", "Train on Layer")
        self.wait_said("is trained", timeout=FIRST_START + seconds)

    def train_instantly(self) -> None:
        """Trains with the preset that needs no training."""
        self.krita.call("preset, S.settings.preset = S.settings.preset, 'instant'")
        # What an earlier training said is not to be taken for what this one says.
        self.krita.call("S.active.notice = None; k.action('deepsim_train').trigger()")
        self.wait_said("is trained", timeout=FIRST_START)
        self.krita.call("S.settings.preset = preset")

    def wait_steps(self) -> None:
        """Waits until the running training has done some steps."""
        expression = "S.shown_job is None or S.shown_job.progress.step > 0"
        self.krita.wait(expression, FIRST_START, every=0.1)
        assert self.krita.call("result = S.shown_job is not None"), self.said

    def wait_idle(self, timeout: float = 180) -> None:
        """Waits until no job runs."""
        self.krita.wait("not S.jobs", timeout, every=0.2)

    def apply(self) -> None:
        """Applies by the shortcut and waits for the new layer."""
        before = self.krita.call("result = len(names())")
        self.krita.press("ctrl+alt+shift+a")
        self.krita.wait(
            f"len(names()) == {before + 1} or 'error' == S.active.notice.level "
            "if S.active.notice else False",
            FIRST_START,
            every=0.1,
        )
        assert self.krita.call("result = len(names())") == before + 1, self.said

    def train_and_edit(self, *edit: Shape) -> None:
        """Draws the segments of the photo in front, trains on them, and paints a shape over."""
        self.add_layer("Segments", segments())
        self.select("Background")
        self.train_instantly()
        self.repaint("Segments", segments(*edit))

    def begin_live(self) -> None:
        """Turns Live on by its shortcut and waits for the preview."""
        self.krita.press("ctrl+alt+shift+l")
        self.krita.wait("'Live' in names() and S.active.shown > 0", FIRST_START)
        self.krita.wait("not S.steps.busy")

    def follow_live(self, name: str, *edit: Shape) -> None:
        """Opens the photo, trains, edits the drawing, and turns Live on."""
        self.open_photo(name)
        self.train_and_edit(*edit)
        self.begin_live()

    def once_applied(self, change: str) -> None:
        """Has something done as soon as the engine is asked to apply, before it can answer.

        Then `changed`, in Krita, holds the number that the next preview will have.
        """
        self.krita.call(f"""
changed, client = [], S._client
def ask(kind, *request, **more):
    if kind == "apply":
        del client.request
        QTimer.singleShot(0, lambda: [{change}, changed.append(S.active.shown + 1)])
    return type(client).request(client, kind, *request, **more)
client.request = ask""")

    # ---- the pen

    def take_pen(self) -> None:
        """Takes a tablet's pen in hand, whose events come to the window as the system's do.

        In Krita, `pen(kind, x, y)` makes one, at so many pixels from the middle of the canvas.
        """
        self.krita.call("""
try:
    from PyQt5.QtCore import QEvent, QPoint, QPointF
    from PyQt5.QtGui import QTabletEvent
    PEN = (QTabletEvent.TabletDevice.Stylus, QTabletEvent.PointerType.Pen)
    AFTER, SERIAL = (Qt.KeyboardModifier.NoModifier,), (7,)
except ImportError:
    from PyQt6.QtCore import QEvent, QPoint, QPointF
    from PyQt6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
    PEN = (QPointingDevice("pen", 7, QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 1),)
    AFTER, SERIAL = (Qt.KeyboardModifier.NoModifier,), ()
canvas = next(w for w in QApplication.allWidgets() if w.isVisible()
    and w.metaObject().className() in ("KisQPainterCanvas", "KisOpenGLCanvas2"))
def pen(kind, x, y):
    place = canvas.mapToGlobal(canvas.rect().center() + QPoint(x, y))
    down = kind in ("Press", "Move")
    button = Qt.MouseButton.NoButton if kind in ("Move", "Hover") else Qt.MouseButton.LeftButton
    buttons = Qt.MouseButton.LeftButton if down else Qt.MouseButton.NoButton
    event = QTabletEvent(getattr(QEvent.Type, "Tablet" + kind.replace("Hover", "Move")), *(
        *(PEN if not SERIAL else ()), QPointF(W.windowHandle().mapFromGlobal(place)),
        QPointF(place), *(PEN if SERIAL else ()), 0.8 if down else 0.0, 0, 0, 0.0, 0.0, 0,
        *AFTER, *SERIAL, button, buttons))
    QApplication.sendEvent(W.windowHandle(), event)""")

    # ---- the engine

    def remove_model(self, model: str) -> None:
        """Has somebody else, such as the command line, remove a model that documents use."""
        client = EngineClient(self.location, start_engine=False)
        try:
            body = {"action": "remove", "model": model, "force": True}
            reply = client.wait(client.request("models", body), 60)
            assert reply.kind == "result", reply.body
        finally:
            client.close()

    def engine(self) -> psutil.Process:
        """The engine's process."""
        found = self.location.read_connection()
        assert found is not None
        return psutil.Process(found.pid)

    @contextmanager
    def another_engine(self) -> Iterator[psutil.Process]:
        """Gives the engine, which is to leave in the block, and waits for the next to be ready."""
        old = self.engine()
        # Noted inside Krita: it may come again sooner than a test looks twice.
        self.krita.call(
            "seen = []; note = lambda *_: seen.append(S.engine.state); "
            "S.engine.changed.connect(note)"
        )
        yield old
        self.krita.wait("any(state != 'ready' for state in seen)")
        self.krita.wait("S.engine.state == 'ready'", FIRST_START)
        self.krita.call("S.engine.changed.disconnect(note)")
        assert self.engine().pid != old.pid


def differs(a: Pixels, b: Pixels) -> Any:
    """How far two pictures are apart at each pixel, (height, width), 0 to 255."""
    return np.abs(a[..., :3].astype(int) - b[..., :3].astype(int)).max(axis=2)
