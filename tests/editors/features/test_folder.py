"""Apply to a Folder of Frames: which files belong together, what is written where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deepsim_client import Frame
from deepsim_krita.features.folder import find_frames
from deepsim_krita.session import RefusalError
from deepsim_krita.state import Mask, Picture

if TYPE_CHECKING:
    from tests.editors.scenes import COLOURS, PHOTO, Scene, image_frame
else:
    from scenes import COLOURS, PHOTO, Scene, image_frame


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_frames_are_paired_by_name(tmp_path: Path) -> None:
    put(tmp_path, "segments/b.png", "segments/a.png", "edges/a.tif", "edges/b.png", "notes.txt")
    assert find_frames(tmp_path, "both") == [
        {"segments": tmp_path / "segments/a.png", "edges": tmp_path / "edges/a.tif"},
        {"segments": tmp_path / "segments/b.png", "edges": tmp_path / "edges/b.png"},
    ]


def test_a_model_of_one_kind_takes_a_plain_folder(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "2.PNG")
    frames = find_frames(tmp_path, "segments")
    assert [frame["segments"].name for frame in frames] == ["1.png", "2.PNG"]


@pytest.mark.parametrize(
    ("files", "kind", "sentence"),
    [
        (["a.png"], "both", "has no folders named “segments” and “edges”"),
        (["notes.txt"], "segments", "There are no pictures"),
        (["segments/a.png", "edges/b.png"], "both", "The frame “b” has no segments"),
        (["segments/a.png"], "both", "The frame “a” has no edges"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, files: list[str], kind: str, sentence: str
) -> None:
    put(tmp_path, *files)
    with pytest.raises(RefusalError, match=sentence):
        find_frames(tmp_path, kind)


def begin(scene: Scene, folder: Path) -> None:
    scene.trained(kind="segments")
    scene.editor.folder = put(folder, "1.png", "2.png")
    scene.editor.files = {folder / "1.png": COLOURS, folder / "2.png": COLOURS}
    scene.do("apply_to_folder")


def answer(scene: Scene) -> None:
    scene.engine.reply("apply", "result", {}, image_frame(PHOTO))


def test_each_drawing_gets_its_picture_in_a_new_folder(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    begin(scene, tmp_path)
    answer(scene)
    answer(scene)
    results = tmp_path / "results 2"
    assert scene.editor.saved == {results / "1.png": PHOTO, results / "2.png": PHOTO}
    assert scene.said == f"2 pictures are in “{results}”."


def test_without_a_folder_nothing_happens(scene: Scene) -> None:
    scene.trained()
    scene.do("apply_to_folder")
    assert not scene.session.jobs


def test_an_unreadable_drawing_ends_it_and_keeps_what_is_done(scene: Scene, tmp_path: Path) -> None:
    begin(scene, tmp_path)
    scene.editor.files.pop(tmp_path / "2.png")
    answer(scene)
    assert scene.said.startswith("Frame 2 of 2 failed: ")
    assert scene.said.endswith(f"1 picture is in “{tmp_path / 'results'}”.")


def test_when_the_first_fails_no_empty_folder_stays(scene: Scene, tmp_path: Path) -> None:
    begin(scene, tmp_path)
    scene.engine.reply("apply", "error", {"code": "failed", "message": "No."})
    assert scene.said == "Frame 1 of 2 failed: No. Nothing was written."
    assert not (tmp_path / "results").exists()


def test_a_folder_of_results_that_the_artist_took_is_left_to_her(
    scene: Scene, tmp_path: Path
) -> None:
    begin(scene, tmp_path)
    put(tmp_path, "results/mine.txt")
    scene.engine.reply("apply", "error", {"code": "failed", "message": "No."})
    assert scene.said == "Frame 1 of 2 failed: No. Nothing was written."
    assert (tmp_path / "results/mine.txt").exists()
    assert not scene.session.jobs


def test_a_folder_that_is_gone_is_said(scene: Scene, tmp_path: Path) -> None:
    scene.trained(kind="segments")
    scene.editor.folder = tmp_path / "gone"
    scene.do("apply_to_folder")
    assert scene.said == "gone cannot be read: No such file or directory."


PART = (1, 1, 2, 2)
INSIDE = (5, 6, 9, 10)
"""The pixels of that part of the canvas, counted from its left top corner."""


def learned_a_part(scene: Scene, folder: Path, *drawings: Picture) -> None:
    """Frames 0.png and so on, for a model that learned a part of the canvas."""
    scene.document.selection = Mask(PART, bytes([255] * 4))
    scene.trained(kind="segments")
    scene.document.selection = None
    names = [f"{number}.png" for number in range(len(drawings))]
    scene.editor.folder = put(folder, *names)
    scene.editor.files = {folder / n: d for n, d in zip(names, drawings, strict=True)}
    scene.do("apply_to_folder")


def answer_part(scene: Scene, picture: Picture) -> None:
    frame = Frame("image", (picture.height, picture.width, 4), "uint8", picture.rgba)
    scene.engine.reply("apply", "result", {}, frame)


def test_a_frame_of_the_canvas_is_applied_in_the_part_and_shows_the_picture_around(
    scene: Scene, tmp_path: Path
) -> None:
    drawn = Picture(4, 3, bytes(n for pixel in range(12) for n in (pixel, 0, 0, 255)))
    learned_a_part(scene, tmp_path, drawn)
    _body, frames = scene.engine.last("apply")
    assert frames["segments"].shape == (2, 2, 4)
    assert bytes(frames["segments"].data)[::4] == bytes(INSIDE)
    green = Picture(2, 2, bytes((0, 255, 0, 255)) * 4)
    answer_part(scene, green)
    made = scene.editor.saved[tmp_path / "results" / "0.png"]
    assert (made.width, made.height) == (4, 3)
    pixels = [bytes(made.rgba[4 * i : 4 * i + 4]) for i in range(12)]
    assert all(pixels[i] == bytes((0, 255, 0, 255)) for i in INSIDE)
    outside = set(range(12)) - set(INSIDE)
    assert all(pixels[i] == bytes(PHOTO.rgba[:4]) for i in outside)
    assert scene.said == f"1 picture is in “{tmp_path / 'results'}”."


def test_a_frame_of_the_part_stays_one(scene: Scene, tmp_path: Path) -> None:
    drawn = Picture(2, 2, bytes(COLOURS.rgba[:16]))
    learned_a_part(scene, tmp_path, drawn, COLOURS)
    assert bytes(scene.engine.last("apply")[1]["segments"].data) == drawn.rgba
    green = Picture(2, 2, bytes((0, 255, 0, 255)) * 4)
    answer_part(scene, green)
    answer_part(scene, green)
    sizes = [(made.width, made.height) for made in scene.editor.saved.values()]
    assert sizes == [(2, 2), (4, 3)]


def test_a_frame_of_another_size_is_refused_with_the_sizes_that_fit(
    scene: Scene, tmp_path: Path
) -> None:
    learned_a_part(scene, tmp_path, Picture(2, 2, bytes(16)), Picture(3, 2, bytes(24)))
    answer_part(scene, Picture(2, 2, bytes(16)))
    assert scene.said == (
        "Frame 2 of 2 failed: “1” is 3×2, but has to be 4×3 as the canvas, "
        f"or 2×2 as the part that the model learned. 1 picture is in “{tmp_path / 'results'}”."
    )
    assert scene.mend == "apply_to_folder"
    assert not scene.session.jobs


def test_a_document_closed_before_its_picture_is_needed_is_said(
    scene: Scene, tmp_path: Path
) -> None:
    learned_a_part(scene, tmp_path, Picture(2, 2, bytes(16)), COLOURS)
    scene.editor.open.clear()
    answer_part(scene, Picture(2, 2, bytes(16)))
    scene.session.observe()
    assert scene.said.startswith("Frame 2 of 2 failed: The document was closed.")
    assert not scene.session.jobs


def test_frames_for_another_model_are_of_whatever_size(scene: Scene, tmp_path: Path) -> None:
    begin(scene, tmp_path)
    scene.editor.files[tmp_path / "2.png"] = Picture(2, 1, bytes(8))
    answer(scene)
    assert scene.engine.last("apply")[1]["segments"].shape == (1, 2, 4)
