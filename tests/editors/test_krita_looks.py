"""All of the docker fits, whatever the theme, the language, the scale of the screen, the width.

Run as it is, it goes through the docker in English and German, narrow and wide, in one Krita.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SPOON, segments
else:
    from artist import FIRST_START, Artist
    from pictures import SPOON, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

SECOND_SPOON = ((430, 10, 560, 140), SPOON)


def test_walk(krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]) -> None:
    krita.wait("child('deepsim_open_button').isVisibleTo(D)")
    screenshot("empty")
    artist.open_photo("car")
    krita.wait("child('deepsim_primitive_button').isVisibleTo(D)")
    screenshot("opened")
    krita.call("child('deepsim_primitive_button').click()")
    krita.wait("'DeepSIM' in names()", FIRST_START)
    krita.wait("len(child('deepsim_palette').items) > 1")
    krita.wait("child('deepsim_estimate').isVisibleTo(D)")
    screenshot("primitive")
    krita.call("child('deepsim_seconds').setValue(25); S.settings.preset = 'draft'")
    krita.call("k.action('deepsim_train').trigger()")
    krita.wait("child('deepsim_loss').isVisibleTo(D) and S.active.preview is not None", 300)
    krita.wait("S.shown_job is None or S.shown_job.progress.fraction > 0.6", 300)
    screenshot("training")
    krita.wait("not S.jobs", 300)
    screenshot("trained")
    krita.call("node = lambda name: doc.nodeByName(name)")
    artist.repaint("Segments", segments(SECOND_SPOON))
    krita.call("k.action('deepsim_apply').trigger()")
    krita.wait("len(S.active.history) == 1", 120)
    krita.call("S.active.note = 'wheel added'; k.action('deepsim_apply').trigger()")
    krita.wait("len(S.active.history) == 2 and S.active.before is not None", 120)
    krita.call("child('deepsim_compare').setValue(50)")
    krita.call("node('Segments').setVisible(False); node('Edges').setVisible(False)")
    krita.call("doc.refreshProjection(); doc.waitForDone()")
    screenshot("result")
    painted = segments(SECOND_SPOON).copy()
    painted[5:15, 5:25] = (255, 0, 255, 255)
    artist.repaint("Segments", painted)
    krita.call("child('deepsim_check').click()")
    krita.wait("S.active.stray > 0 and not S.jobs")
    screenshot("stray")
    krita.call("child('deepsim_snap_button').click()")
    krita.wait("S.active.stray == 0 and not S.jobs")
    krita.call("k.action('deepsim_live').trigger()")
    krita.wait("S.active.live_layer")
    screenshot("live")
    krita.call("k.action('deepsim_live').trigger()")
    krita.call("k.action('deepsim_library').trigger()")
    found = "[w for w in QApplication.topLevelWidgets() if w.objectName() == {!r}]"
    krita.wait(found.format("deepsim_library"))
    krita.call(f"w = {found.format('deepsim_library')}[0]")
    krita.wait("w.list.count() and not w.list.item(0).icon().isNull()")
    krita.call("w.list.setCurrentRow(0)")
    screenshot("library")
    krita.call("w.close(); k.action('deepsim_settings').trigger()")
    krita.wait(found.format("deepsim_settings_window"))
    krita.call(f"w = {found.format('deepsim_settings_window')}[0]; w.remote.setChecked(True)")
    screenshot("settings")
    krita.call("w.close()")
    krita.click_menu("Tools", "DeepSIM")
    krita.wait("menu_action.menu().isVisible()")
    screenshot("menu")
    krita.xdo("key", "Escape", "key", "Escape")
