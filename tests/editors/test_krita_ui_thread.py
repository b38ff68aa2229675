"""Krita's UI thread has its turns while large pictures are read and inserted.

How long its longest waits are depends on the machine, so that is printed (pytest -s), not judged;
only what no busy machine makes of slices is a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess

pytestmark = pytest.mark.editor

CASES = {
    "2k U8": (2048, ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")),
    "1k U16": (1024, ("RGBA", "U16", "sRGB-elle-V2-g10.icc")),
}
FEWEST_TURNS = 8
"""A million pixels are at least four bands to read and four to insert."""
BLOCKED = 5.0
"""Seconds: a large picture in one piece takes longer on a machine where a slice takes this."""

WORK = """
import os
from deepsim_krita.document import KritaDocument
doc = k.createDocument({side}, {side}, "large", *{space!r}, 72.0)
k.activeWindow().addView(doc); doc.waitForDone()
photo = doc.createNode("Photo", "paintlayer"); each = len(bytes(photo.pixelData(0, 0, 1, 1)))
photo.setPixelData(os.urandom(each * {side}) * {side}, 0, 0, {side}, {side})
doc.rootNode().addChildNode(photo, None); doc.waitForDone()
uid, done = photo.uniqueId().toString(), []
def work():
    here = KritaDocument(doc)
    picture = yield from here.reading(uid)
    done.append((yield from here.inserting(picture, "Result", uid, uid)).uid)
"""


@pytest.mark.parametrize("case", CASES)
def test_the_event_loop_goes_on_while_a_large_layer_is_read_and_inserted(
    krita: KritaProcess, case: str
) -> None:
    side, space = CASES[case]
    krita.call(WORK.format(side=side, space=space))
    krita.wait("doc.tryBarrierLock() and (doc.unlock() or True)")
    krita.call("WATCHDOG.start(); S.steps.begin('large', work())")
    krita.wait("done", timeout=180, every=0.5)
    turns, gaps = krita.call("result = [WATCHDOG.turns, WATCHDOG.stop()]")
    for milliseconds, running in gaps:
        lines = [line.strip() for line in running.splitlines() if "File" in line]
        print(f"{case} {milliseconds} ms: {lines[0] if lines else 'Krita itself'}")  # noqa: T201
    # In one piece each, reading and inserting would leave hardly any.
    assert turns >= FEWEST_TURNS
    assert all(milliseconds < 1000 * BLOCKED for milliseconds, _ in gaps), gaps[0]
    assert krita.call("result = [n.name() for n in doc.topLevelNodes()]") == [
        *("Background", "Photo", "Result")
    ]
    krita.call("photo = None")
