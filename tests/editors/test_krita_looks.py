"""All of the docker can be read, in both languages, narrow and wide, in the look that is asked for.

One walk through the flows stops at each state that the docker has; there a docker of each width and
language is made beside Krita's own, and nothing in it may be cut off. A shorter walk in a Krita of
its own does the same in the light theme at twice the scale. Where $DEEPSIM_SCREENSHOTS names a
folder they are saved there as pictures to look at, named after state, theme, language and width:
gallery.py has it done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist
    from tests.editors.installed import krita_with_plugin
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.looks import LANGUAGES, VARIABLE, WIDTHS, Look
    from tests.editors.pictures import SAUCER, SPOON, segments
else:
    from artist import FIRST_START, Artist
    from installed import krita_with_plugin
    from looks import LANGUAGES, VARIABLE, WIDTHS, Look
    from pictures import SAUCER, SPOON, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

ROW = 20
"""Pixels between two rows of the docker, at least."""
SECOND_SPOON = ((430, 10, 560, 140), SPOON)
NEW_SAUCER = ((20, 20, 150, 150), SAUCER)

# What of a docker cannot be read: texts that are cut off, widgets beyond its right edge.
POSE = """
from deepsim_krita.actions import by_id
from deepsim_krita.panel import Panel
from deepsim_krita.qt import (QCheckBox, QComboBox, QLabel, QPushButton, QScrollArea, QStyle,
    QStyleOptionComboBox, QToolButton)
from deepsim_krita.text import language
def pose(code, width, path):
    table, notice = studio.actions, S.active and S.active.notice
    language.choose([code])
    if S.active and code != "en": S.active.notice = None  # it was said in English
    studio.actions = by_id([studio._safe(action) for action in studio._table()])
    panel = Panel(studio)
    panel.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    panel.setPalette(D.palette()); panel.setAutoFillBackground(True)
    panel.resize(width, 1000); panel.show(); QApplication.sendPostedEvents()
    compare = panel.findChild(QWidget, "deepsim_compare")
    compare.setValue(child("deepsim_compare").value()); QApplication.sendPostedEvents()
    # No higher than what is in it: above the message would be nothing.
    content = panel.findChild(QScrollArea).widget()
    used = max(w.geometry().bottom() for w in content.children() if w.isWidgetType()
               and w.isVisibleTo(panel))
    panel.resize(width, 1000 - max(0, content.height() - used - 12))
    QApplication.sendPostedEvents()
    picture = panel.grab()
    if path: picture.save(path)
    found = list(cut(panel)) + list(nameless(panel))
    panel.close(); panel.deleteLater()
    studio.actions = table
    if S.active: S.active.notice = notice
    language.choose(["en"])
    return found
def cut(panel):
    for w in panel.findChildren(QWidget):
        if not w.isVisibleTo(panel): continue
        needed = 0
        if isinstance(w, (QPushButton, QCheckBox)): needed = w.sizeHint().width()
        elif isinstance(w, QToolButton) and w.text(): needed = w.sizeHint().width()
        elif isinstance(w, QLabel): needed = w.minimumSizeHint().width()
        elif isinstance(w, QComboBox):
            option = QStyleOptionComboBox(); w.initStyleOption(option)
            part = QStyle.SubControl.SC_ComboBoxEditField
            kind = QStyle.ComplexControl.CC_ComboBox
            room = w.style().subControlRect(kind, option, part, w).width()
            text = w.fontMetrics().horizontalAdvance(w.currentText())
            if text > room: yield [w.objectName(), w.currentText(), text, room]
        if needed > w.width(): yield [w.objectName(), w.text(), needed, w.width()]
        if w.mapTo(panel, w.rect().topRight()).x() >= panel.width():
            yield [w.objectName(), "beyond the edge"]
def nameless(panel):
    for w in panel.findChildren(QToolButton) + panel.findChildren(QPushButton):
        if w.isVisibleTo(panel) and not (w.toolTip() or not w.objectName().startswith("deepsim")):
            yield [w.objectName(), "no tooltip"]
"""


class Gallery:
    """Poses the docker; `faults` has what could not be read."""

    def __init__(self, krita: KritaProcess) -> None:
        self._krita = krita
        self._folder = os.environ.get("DEEPSIM_SCREENSHOTS", "")
        self._theme = "light" if "bright" in krita.look.theme else "dark"
        self.faults: list[object] = []
        krita.call(POSE)

    def pose(self, state: str) -> None:
        """All dockers in this state."""
        # What fits into the narrow docker fits into the usual one, which is for the pictures.
        widths = {**WIDTHS, "usual": 300} if self._folder else WIDTHS
        for language in LANGUAGES:
            for name, width in widths.items():
                path = ""
                if self._folder:
                    Path(self._folder).mkdir(parents=True, exist_ok=True)
                    path = f"{self._folder}/{state}-{self._theme}-{language}-{name}.png"
                found = self._krita.call(f"result = pose({language!r}, {width}, {path!r})")
                self.faults += [[state, language, name, *fault] for fault in found]

    def window(self, name: str) -> None:
        """A window of the plugin, as it is."""
        self._krita.wait(f"any(w.objectName() == {name!r} for w in QApplication.topLevelWidgets())")
        self._krita.call(f"""
w = next(w for w in QApplication.topLevelWidgets() if w.objectName() == {name!r})""")
        if self._folder:
            self._krita.call(f"w.grab().save('{self._folder}/{name}-{self._theme}.png')")


def assert_keys_go_from_top_to_bottom(krita: KritaProcess) -> None:
    """The tab key visits all that can be used, as one reads it, and can leave the docker."""
    visited = krita.call("""
panel, widget, visited = D.widget(), child("deepsim_image"), []
while panel.isAncestorOf(widget) and widget.objectName() not in {name for name, *_ in visited}:
    p = widget.mapTo(panel, widget.rect().center())
    takes_keys = widget.focusPolicy() != Qt.FocusPolicy.NoFocus
    if takes_keys and widget.objectName().startswith("deepsim") and widget.isVisibleTo(panel):
        visited.append([widget.objectName(), p.x(), p.y()])
    widget = widget.nextInFocusChain()
result = visited""")
    assert {"deepsim_draft", "deepsim_train_button", "deepsim_note", "deepsim_many"} <= {
        name for name, *_place in visited
    }
    # The message stays in sight, below a part that scrolls.
    below_it = {"deepsim_message", "deepsim_mend_button"}
    scrolled = [entry for entry in visited if entry[0] not in below_it]
    for (one, x, y), (other, right, below) in pairwise(scrolled):
        same_row = abs(below - y) <= ROW / 2
        assert (right > x) if same_row else (below > y), (one, other)


def walk_to_a_result(krita: KritaProcess, artist: Artist, gallery: Gallery) -> None:
    """From the empty window to two results of an edited drawing."""
    krita.call("S.settings.preset = 'instant'")  # as an artist finds it
    krita.wait("child('deepsim_open_button').isVisibleTo(D)")
    gallery.pose("1-empty")
    artist.open_photo("cup")
    krita.wait("child('deepsim_primitive_button').isVisibleTo(D)")
    gallery.pose("2-opened")
    artist.train_and_edit(SECOND_SPOON)
    krita.call("k.action('deepsim_apply').trigger()")
    krita.wait("len(S.active.history) == 1", 120)
    krita.call("S.active.note = 'spoon added'; k.action('deepsim_apply').trigger()")
    krita.wait("len(S.active.history) == 2 and S.active.before is not None", 120)
    krita.call("child('deepsim_compare').setValue(50)")
    gallery.pose("4-result")


def test_everything_can_be_read(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    gallery = Gallery(krita)
    walk_to_a_result(krita, artist, gallery)
    assert_keys_go_from_top_to_bottom(krita)
    # The drawing lies over the preview: without it one sees what Live shows.
    artist.repaint("Segments", segments(SECOND_SPOON, NEW_SAUCER))
    artist.begin_live()
    krita.call("node('Segments').setVisible(False); doc.refreshProjection(); doc.waitForDone()")
    screenshot("live")
    gallery.pose("5-live")
    krita.press("ctrl+alt+shift+l")
    krita.wait("'Live' not in names()")
    krita.call("node('Segments').setVisible(True)")

    painted = segments(SECOND_SPOON).copy()
    painted[5:15, 5:25] = (255, 0, 255, 255)
    artist.repaint("Segments", painted)
    krita.call("child('deepsim_check').click()")
    krita.wait("S.active.stray > 0 and not S.jobs")
    gallery.pose("6-stray")

    krita.call("k.action('deepsim_library').trigger()")
    gallery.window("deepsim_library")
    krita.wait("w.list.count() and not w.list.item(0).icon().isNull()")
    gallery.window("deepsim_library")
    krita.call("w.close(); k.action('deepsim_settings').trigger()")
    # Where a test keeps its models is no folder that anybody has.
    krita.wait(
        "any(w.objectName() == 'deepsim_settings_window' for w in QApplication.topLevelWidgets())"
    )
    krita.call("""
w = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "deepsim_settings_window")
where = str(studio.configuring.data)
next(t for t in w.findChildren(QLabel) if t.text() == where).setText("~/.local/share/deepsim")""")
    gallery.window("deepsim_settings_window")
    krita.call("w.close()")

    krita.call("studio.keeping.remove(studio.library.own(S.active), force=True)")
    krita.wait("S.active.missing and child('deepsim_mend_button').isVisibleTo(D)")
    gallery.pose("9-gone")

    krita.call("S.settings.preset = 'draft'")  # there is something to see while it trains
    krita.call("child('deepsim_seconds').setValue(600)")
    krita.wait("child('deepsim_estimate').isVisibleTo(D)", FIRST_START)
    gallery.pose("3-estimate")
    krita.call("k.action('deepsim_train').trigger()")
    krita.wait("child('deepsim_loss').isVisibleTo(D)", FIRST_START)
    gallery.pose("7-training")
    krita.call("studio.actions['cancel'].run()")
    krita.wait("not S.jobs", 120)
    gallery.pose("8-stopped")
    assert gallery.faults == []


@pytest.fixture
def light_krita(launch: Path, pyzmq_wheels: Path, chroot: Path | None) -> Iterator[KritaProcess]:
    """Another Krita, in the light theme on a screen of twice as many pixels."""
    if os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} says which look is to be seen")
    with krita_with_plugin(launch, pyzmq_wheels, chroot, look=Look.of("light 2x")) as process:
        yield process


def test_nothing_is_cut_off_on_a_light_and_fine_screen(
    light_krita: KritaProcess, launch: Path, tmp_path: Path
) -> None:
    gallery = Gallery(light_krita)
    walk_to_a_result(light_krita, Artist(light_krita, tmp_path, launch), gallery)
    assert light_krita.call("result = child('deepsim_image').devicePixelRatioF()") == 2
    assert gallery.faults == []


@pytest.mark.parametrize("enabled", [True, False])
def test_a_choice_has_the_colours_of_any_combo_box(krita: KritaProcess, enabled: bool) -> None:
    krita.call(f"""
from deepsim_krita.qt import QColor, QComboBox, QPalette
from deepsim_krita.widgets import Choice
def drawn(box):
    box.addItem("Segments"); box.setEnabled({enabled})
    # In colours of their own, none is taken for another.
    palette, role, colours = QPalette(D.palette()), QPalette.ColorRole, QPalette.ColorGroup
    for group, value in ((colours.Active, 255), (colours.Inactive, 255), (colours.Disabled, 128)):
        palette.setColor(group, role.Text, QColor(value, 0, 0))
        palette.setColor(group, role.ButtonText, QColor(0, value, 0))
        palette.setColor(group, role.WindowText, QColor(0, 0, value))
    box.setPalette(palette); box.resize(160, 28)
    return box.grab().toImage()""")
    assert krita.call("result = drawn(Choice('deepsim_test', '')) == drawn(QComboBox())")
