"""Model files on their way: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deepsim_client import Reply
from deepsim_client.pieces import PIECE, frames_of, piece_of
from deepsim_krita.state import ModelInfo

if TYPE_CHECKING:
    from tests.editors.scenes import Scene
else:
    from scenes import Scene

CAR = ModelInfo("m1", "car/red")
BYTES = os.urandom(PIECE + 40_000)


def exported(scene: Scene, offset: int) -> None:
    piece = BYTES[offset : offset + PIECE]
    end = offset + len(piece)
    body = {"bytes": len(BYTES), "offset": offset, "next": end if end < len(BYTES) else None}
    scene.engine.reply("models", "result", body, *frames_of(piece))


def test_a_model_becomes_a_file(scene: Scene, tmp_path: Path) -> None:
    scene.editor.folder = tmp_path
    scene.studio.transfers.export(CAR)
    assert scene.engine.last("models")[0] == {"action": "export", "model": "m1", "offset": 0}
    exported(scene, 0)
    assert scene.engine.last("models")[0]["offset"] == PIECE
    exported(scene, PIECE)
    assert [path.name for path in tmp_path.iterdir()] == ["car_red.safetensors"]
    assert (tmp_path / "car_red.safetensors").read_bytes() == BYTES
    assert not scene.session.jobs


@pytest.mark.parametrize("how", ["cancel", "error"])
def test_an_export_that_ends_early_leaves_nothing(scene: Scene, tmp_path: Path, how: str) -> None:
    scene.editor.folder = tmp_path
    scene.studio.transfers.export(CAR)
    if how == "cancel":
        scene.do("cancel")
        exported(scene, 0)
        assert scene.said == "Cancelled."
    else:
        scene.engine.reply("models", "error", {"code": "not-found", "message": "No such model."})
        assert scene.said == "No such model."
    assert not list(tmp_path.iterdir())
    assert not scene.session.jobs


def test_an_export_that_the_editors_end_interrupts_leaves_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    scene.editor.folder = tmp_path
    scene.studio.transfers.export(CAR)
    assert list(tmp_path.iterdir())
    scene.session.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_said(scene: Scene, tmp_path: Path) -> None:
    scene.editor.folder = tmp_path / "gone"
    scene.studio.transfers.export(CAR)
    assert "No such file or directory" in scene.said
    assert not scene.session.jobs


def test_a_file_that_the_artist_was_not_asked_about_is_not_replaced(
    scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "car.safetensors").write_bytes(b"hers")
    scene.editor.choose_new_file = lambda title, name: tmp_path / "car"
    scene.studio.transfers.export(CAR)
    assert scene.said == "car.safetensors is there already: choose another name."
    assert not scene.session.jobs


def test_a_full_disk_ends_an_export_and_leaves_nothing(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / ".car_red.safetensors.part").symlink_to("/dev/full")
    scene.editor.folder = tmp_path
    scene.studio.transfers.export(CAR)
    exported(scene, 0)
    assert scene.said == f"{tmp_path / 'car_red.safetensors'}: No space left on device."
    assert not list(tmp_path.iterdir())
    assert not scene.session.jobs


def test_a_file_becomes_a_model(scene: Scene, tmp_path: Path) -> None:
    scene.editor.file = tmp_path / "car.safetensors"
    scene.editor.file.write_bytes(BYTES)
    scene.studio.transfers.import_file()
    sent = b""
    while True:
        body, frames = scene.engine.last("models")
        assert (body["bytes"], body["offset"]) == (len(BYTES), len(sent))
        sent += piece_of(Reply("result", {}, tuple(frames.values())))
        if len(sent) == len(BYTES):
            break
        scene.engine.reply("models", "result", {"next": len(sent)})
    assert sent == BYTES
    scene.engine.reply("models", "result", {"model": {"id": "m9", "name": "car"}, "next": None})
    assert scene.said == "The model “car” is in the library."


def test_a_file_that_is_no_model_is_refused_in_the_engines_words(
    scene: Scene, tmp_path: Path
) -> None:
    scene.editor.file = tmp_path / "car.safetensors"
    scene.editor.file.write_bytes(b"nothing")
    scene.studio.transfers.import_file()
    scene.engine.reply("models", "error", {"code": "input", "message": "That is no model."})
    assert scene.said == "That is no model."


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (None, "cannot be read")])
def test_an_unusable_file_is_said(
    scene: Scene, tmp_path: Path, content: bytes | None, said: str
) -> None:
    scene.editor.file = tmp_path / "car.safetensors"
    if content is not None:
        scene.editor.file.write_bytes(content)
    scene.studio.transfers.import_file()
    assert said in scene.said
    assert not scene.session.jobs
