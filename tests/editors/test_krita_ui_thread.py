"""Krita's UI thread has its turns while large pictures are read and inserted.

How long its longest waits are depends on the machine, so that is printed (pytest -s). Judged is
what no busy machine makes of slices, and what the thread itself computed in one of our lines, not
once but again and again: what it waits for other programs or for Krita does not count as that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

KRITAS_OWN = (
    ".addChildNode(",
    ".remove()",
    ".clone()",
    ".close()",
    ".duplicate()",
    ".refreshProjection()",
    ".setColorSpace(",
    ".setCurrentTime(",
    ".openDocument(",
    ".createDocument(",
    ".saveAs(",
    ".setActiveNode(",
)
"""Single calls into Krita that docs/krita.md lists, because nothing divides them."""
LONG = 50
"""Milliseconds that a line of ours may compute."""
OFTEN = 3
"""So many times is no accident of the machine."""

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


def watched(krita: KritaProcess, case: str) -> list[tuple[float, float, str]]:
    """Ends the watch; its gaps, of which the lines of ours are judged."""
    gaps = krita.call("result = WATCHDOG.stop()")
    ours: Counter[str] = Counter()
    for milliseconds, busy, line in gaps:
        print(f"{case}: {milliseconds} ms, busy {busy} ms: {line or 'Krita itself'}")  # noqa: T201
        if busy > LONG and "deepsim_" in line and not any(call in line for call in KRITAS_OWN):
            ours[line] += 1
    often = {line: count for line, count in ours.items() if count >= OFTEN}
    assert not often, f"These kept the UI thread for more than {LONG} ms each time: {often}"
    return [tuple(gap) for gap in gaps]


@pytest.mark.parametrize("case", CASES)
def test_the_event_loop_goes_on_while_a_large_layer_is_read_and_inserted(
    krita: KritaProcess, case: str
) -> None:
    side, space = CASES[case]
    krita.call(WORK.format(side=side, space=space))
    krita.wait("doc.tryBarrierLock() and (doc.unlock() or True)")
    krita.call("WATCHDOG.start(); S.steps.begin('large', work())")
    krita.wait("done", timeout=180, every=0.5)
    turns = krita.call("result = WATCHDOG.turns")
    gaps = watched(krita, case)
    # In one piece each, reading and inserting would leave hardly any.
    assert turns >= FEWEST_TURNS
    assert all(gap[0] < 1000 * BLOCKED for gap in gaps), gaps[0]
    assert krita.call("result = [n.name() for n in doc.topLevelNodes()]") == [
        *("Background", "Photo", "Result")
    ]
    krita.call("photo = None")
