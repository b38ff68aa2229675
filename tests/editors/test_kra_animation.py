"""Frames as tiles of Krita's file format: nothing is lost, and no Krita is needed to see that."""

from __future__ import annotations

import io
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

sys.path.insert(0, str(Path(__file__).parents[2] / "plugin" / "krita"))

from deepsim_krita.kra_animation import TILE, AnimationFile

TEMPLATE = """<?xml version="1.0"?>
<!DOCTYPE DOC PUBLIC '-//KDE//DTD krita 2.0//EN' 'http://www.calligra.org/DTD/krita-2.0.dtd'>
<DOC xmlns="http://www.calligra.org/DTD/krita"><IMAGE width="1" height="1">
<layers><layer filename="layer2"/></layers>
<animation><range from="0" to="100"/></animation></IMAGE></DOC>"""


def template(folder: Path) -> Path:
    """The parts of a saved document that count here."""
    path = folder / "template.kra"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/x-krita")
        file.writestr("maindoc.xml", TEMPLATE)
        file.writestr("a/layers/layer2", "VERSION 2\n")
        file.writestr("a/layers/layer2.defaultpixel", b"\0\0\0\0")
    return path


def test_a_full_disk_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "frames.kra"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        AnimationFile(path, template(tmp_path), (8, 8), last=40)


def written(folder: Path, size: tuple[int, int], frames: dict[int, bytes]) -> zipfile.ZipFile:
    """The file that holds these frames."""
    path = folder / "frames.kra"
    file = AnimationFile(path, template(folder), size, last=40)
    for time, pixels in frames.items():
        for _ in file.add(time, pixels):
            pass
    file.finish()
    return zipfile.ZipFile(path)


def untiled(data: bytes, width: int, height: int, depth: int) -> bytes:
    """What Krita reads: the canvas part of all tiles."""
    stream = io.BytesIO(data)
    header = dict(stream.readline().split() for _ in range(5))
    assert int(header[b"PIXELSIZE"]) == depth
    rows = [bytearray(-(-width // TILE) * TILE * depth) for _ in range(-(-height // TILE) * TILE)]
    for _ in range(int(header[b"DATA"])):
        left, top, kind, size = stream.readline().strip().split(b",")
        tile = stream.read(int(size))
        assert (kind, tile[0], len(tile)) == (b"LZF", 0, TILE * TILE * depth + 1)
        for y in range(TILE):
            start = int(left) * depth
            line = tile[1 + y * TILE * depth : 1 + (y + 1) * TILE * depth]
            rows[int(top) + y][start : start + len(line)] = line
    assert not stream.read()
    return b"".join(bytes(row[: width * depth]) for row in rows[:height])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from((2, 4, 8, 16)))
def test_the_tiles_of_a_frame_hold_all_its_pixels(tmp_path_factory, width, height, depth) -> None:
    pixels = Random(width).randbytes(width * height * depth)  # noqa: S311
    with written(tmp_path_factory.mktemp("kra"), (width, height), {3: pixels}) as file:
        data = file.read("a/layers/layer2.f4")
    assert untiled(data, width, height, depth) == pixels


def test_each_frame_is_shown_at_its_time_and_nothing_before_the_first(tmp_path: Path) -> None:
    with written(tmp_path, (2, 1), {5: b"12345678", 9: b"abcdefgh"}) as file:
        root = ET.fromstring(file.read("a/layers/layer2.keyframes.xml"))  # noqa: S314
    shown = {int(e.get("time")): e.get("frame") for e in root.iter() if e.get("time")}
    assert shown == {0: "layer2", 5: "layer2.f6", 9: "layer2.f10"}


def test_the_document_gets_the_size_of_the_frames_and_keeps_its_type(tmp_path: Path) -> None:
    with written(tmp_path, (30, 20), {0: bytes(30 * 20 * 4)}) as file:
        text = file.read("maindoc.xml").decode()
        assert file.namelist()[0] == "mimetype"
    assert "<!DOCTYPE DOC" in text
    assert 'width="30"' in text
    assert 'to="40"' in text
    assert 'keyframes="layer2.keyframes.xml"' in text
