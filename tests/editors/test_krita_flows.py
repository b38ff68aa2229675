"""The flows of the docker in a real Krita: the first minute, results and their history, mending."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist, differs
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, photo, segments
else:
    from artist import FIRST_START, Artist, differs
    from pictures import SIZE, SPOON, photo, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

WIDTH, HEIGHT = SIZE
SECOND_SPOON = ((430, 10, 560, 140), SPOON)


def click_square(krita: KritaProcess, strip: str, index: int) -> None:
    """Clicks with the real mouse on an item of one of the docker's strips."""
    place = f"""
from deepsim_krita.qt import QScrollArea
D.findChild(QScrollArea).ensureWidgetVisible(child({strip!r}))
p = child({strip!r}).mapToGlobal(child({strip!r}).square({index}).center())
result = [p.x(), p.y()]"""
    at, before = krita.call(place), None
    while at != before:  # what was just said may still move everything
        time.sleep(0.5)
        at, before = krita.call(place), at
    krita.click(*at)


@pytest.mark.every_krita
def test_the_first_minute(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    krita.wait("child('deepsim_guide').text().startswith('DeepSIM turns a drawing')")
    assert artist.emphasised() == ["deepsim_open_button"]
    screenshot("first-empty")
    artist.open_photo("first")
    krita.wait("child('deepsim_primitive_button').isVisibleTo(D)")
    assert artist.emphasised() == ["deepsim_primitive_button"]
    krita.call("child('deepsim_primitive_button').click()")
    krita.wait("'DeepSIM' in names()", FIRST_START)
    assert krita.call("result = names()") == ["Background", "DeepSIM"]
    inner = "[n.name() for n in node('DeepSIM').childNodes()]"
    assert krita.call(f"result = {inner}") == ["Segments", "Edges"]
    krita.wait("doc.activeNode().name() == 'Segments'")

    # Line art on transparent, and flat colours, which the strip shows.
    krita.call("node = lambda name: doc.nodeByName(name)")
    lines, flat = artist.pixels("Edges"), artist.pixels("Segments")
    assert 0.01 < (lines[..., 3] > 0).mean() < 0.5
    assert (flat[..., 3] == 255).all()
    found = np.unique(flat[..., :3].reshape(-1, 3), axis=0)
    colours = {tuple(colour) for colour in found.tolist()}
    krita.wait("len(child('deepsim_palette').items) > 1")
    shown = krita.call("result = [list(c) for c in child('deepsim_palette').items]")
    assert {tuple(colour) for colour in shown} <= colours
    krita.wait("child('deepsim_train_button').property('emphasised')")
    assert artist.emphasised() == ["deepsim_train_button"]
    screenshot("first-primitive")

    # A click on a colour: the brush has it, and paints on the segments.
    artist.select("Edges")
    click_square(krita, "deepsim_palette", 1)
    krita.wait("doc.activeNode().name() == 'Segments'")
    picked = krita.call("""
v = k.activeWindow().activeView(); c = v.foregroundColor().colorForCanvas(v.canvas())
result = [c.red(), c.green(), c.blue()]""")
    assert [picked] == krita.call("result = [list(child('deepsim_palette').items[1])]")

    # All of it is one step back.
    krita.wait("k.action('edit_undo').isEnabled()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("names() == ['Background']")
    krita.call("k.action('edit_redo').trigger()")
    krita.wait("names() == ['Background', 'DeepSIM']")


def test_results_are_named_kept_compared_and_inserted_again(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("car")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_through(seconds=2)
    assert artist.emphasised() == ["deepsim_apply_button"]
    artist.apply()
    krita.call("n = child('deepsim_note'); n.setFocus(); n.clear()")
    krita.focus()
    krita.call("child('deepsim_note').setFocus()")
    krita.xdo("type", "spoon added")
    krita.wait("S.active.note == 'spoon added'")
    artist.repaint("Segments", segments(SECOND_SPOON))
    artist.apply()
    stack = ["Background", "car #1", "car: spoon added #2", "Segments"]
    assert krita.call("result = names()") == stack
    krita.wait("len(child('deepsim_history').items) == 2 and S.active.before is not None")

    # Without an edit the result is the photo; with one it is that everywhere else.
    assert np.array_equal(artist.pixels("car #1"), artist.pixels("Background"))
    changed = differs(artist.pixels("car: spoon added #2"), photo())
    spoon = (segments(SECOND_SPOON) != segments()).any(axis=2)
    assert changed[spoon].mean() > 20
    assert (changed[HEIGHT // 2 :, : WIDTH // 2] == 0).all()

    # The slider shows the picture before, left of it.
    krita.wait("child('deepsim_compare').isVisibleTo(D)")
    krita.call("child('deepsim_compare').setValue(50)")
    screenshot("compare")
    colours = krita.call("""
p = child('deepsim_preview'); box = p._place(p._images[0])
def spoon():
    c = p.grab().toImage().pixelColor(
        box.left() + round(0.82 * box.width()), box.top() + round(0.15 * box.height()))
    return [c.red(), c.green(), c.blue()]
after = spoon(); child('deepsim_compare').setValue(100); result = [after, spoon()]""")
    after, before = colours
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) > 20

    # The key hides the newest result on the canvas, and shows it again.
    krita.press("ctrl+alt+shift+b")
    krita.wait("not node('car: spoon added #2').visible()")
    krita.press("ctrl+alt+shift+b")
    krita.wait("node('car: spoon added #2').visible()")

    # A click on a thumbnail inserts that result again, as one step back.
    krita.call("node('car #1').remove(); doc.waitForDone()")
    krita.wait("'car #1' not in names()")
    click_square(krita, "deepsim_history", 1)
    krita.wait("'car #1' in names()")
    artist.wait_said("“car #1” is inserted again.")
    krita.wait("k.action('edit_undo').isEnabled()")
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("'car #1' not in names()")


def test_stray_colours_are_pointed_out_and_snapped_to_the_palette(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("stray")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    krita.call("S.settings.preset = 'instant'")
    artist.train_through(seconds=0)
    krita.call("S.settings.preset = 'draft'")
    known = {tuple(colour) for colour in krita.call("result = studio.palette.colours(S.active)")}
    assert len(known) == 6
    painted = segments().copy()
    painted[5:15, 5:25] = (255, 0, 255, 255)
    artist.repaint("Segments", painted)
    artist.select("Background")
    krita.wait("child('deepsim_snap_button').isVisibleTo(D)", 60)
    assert "200 pixels have colours" in krita.call("result = child('deepsim_stray').text()")
    screenshot("stray")

    # Looking at once selects them on the canvas.
    krita.call("child('deepsim_check').click()")
    artist.wait_said("they are selected")
    box = "s = doc.selection(); result = [s.x(), s.y(), s.width(), s.height()]"
    assert krita.call(box) == [5, 5, 20, 10]
    krita.call("doc.setSelection(None)")

    krita.call("child('deepsim_snap_button').click()")
    artist.wait_said("has the palette's colours now")
    krita.wait("not child('deepsim_snap_button').isVisibleTo(D)")
    assert krita.call("result = names()") == ["Background", "Segments"]
    snapped = artist.pixels("Segments")
    assert {tuple(c) for c in snapped[..., :3].reshape(-1, 3).tolist()} <= known
    assert np.array_equal(snapped[20:], painted[20:])
    # One step back, one forth: Krita's two are taken together.
    both = krita.call("result = [S.active.swap.old, S.active.swap.new]")
    for action, left in (("edit_undo", both[0]), ("edit_redo", both[1]), ("edit_undo", both[0])):
        krita.wait(f"k.action({action!r}).isEnabled()")
        krita.call(f"k.action({action!r}).trigger()")
        krita.wait(f"[l.uid for l in S.active.layers if l.uid in {both}] == {[left]}")
    assert krita.call("result = names()") == ["Background", "Segments"]
    assert np.array_equal(artist.pixels("Segments"), painted)


def test_an_eye_hides_the_drawing_and_tells_so(krita: KritaProcess, artist: Artist) -> None:
    artist.open_photo("eye")
    artist.add_layer("Segments", segments())
    krita.wait("child('deepsim_segments_eye').isEnabled()")
    for icon, seen in (("novisible", False), ("visible", True)):
        krita.call("child('deepsim_segments_eye').click()")
        krita.wait(f"child('deepsim_segments_eye').property('icon_name') == {icon!r}")
        assert krita.call("result = node('Segments').visible()") is seen


def test_errors_come_with_what_mends_them(krita: KritaProcess, artist: Artist) -> None:
    artist.open_photo("mended")
    artist.add_layer("Lines", segments())
    artist.select("Background")
    # No drawing: the button drafts one.
    krita.press("ctrl+alt+shift+t")
    artist.wait_said("There is no drawing yet")
    assert krita.call("result = child('deepsim_mend_button').text()") == "Segment for Me"
    krita.call("child('deepsim_mend_button').click()")
    krita.wait("'Segments' in names()", FIRST_START)
    # No picture: the button opens the list of layers.
    krita.call("c = child('deepsim_image'); S.active.trained = None")
    artist.select("Segments")
    krita.press("ctrl+alt+shift+t")
    artist.wait_said("Which layer is the picture?")
    krita.wait("child('deepsim_mend_button').text() == 'Choose Layer'")
    krita.call("child('deepsim_mend_button').click()")
    krita.wait("c.view().isVisible()")
    krita.call("c.hidePopup()")
    # The engine leaves and comes again.
    with artist.another_engine():
        krita.call("studio.actions['restart_engine'].run()")


def test_a_plugin_that_cannot_load_says_why_and_can_be_tried_again(
    krita: KritaProcess, tmp_path: Path, launch: Path
) -> None:
    damaged = tmp_path / "launch.json"
    damaged.write_text("{")
    krita.call(f"""
import os
from deepsim_krita.docker import DeepSimDocker
from deepsim_krita.plugin import Plugin
os.environ["DEEPSIM_LAUNCH"] = {str(damaged)!r}
second = Plugin(k); other = second._make_docker(); other.show()
from deepsim_krita.qt import QWidget
part = lambda name: other.findChild(QWidget, name)
result = None""")
    try:
        said = krita.call("result = part('deepsim_message').text()")
        assert f"The launch file {damaged} is damaged" in said
        krita.call("part('deepsim_retry_button').click()")
        assert krita.call("result = second.studio is None")
        damaged.write_text(launch.read_text())
        krita.call("part('deepsim_retry_button').click()")
        krita.wait("part('deepsim_retry_button') is None and part('deepsim_guide') is not None")
        assert krita.call("result = second.problem") == ""
    finally:
        krita.call("""
second._on_closing(); other.close(); other.deleteLater(); del os.environ["DEEPSIM_LAUNCH"]""")
        # The second plugin took the actions of the first: other tests need a Krita without it.
        krita.quit_krita()
        krita.start_krita()
        krita.set_up()
