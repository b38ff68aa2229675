"""Krita's UI thread has its turns while large pictures are read, trained on, applied and shown.

How long its longest waits are depends on the machine, so that is printed (pytest -s). Judged is
what no busy machine makes of slices, and what the thread itself computed in one of our lines, not
once but again and again: what it waits for other programs or for Krita does not count as that.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START
    from tests.editors.krita_harness import KritaProcess
else:
    from artist import FIRST_START

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
OFTEN = 8
"""So many times is no accident of the machine: a first touch of memory that the machine's own host
has to find takes it as long as anything that we do."""

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


PICTURE = """
side = {side}
doc = k.createDocument(side, side, "large", "RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc", 72.0)
k.activeWindow().addView(doc); doc.waitForDone(); doc.topLevelNodes()[0].remove()
names = lambda: [n.name() for n in doc.topLevelNodes()]
node = lambda name: next(n for n in doc.topLevelNodes() if n.name() == name)
def line(*colours):
    return b"".join(bytes([*c, 255]) * (side // len(colours)) for c in colours)
def painted(name, *rows):
    n = doc.createNode(name, "paintlayer")
    n.setPixelData(b"".join(row * (side // len(rows)) for row in rows), 0, 0, side, side)
    doc.rootNode().addChildNode(n, None)
kinds = [(200, 40, 30), (90, 20, 60), (30, 160, 20), (10, 90, 230)]
def shaded(y):
    return line(*((r // 2 + 9 * y, g // 2 + 5 * y, b // 2) for r, g, b in kinds[:: 1 - y % 2 * 2]))
painted("Photo", *map(shaded, range(8)))
painted("Segments", line(*kinds), line(*kinds[::-1]))
doc.refreshProjection(); doc.waitForDone()
# A real engine, at a size that it needs seconds for; the pictures are as large as they are.
send = S._client.request
def small(kind, body, **more):
    return send(kind, {{**body, "size": 128}} if kind == "train" else body, **more)
S._client.request = small; S.settings.preset = "instant"
"""

ACTION = "k.action('deepsim_{}').trigger()"
EDIT = """
n = node("Segments"); part = side // 16
n.setPixelData(line(kinds[{kind}])[: 4 * part] * part, side // 4, {row} * part, part, part)
doc.refreshProjection(); doc.waitForDone(); doc.setActiveNode(n)
"""


ANIMATED = """
from deepsim_krita.state import Picture
from deepsim_krita.steps import at_once
from deepsim_krita.timeline import KritaStrip
strip = KritaStrip(doc)
for time, order in ((0, 1), (3, -1), (7, 1)):
    rows = [line(*(kind[::-1] for kind in kinds[::way])) for way in (order, -order)]
    drawing = b"".join(row * (side // 2) for row in rows)
    at_once(strip.adding(time, Picture(side, side, drawing)))
n = strip.layer(); n.setName("Segments"); strip.close(); node("Segments").remove()
doc.rootNode().addChildNode(n, None); doc.refreshProjection(); doc.waitForDone(); n = None
"""


@contextmanager
def large_picture(krita: KritaProcess, side: int) -> Iterator[Callable[[str, str, str], None]]:
    """A large picture that a model was made for.

    Given is what does something while the event loop is watched: its name, what begins it, and the
    condition under which it is done.
    """
    krita.call(PICTURE.format(side=side), 120)
    krita.call("doc.setActiveNode(node('Photo')); doc.waitForDone()")
    krita.wait("S.active is not None and S.active.active == node('Photo').uniqueId().toString()")

    def during(what: str, begin: str, until: str) -> None:
        began = time.monotonic()
        krita.call("S.notice = None; WATCHDOG.start(); " + begin)
        wrong = "(S.notice is not None and S.notice.level == 'error')"
        krita.wait(f"({until}) or {wrong}", FIRST_START + 240, every=0.2)
        assert not krita.call(f"result = {wrong} and S.notice.text")
        print(f"{side} px, {what}: {time.monotonic() - began:.1f} s")  # noqa: T201
        watched(krita, f"{side} px, {what}")

    try:
        during("train", ACTION.format("train"), "S.active.model is not None and not S.jobs")
        yield during
    finally:
        krita.call("S._client.request = send; S.settings.preset = 'draft'; n = None")


def test_the_event_loop_goes_on_while_a_4k_picture_is_trained_on_applied_and_shown_live(
    krita: KritaProcess,
) -> None:
    with large_picture(krita, 4096) as during:
        krita.call(EDIT.format(kind=0, row=3), 60)
        during("apply", ACTION.format("apply"), "S.active.history and not S.jobs")
        krita.wait("not S.steps.busy", 120)
        again = "plugin.studio.history.insert(S.active.history[0])"
        during("history", f"before = len(names()); {again}", "len(names()) == before + 1")
        krita.wait("not S.steps.busy", 120)
        during("live", ACTION.format("live"), "S.active.shown > 0 and not S.steps.busy")
        krita.call("shown = S.active.shown" + EDIT.format(kind=2, row=5), 60)
        during("live again", "pass", "S.active.shown > shown")
        krita.call(ACTION.format("live"))
        krita.wait("'Live' not in names()")


def test_the_event_loop_goes_on_while_an_animation_is_made(krita: KritaProcess) -> None:
    with large_picture(krita, 1024) as during:
        krita.call(ANIMATED, 60)
        krita.call("doc.setActiveNode(node('Segments')); doc.waitForDone()")
        krita.wait("S.active.active == node('Segments').uniqueId().toString()")
        made = "any(name.endswith('animation') for name in names()) and not S.jobs"
        during("animation", ACTION.format("animate"), made)
