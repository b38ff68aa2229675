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


def test_models_are_renamed_exported_and_deleted(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    artist.open_photo("kept")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    mine = krita.call("result = S.active.model.id")
    artist.open_library(mine)
    krita.wait("not w.list.currentItem().icon().isNull()")
    screenshot("library")
    krita.call("w.list.currentItem().setText('my cup')")
    krita.wait("S.active.model.name == 'my cup'")

    path = artist.folder / "cup.safetensors"
    artist.press_in_library("export")
    artist.choose_path(path)
    krita.wait("S.notice is not None and 'my cup' in S.notice.text and not S.jobs", 60)
    assert path.stat().st_size > 1000

    # The document uses it: that is said, and it is deleted only when that is confirmed.
    artist.press_in_library("delete")
    artist.confirm_delete("This cannot be undone")
    artist.confirm_delete("all the same")
    krita.wait(f"all(m.id != {mine!r} for m in plugin.studio.library.items)", 60)
    artist.wait_said("is not in the library any more")
    krita.call("w.close()")


@pytest.mark.every_krita
def test_settings_are_kept(
    krita: KritaProcess, artist: Artist, screenshot: Callable[[str], None]
) -> None:
    krita.call("k.action('deepsim_settings').trigger()")
    artist.window("deepsim_settings_window")
    screenshot("settings")
    krita.call("w.blend.setChecked(False)")
    krita.wait("S.settings.blend is False")
    assert '"blend": false' in krita.call("result = k.readSetting('deepsim', 'settings', '')")
    krita.call("w.blend.setChecked(True)")
    krita.call("w.remote.setChecked(True); w.endpoint.setText('nowhere'); w.use.click()")
    krita.wait("S.notice is not None and 'tcp://HOST:PORT' in S.notice.text")
    krita.call("w.close()")
