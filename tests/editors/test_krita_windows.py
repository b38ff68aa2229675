"""The windows of models and settings in a real Krita."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.artist import Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import segments
else:
    from artist import Artist
    from pictures import segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]


def window(krita: KritaProcess, name: str) -> str:
    """Code for the open window of that name, once it is there."""
    krita.call("from deepsim_krita.qt import QMessageBox")
    code = f"[w for w in QApplication.topLevelWidgets() if w.objectName() == {name!r}]"
    krita.wait(f"{code} and {code}[0].isVisible()")
    return f"{code}[0]"


def test_models_are_renamed_exported_and_deleted(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("kept")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    mine = krita.call("result = S.active.model.id")
    krita.call("k.action('deepsim_library').trigger()")
    krita.call(f"w = {window(krita, 'deepsim_library')}")
    row = "[i for i in range(w.list.count()) if w.list.item(i).data(256) == S.active.model.id]"
    krita.wait(row)
    krita.call(f"w.list.setCurrentRow({row}[0])")
    krita.wait("not w.list.currentItem().icon().isNull()")
    screenshot("library")
    krita.call("w.list.currentItem().setText('my cup')")
    krita.wait("S.active.model.name == 'my cup'")

    path = artist.folder / "cup.safetensors"
    krita.call(f"""
from pathlib import Path
editor = S.editor; editor.choose_new_file = lambda title, name: Path({str(path)!r})
w.findChild(QWidget, "deepsim_library_export").click()""")
    krita.wait("S.notice is not None and 'my cup' in S.notice.text and not S.jobs", 60)
    krita.call("del editor.choose_new_file")
    assert path.stat().st_size > 1000

    # The document uses it: that is said, and it is deleted only when that is confirmed.
    confirm = "w.findChildren(QMessageBox)"
    krita.call("w.findChild(QWidget, 'deepsim_library_delete').click()")
    krita.wait(f"len({confirm})")
    krita.call(f"""
box = {confirm}[0]
next(b for b in box.buttons() if b.text().replace("&", "") == "Delete").click()""")
    krita.wait(f"any('all the same' in box.text() for box in {confirm})", 60)
    krita.call(f"""
box = next(box for box in {confirm} if 'all the same' in box.text())
next(b for b in box.buttons() if b.text().replace("&", "") == "Delete").click()""")
    krita.wait(f"all(m.id != {mine!r} for m in plugin.studio.library.items)", 60)
    artist.wait_said("is not in the library any more")
    krita.call("w.close()")


@pytest.mark.every_krita
def test_settings_are_kept(krita: KritaProcess, screenshot: Callable[[str], None]) -> None:
    krita.call("k.action('deepsim_settings').trigger()")
    krita.call(f"w = {window(krita, 'deepsim_settings_window')}")
    screenshot("settings")
    krita.call("w.blend.setChecked(False)")
    krita.wait("S.settings.blend is False")
    assert '"blend": false' in krita.call("result = k.readSetting('deepsim', 'settings', '')")
    krita.call("w.blend.setChecked(True)")
    krita.call("w.remote.setChecked(True); w.endpoint.setText('nowhere'); w.use.click()")
    krita.wait("S.notice is not None and 'tcp://HOST:PORT' in S.notice.text")
    krita.call("w.close()")
