"""Does Krita give the memory of large results back?

    python benchmarks/krita_memory.py                   # 4096 px, three applies
    python benchmarks/krita_memory.py --applies 8

Printed is Krita's resident memory, twice: while the plugin trains and applies, and in another Krita
while a script adds and undoes as many layers of the same size without the plugin, because Krita
itself keeps much of what it once had. At the end of the first part are the buffers of a megabyte
or more that any of the plugin's objects still holds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from live import wheels

from tests.editors import conftest as _paths  # noqa: F401  the helpers' folder joins the path

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START
    from tests.editors.installed import engine_in, krita_with_plugin
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.test_krita_ui_thread import ACTION, EDIT, PICTURE
else:
    from artist import FIRST_START
    from installed import engine_in, krita_with_plugin
    from test_krita_ui_thread import ACTION, EDIT, PICTURE

PATIENCE = 240
LAYER = 'painted("Layer", *map(shaded, range(8))); doc.refreshProjection(); doc.waitForDone()'
HELD = """
import gc
sizes = {}
for thing in gc.get_objects():
    for each in gc.get_referents(thing):
        if isinstance(each, (bytes, bytearray, memoryview)):
            sizes[id(each)] = memoryview(each).nbytes
thing = each = None
result = sorted(size >> 20 for size in sizes.values() if size >= 1 << 20)
"""
"""What Python objects hold buffers, in megabytes."""


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--applies", type=int, default=3)
    options = parser.parse_args()
    for title, adding in (("the plugin applies", applying), ("without the plugin", layering)):
        print(title)
        with (
            tempfile.TemporaryDirectory() as name,
            engine_in(Path(name)) as launch,
            krita_with_plugin(launch, wheels()) as krita,
        ):
            measure(krita, options.side, options.applies, adding)
    return 0


def measure(
    krita: KritaProcess, side: int, count: int, adding: Callable[[KritaProcess, int], None]
) -> None:
    """Prints a line after each step."""
    assert krita.krita is not None
    process = psutil.Process(krita.krita.pid)

    def tell(what: str) -> None:
        krita.wait("not S.busy and not S.steps.busy", PATIENCE)
        print(f"{process.memory_info().rss >> 20:6} MB {what}", flush=True)

    tell("without a document")
    krita.call(PICTURE.format(side=side), PATIENCE)
    krita.call("doc.setActiveNode(node('Photo')); doc.waitForDone()")
    krita.wait("S.active is not None and S.active.active == node('Photo').uniqueId().toString()")
    tell("with the document")
    for number in range(count):
        adding(krita, number)
        tell(f"with {number + 1} more layers")
    for _number in range(count):
        before = krita.call("result = len(names())")
        krita.call("doc.waitForDone(); k.action('edit_undo').trigger()")
        krita.wait(f"len(names()) < {before}", PATIENCE)
    tell("these undone")
    krita.close_documents()
    krita.wait("S.active is None")
    krita.call("doc = n = None")
    tell("closed")
    print(f"       buffers still held, in MB: {krita.call(HELD)}")


def applying(krita: KritaProcess, number: int) -> None:
    """An edit, and its result as a layer."""
    if number == 0:
        krita.call(ACTION.format("train"))
        krita.wait("S.active.model is not None and not S.jobs", FIRST_START, every=0.5)
    krita.call(EDIT.format(kind=number % 4, row=3 + number % 8), 60)
    krita.call(ACTION.format("apply"))
    there = f"len(S.active.history) == {number + 1} and not S.jobs"
    wrong = "(S.notice is not None and S.notice.level == 'error' and S.notice.text)"
    told = krita.wait(f"({there}) or {wrong}", PATIENCE, every=0.5)
    assert told is True, told


def layering(krita: KritaProcess, number: int) -> None:
    """A layer that a script adds."""
    krita.call(LAYER, PATIENCE)


if __name__ == "__main__":
    sys.exit(main())
