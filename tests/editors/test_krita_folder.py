"""Apply to Folder of Frames in a real Krita: drawings in files, pictures in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, photo, segments
else:
    from artist import FIRST_START, Artist
    from pictures import SIZE, SPOON, photo, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

SECOND_SPOON = ((430, 10, 560, 140), SPOON)


def draw_frames(artist: Artist, count: int) -> Path:
    """A folder of drawings: every second one has a second spoon."""
    folder = artist.folder / "film"
    (folder / "segments").mkdir(parents=True)
    drawings = [segments(), segments(SECOND_SPOON)]
    for number in range(count):
        path = folder / "segments" / f"{number:03}.png"
        Image.fromarray(drawings[number % 2]).save(path)
    return folder


def begin(artist: Artist, folder: Path) -> None:
    """Chooses the action in the menu and the folder in its dialog."""
    artist.krita.click_menu("Tools", "DeepSIM", "Apply to Folder of Frames")
    artist.choose_path(folder)


def test_each_drawing_becomes_a_picture_as_apply_makes_it(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("film")
    artist.train_and_edit(SECOND_SPOON)
    artist.apply()
    folder = draw_frames(artist, 3)
    begin(artist, folder)
    artist.wait_said(f"3 pictures are in “{folder / 'results'}”.", timeout=FIRST_START)
    made = {
        path.name: np.asarray(Image.open(path).convert("RGBA"))
        for path in (folder / "results").iterdir()
    }
    assert sorted(made) == ["000.png", "001.png", "002.png"]
    assert np.array_equal(made["000.png"][..., :3], photo())
    assert np.array_equal(made["001.png"], artist.pixels("film #1"))
    assert np.array_equal(made["002.png"], made["000.png"])


def test_cancelled_in_the_middle_only_whole_pictures_are_there_and_counted(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("cut")
    artist.train_and_edit(SECOND_SPOON)
    folder = draw_frames(artist, 40)
    begin(artist, folder)
    krita.wait("S.shown_job is not None and S.shown_job.progress.step >= 2", FIRST_START)
    krita.call("child('deepsim_cancel_button').click()")
    said = artist.wait_said("Cancelled. ")
    artist.wait_idle()
    found = sorted((folder / "results").iterdir())
    counted = re.search(r"(\d+) pictures are in", said)
    assert counted is not None
    assert 2 <= len(found) == int(counted[1]) < 40
    assert [path.name for path in found] == [f"{number:03}.png" for number in range(len(found))]
    for path in found:
        with Image.open(path) as picture:
            picture.load()
            assert picture.size == SIZE
