"""Apply to Folder of Frames in a real Krita: drawings in files, pictures in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.editors.artist import FIRST_START, Artist, differs
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, photo, segments
else:
    from artist import FIRST_START, Artist, differs
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


def outside(box: list[int]) -> np.ndarray:
    """Where a box is not, (height, width)."""
    left, top, width, height = box
    beside = np.ones((SIZE[1], SIZE[0]), bool)
    beside[top : top + height, left : left + width] = False
    return beside


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


def test_a_model_of_a_part_is_applied_to_frames_of_the_canvas_and_of_the_part(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("inset")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.select_part((SIZE[0] // 2, 0, SIZE[0] // 2, SIZE[1] // 2))
    artist.train_instantly()
    artist.deselect()
    artist.repaint("Segments", segments(SECOND_SPOON))
    artist.apply()
    expected = artist.pixels("inset #1")
    box = krita.call("result = S.active.box")
    left, top, width, height = box
    part = np.s_[top : top + height, left : left + width]

    # The canvas without and with the second spoon, and the part with it.
    folder = draw_frames(artist, 2)
    cut = np.ascontiguousarray(segments(SECOND_SPOON)[part])
    Image.fromarray(cut).save(folder / "segments" / "002.png")
    begin(artist, folder)
    artist.wait_said(f"3 pictures are in “{folder / 'results'}”.", timeout=FIRST_START)
    made = [
        np.asarray(Image.open(folder / "results" / f"{number:03}.png").convert("RGBA"))
        for number in range(3)
    ]
    assert np.array_equal(made[0][..., :3], photo())
    assert np.array_equal(made[1][part], expected[part])
    assert np.array_equal(made[1][outside(box)][:, :3], photo()[outside(box)])
    assert np.array_equal(made[2], expected[part])
    assert (differs(made[1], photo()) > 20).any()

    # Any other size is refused, with those that fit.
    Image.fromarray(cut[:-3]).save(folder / "segments" / "002.png")
    begin(artist, folder)
    sizes = f"{SIZE[0]}×{SIZE[1]} as the canvas, or {width}×{height} as the part"
    said = artist.wait_said(sizes, timeout=FIRST_START)
    assert said.startswith(f"Frame 3 of 3 failed: “002” is {width}×{height - 3}, ")
    assert len(list((folder / "results 2").iterdir())) == 2
    assert krita.call("result = child('deepsim_mend_button').text()") == "Choose Folder"
