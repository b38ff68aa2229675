"""A part of the canvas in a real Krita: trained in a selection, applied inside of selections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.editors.artist import Artist, differs
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.pictures import SIZE, SPOON, Pixels, photo, segments
else:
    from artist import Artist, differs
    from pictures import SIZE, SPOON, Pixels, photo, segments

pytestmark = [pytest.mark.editor, pytest.mark.timeout(900)]

WIDTH, HEIGHT = SIZE
PART = (WIDTH // 4, HEIGHT // 5, WIDTH // 2, HEIGHT // 2)
INNER = ((220, 130, 320, 210), SPOON)
"""An ellipse well inside of that part."""
OUTER = ((430, 300, 560, 390), SPOON)
"""One outside."""


def painted(shape: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> np.ndarray:
    """Where an ellipse changes the drawing, (height, width)."""
    return (segments(shape) != segments()).any(axis=2)


def within(box: list[int]) -> np.ndarray:
    """Where a box is, (height, width)."""
    left, top, width, height = box
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[top : top + height, left : left + width] = True
    return inside


def shown_over_photo(layer: Pixels) -> np.ndarray:
    """What a layer shows over the photo, (height, width, 3), not rounded."""
    alpha = layer[..., 3:] / 255
    return np.asarray(layer[..., :3] * alpha + photo() * (1 - alpha))


@pytest.mark.every_krita
def test_trained_in_a_selection_and_applied_inside_of_it_all_else_stays_to_the_bit(
    krita: KritaProcess, artist: Artist
) -> None:
    artist.open_photo("part")
    artist.add_layer("Segments", segments())
    artist.select("Background")
    chosen = artist.select_part(PART, feather=4)
    artist.train_instantly()
    assert "It learned the rectangle around the selection." in artist.said
    box = krita.call("result = S.active.box")
    rows, columns = np.nonzero(chosen)
    assert box[:2] == [columns.min(), rows.min()]
    assert box[2:] == [np.ptp(columns) + 1, np.ptp(rows) + 1]

    artist.repaint("Segments", segments(INNER, OUTER))
    artist.apply()
    assert krita.call("result = names()") == ["Background", "part #1", "Segments"]
    made = artist.pixels("part #1")
    assert len(np.unique(chosen)) > 10
    assert np.array_equal(made[..., 3], chosen)
    krita.call("node('Segments').setVisible(False); doc.refreshProjection(); doc.waitForDone()")
    canvas = artist.canvas()
    assert np.array_equal(canvas[chosen == 0][:, :3], photo()[chosen == 0])
    assert np.abs(canvas[..., :3] - shown_over_photo(made)).max() <= 1
    changed = differs(canvas, photo())
    assert changed[painted(INNER)].mean() > 20
    assert (changed[painted(OUTER)] == 0).all()

    # A selection over the border of what was learned: the result is where both are.
    left, top, width, height = PART
    crossing = artist.select_part((left - 15, top - 15, width, height), feather=3)
    artist.apply()
    made = artist.pixels("part #2")
    assert np.array_equal(made[..., 3], np.where(within(box), crossing, 0))
    assert (crossing[~within(box)] > 0).any()

    # Beside it there is nothing to be had.
    artist.select_part((0, 0, 10, 10))
    krita.press("ctrl+alt+shift+a")
    artist.wait_said("The selection lies beside what the model knows")
    artist.wait_idle()
    assert krita.call("result = names()[-2:]") == ["part #2", "Segments"]

    # Without a selection it is all of what was learned.
    artist.deselect()
    artist.apply()
    made = artist.pixels("part #3")
    assert np.array_equal(made[..., 3], np.where(within(box), 255, 0))
    far = within(box) & ~painted(INNER)
    assert (differs(made, photo())[far] == 0).mean() > 0.5
