"""Apply to Animation in a real Krita: keyframes in, an animated layer out, one undo step."""

from __future__ import annotations

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

SECOND_SPOON = ((430, 10, 560, 140), SPOON)
TIMES = (0, 3, 8)


def animate(artist: Artist, times: tuple[int, ...] = TIMES) -> None:
    """Gives the Segments layer keyframes, by turns without and with a second spoon."""
    drawings = [artist.raw(segments()), artist.raw(segments(SECOND_SPOON))]
    paths = [drawings[number % 2] for number in range(len(times))]
    artist.krita.call(f"""
from deepsim_krita.kra_animation import AnimationFile
from deepsim_krita.steps import at_once
from deepsim_krita.timeline import KritaStrip
strip = KritaStrip(doc)
for time, path in zip({times}, {paths}):
    at_once(strip._file.add(time, open(path, "rb").read()))
n = strip.layer(); n.setName("Segments"); strip.close()
node("Segments").remove()
doc.rootNode().addChildNode(n, None); doc.refreshProjection(); doc.waitForDone()
result = n.animated()""")
    artist.select("Segments")


def frame(artist: Artist, name: str, time: int) -> np.ndarray:
    """A keyframe of a layer, (height, width, 4)."""
    path = artist.folder / "frame.raw"
    artist.krita.call(f"""
raw = bytes(node({name!r}).pixelDataAtTime(0, 0, {SIZE[0]}, {SIZE[1]}, {time}))
f = open({str(path)!r}, "wb"); f.write(raw); f.close()""")
    pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(SIZE[1], SIZE[0], 4)
    return pixels[..., [2, 1, 0, 3]]


@pytest.mark.every_krita
def test_every_keyframe_becomes_a_frame_of_one_layer(krita: KritaProcess, artist: Artist) -> None:
    artist.open_photo("film")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    animate(artist)
    krita.click_menu("Tools", "DeepSIM", "Apply to Animation")
    artist.wait_said("with 3 frames", timeout=FIRST_START)
    made = next(name for name in krita.call("result = names()") if name.endswith("animation"))
    there = f"[t for t in range(20) if node({made!r}).hasKeyframeAtTime(t)]"
    assert krita.call(f"result = {there}") == list(TIMES)
    assert krita.call(f"result = node({made!r}).animated()")

    # Where the drawing is the training drawing the frame is the picture, to the bit.
    first, middle, last = (frame(artist, made, time) for time in TIMES)
    assert (differs(first, photo()) == 0).all()
    assert (differs(last, photo()) == 0).all()
    apart = differs(middle, photo())
    assert apart.max() > 40
    assert (apart[SIZE[1] // 2 :, : SIZE[0] // 2] == 0).all()

    krita.call("k.action('edit_undo').trigger()")
    krita.wait(f"{made!r} not in names()")
    assert "Segments" in krita.call("result = names()")


LEFT = """
import glob, tempfile
def left():
    files = glob.glob(tempfile.gettempdir() + "/deepsim-frames-*")
    steps = [k.action(name).text() for name in ("edit_undo", "edit_redo")]
    return [names(), len(k.documents()), doc.modified(), doc.currentTime(), steps, len(files)]
"""
"""What Apply to Animation could leave behind when it is cancelled."""


def test_cancelled_in_the_middle_it_leaves_nothing_behind(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("cut")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    animate(artist, tuple(range(40)))
    artist.add_layer("Mine", segments())
    artist.select("Segments")
    krita.call(LEFT)
    before = krita.call("result = left()")
    krita.call("k.action('deepsim_animate').trigger()")
    krita.wait("S.shown_job is not None and S.shown_job.progress.step >= 2")
    krita.call("child('deepsim_cancel_button').click()")
    artist.wait_said("Cancelled. No layer was added.")
    artist.wait_idle()
    assert krita.call("result = left()") == before

    # The step before is still the artist's own.
    krita.call("k.action('edit_undo').trigger()")
    krita.wait("'Mine' not in names()")
    assert krita.call("result = names()") == ["Background", "Segments"]


def test_a_drawing_that_stands_still_is_refused_with_what_to_do(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("still")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    artist.train_instantly()
    krita.call("k.action('deepsim_animate').trigger()")
    artist.wait_said("no keyframes")
