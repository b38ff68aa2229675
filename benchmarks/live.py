"""How long from the end of a stroke to Live's preview, in a real Krita with a real engine?

    python benchmarks/live.py                          # 512 px, ten strokes
    python benchmarks/live.py --side 4096 --strokes 5

It needs what the tests in Krita need (krita, Xvfb, xdotool, ImageMagick). The picture is
scikit-image's astronaut, the drawing its segments, painted on with Krita's own brush by a mouse
that is moved on the display. Printed for each stroke, in milliseconds from the mouse button's
release: when the plugin began to read the drawing, when it had read it, when the engine's answer
was there, and when Krita had the preview in its picture; and the processor time that the engine and
Krita took for it, which says more on a busy machine. Everything runs on the same processor cores:
Krita, the engine, and the display in software.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from deepsim_client import Location
from PIL import Image
from skimage import data

import deepsim_engine as ds
from installer.console import Console
from installer.pip import Pip
from installer.wheels import fetch_pyzmq
from tests.editors import conftest as _paths  # noqa: F401  the helpers' folder joins the path

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START
    from tests.editors.installed import engine_in, krita_with_plugin
    from tests.editors.krita_harness import KritaProcess
else:
    from artist import FIRST_START
    from installed import engine_in, krita_with_plugin

MARKED = ("looked", "read", "answered", "shown")
COLUMNS = (*MARKED, "engine", "krita")
REACH = 5
"""How far from the middle of the canvas a stroke begins at most, in pixels of the display: each is
over the one before, in the other colour, so that the edit changes and stays as large as it is."""
PATIENCE = 120
"""Seconds that one preview may take."""

OPEN = """
doc = k.openDocument({path!r}); k.activeWindow().addView(doc); doc.waitForDone()
n = doc.createNode("Segments", "paintlayer")
n.setPixelData(open({drawing!r}, "rb").read(), 0, 0, {side}, {side})
doc.rootNode().addChildNode(n, None); doc.refreshProjection(); doc.waitForDone(); n = None
layer = lambda name: next(n for n in doc.topLevelNodes() if n.name() == name)
"""

BRUSH = """
from krita import ManagedColor
doc.setActiveNode(layer("Segments"))
view = k.activeWindow().activeView()
k.action("KritaShape/KisToolBrush").trigger()
view.setCurrentBrushPreset(next(p for n, p in k.resources("preset").items() if "Basic-1" in n))
view.setBrushSize({size}); view.setPaintingOpacity(1); view.setPaintingFlow(1)
def take(blue, green, red):
    colour = ManagedColor("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
    colour.setComponents([blue / 255, green / 255, red / 255, 1.0]); view.setForeGroundColor(colour)
canvases = ("KisQPainterCanvas", "KisOpenGLCanvas2")
canvas = next(w for w in W.findChildren(QWidget) if w.metaObject().className() in canvases)
p = canvas.mapToGlobal(canvas.rect().center()); result = [p.x(), p.y()]
"""

MARKS = """
import time
from deepsim_krita.document import KritaDocument
from deepsim_krita.qt import QObject
MARK = {}
def mark(name, first=False):
    if "up" in MARK and not (first and name in MARK): MARK[name] = time.perf_counter()
class Hand(QObject):
    def eventFilter(self, thing, event):
        if event.type() == 3: MARK.clear(); MARK["up"] = time.perf_counter()
        return False
hand = Hand(); canvas.installEventFilter(hand)
def reading(self, *a, read=KritaDocument.reading, **k):
    mark("looked", True)
    picture = yield from read(self, *a, **k)
    mark("read", True)
    return picture
KritaDocument.reading = reading
def showing(self, *a, show=KritaDocument.showing):
    mark("answered", True)
    yield from show(self, *a)
    mark("shown", True)
KritaDocument.showing = showing
"""


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--side", type=int, default=512, help="of the canvas (default 512)")
    parser.add_argument("--strokes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2, help="of the engine (default 2)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with (
            engine_in(folder) as launch,
            krita_with_plugin(launch, wheels(), threads=options.threads) as krita,
        ):
            place = _prepare(krita, folder, options.side)
            assert krita.krita is not None
            engine = Location.from_file(launch).read_connection()
            assert engine is not None
            # Krita started the engine, which is one of its children therefore.
            family = _family(psutil.Process(engine.pid))
            programs = {"engine": family, "krita": [psutil.Process(krita.krita.pid)]}
            rng = np.random.default_rng(options.seed)
            _draw(krita, place, rng, 1)  # which may be over that very colour
            time.sleep(1)
            for number in range(options.strokes + 1):
                krita.wait("not S.busy and not S.steps.busy", PATIENCE)
                before = {name: _computed(program) for name, program in programs.items()}
                row = _stroke(krita, place, rng, number)
                for name, program in programs.items():
                    row[name] = round(1000 * (_computed(program) - before[name]))
                if number:  # the first one warms caches up
                    rows.append(row)
                    print(json.dumps(row), flush=True)
    for column in COLUMNS:
        values = [row[column] for row in rows]
        middle = statistics.median(values)
        print(f"{column:>9}: median {middle:5.0f} ms, {min(values):.0f} to {max(values):.0f}")
    return 0


def _family(process: psutil.Process) -> list[psutil.Process]:
    """A process and its children, as they are now."""
    return [process, *process.children(recursive=True)]


def _computed(processes: list[psutil.Process]) -> float:
    """Processor seconds that they took so far."""
    times = [process.cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def wheels() -> Path:
    """Unpacked pyzmq for the plugin, in the folder where the tests keep it."""
    folder = Path(__file__).resolve().parent.parent / ".pytest_cache" / "d" / "pyzmq"
    folder.mkdir(parents=True, exist_ok=True)
    return fetch_pyzmq(folder, Pip(Path(sys.executable), Console()))


def _prepare(krita: KritaProcess, folder: Path, side: int) -> tuple[int, int]:
    """A document with a model and Live on; where its middle is on the display."""
    original = Image.fromarray(data.astronaut())
    path, drawing = folder / "astronaut.png", folder / "segments.raw"
    original.resize((side, side), Image.Resampling.LANCZOS).save(path)
    found = ds.segment(np.asarray(original.resize((256, 256), Image.Resampling.LANCZOS)), 12)
    segments = Image.fromarray(found).resize((side, side), Image.Resampling.NEAREST)
    colours = np.asarray(segments)[..., 2::-1]
    opaque = np.full((side, side, 1), 255, np.uint8)
    drawing.write_bytes(np.concatenate([colours, opaque], axis=2).tobytes())
    krita.call(OPEN.format(path=str(path), drawing=str(drawing), side=side), 120)
    krita.call("doc.setActiveNode(layer('Background')); doc.waitForDone()")
    active = "layer('Background').uniqueId().toString()"
    krita.wait(f"S.active is not None and S.active.active == {active}")
    krita.call("S.settings.preset = 'instant'; k.action('deepsim_train').trigger()")
    krita.wait("S.active.model is not None and not S.jobs", FIRST_START, every=0.5)
    x, y = krita.call(BRUSH.format(size=side // 16))
    krita.call(MARKS)
    krita.call("k.action('deepsim_live').trigger()")
    there = "'Live' in [n.name() for n in doc.topLevelNodes()] and not S.steps.busy"
    krita.wait(there, FIRST_START)
    kinds = np.unique(colours.reshape(-1, 3), axis=0)
    krita.call(f"kinds = {kinds[[0, -1]].tolist()}")
    return x, y


def _stroke(
    krita: KritaProcess, place: tuple[int, int], rng: np.random.Generator, number: int
) -> dict[str, int]:
    """A stroke, and when its preview was there."""
    _draw(krita, place, rng, number)
    krita.wait("'shown' in MARK", PATIENCE, every=0.3)
    marks = krita.call("result = MARK")
    return {name: round(1000 * (marks[name] - marks["up"])) for name in MARKED}


def _draw(
    krita: KritaProcess, place: tuple[int, int], rng: np.random.Generator, number: int
) -> None:
    """One short stroke near a place, in one of two colours."""
    krita.focus()
    x, y = (int(middle + rng.uniform(-REACH, REACH)) for middle in place)
    krita.xdo("mousemove", x, y)
    # The last filter is asked first, and Krita's own lets nothing through to others.
    krita.call(f"take(*kinds[{number % 2}]); MARK.clear(); canvas.installEventFilter(hand)")
    krita.xdo("mousedown", 1)
    for step in range(1, 9):
        krita.xdo("mousemove", x + 4 * step, y + 2 * step)
    krita.xdo("mouseup", 1)


if __name__ == "__main__":
    sys.exit(main())
