"""Before training: an estimate is asked for once for each pair and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deepsim_krita.features.estimating import CALM_SECONDS, Estimate, Estimating
from deepsim_krita.state import Mask

if TYPE_CHECKING:
    from tests.editors.scenes import NOTHING, PHOTO, Scene
else:
    from scenes import NOTHING, PHOTO, Scene

ANSWER = {
    "seconds": [170.0, 190.0],
    "memory": 3 << 30,
    "memory_free": 12 << 30,
    "working_size": [512, 384],
    "warnings": ["Your edges are 3 px wide: they will be thinned."],
    "ready": True,
}


class Watch:
    """The estimating of a scene, with a clock that the test moves."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.time = scene, 0.0
        self.estimating = Estimating(scene.session, now=lambda: self.time)
        scene.engine.state("ready")

    def after(self, seconds: float) -> int:
        """Lets time go by; how often the engine was asked so far."""
        self.estimating.observe()
        self.time += seconds
        self.estimating.observe()
        return sum(kind == "inspect" for kind, *_ in self.scene.engine.sent)

    @property
    def shown(self) -> Estimate | None:
        return self.estimating.shown(self.scene.state)


@pytest.fixture
def watch(scene: Scene) -> Watch:
    return Watch(scene)


def test_inside_a_selection_only_that_is_estimated(watch: Watch) -> None:
    watch.after(CALM_SECONDS)
    watch.scene.engine.reply("inspect", "result", ANSWER)
    watch.scene.document.selection = Mask((1, 0, 2, 2), bytes((255, 255, 255, 255)))
    watch.scene.session.observe()
    assert watch.shown is None  # the one for the whole canvas is not true any more
    assert watch.after(CALM_SECONDS) == 2
    assert watch.scene.document.boxes[-3:] == [(1, 0, 2, 2)] * 3


def test_the_engine_is_asked_when_the_hand_rests_with_what_training_would_send(
    watch: Watch,
) -> None:
    assert watch.after(CALM_SECONDS / 2) == 0
    assert watch.after(CALM_SECONDS) == 1
    body, frames = watch.scene.engine.last("inspect")
    assert body == {"name": "Photo", "preset": "instant"}
    assert set(frames) == {"image", "segments", "edges"}
    watch.scene.engine.reply("inspect", "result", ANSWER)
    assert watch.after(60) == 1
    assert watch.shown is not None
    assert watch.shown.text == "Training takes 2:50 to 3:10 · 3.0 of 12.0 GB memory · 512×384"
    assert watch.shown.warnings == ("Your edges are 3 px wide: they will be thinned.",)


def test_other_settings_or_layers_need_another_estimate(watch: Watch) -> None:
    watch.after(CALM_SECONDS)
    watch.scene.engine.reply("inspect", "result", ANSWER)
    watch.scene.session.settings.preset = "standard"
    assert watch.shown is None
    assert watch.after(CALM_SECONDS) == 2
    watch.scene.engine.reply("inspect", "result", {**ANSWER, "memory_free": None})
    assert watch.shown is not None
    assert "· 3.0 GB of memory ·" in watch.shown.text
    del watch.scene.document.stack[0]
    watch.scene.session.observe()
    assert watch.shown is None


def test_a_drawing_that_was_painted_on_is_looked_at_again(watch: Watch) -> None:
    watch.after(CALM_SECONDS)
    watch.scene.document.current = "d/Edges"
    watch.scene.session.observe()
    assert watch.after(CALM_SECONDS) == 1
    watch.scene.document.current = "d/Photo"
    watch.scene.session.observe()
    assert watch.after(CALM_SECONDS) == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [((90.0, 94.5), "about 1:34"), ((0.5, 6.0), "0:00 to 0:06"), ((60.0, 60.0), "about 1:00")],
)
def test_a_span_of_time_is_told_as_one_number_where_it_is_narrow(
    seconds: tuple[float, float], words: str
) -> None:
    estimate = Estimate.from_body({**ANSWER, "seconds": seconds})
    assert estimate.text.startswith(f"Training takes {words} ")


def test_nothing_is_asked_without_a_drawing_or_an_engine_or_while_something_runs(
    scene: Scene,
) -> None:
    watch = Watch(scene)
    scene.show({"Photo": PHOTO})
    assert watch.after(CALM_SECONDS) == 0
    scene.show({"Edges": NOTHING, "Photo": PHOTO})
    assert watch.after(CALM_SECONDS) == 0
    del scene.editor.open[:2]
    scene.session.observe()
    scene.do("train")
    assert watch.after(CALM_SECONDS) == 0
    scene.engine.reply("train", "error", {"code": "cancelled", "message": "Cancelled."})
    scene.engine.state("idle")
    assert watch.after(CALM_SECONDS) == 0


def test_an_engine_that_cannot_estimate_changes_nothing(watch: Watch) -> None:
    watch.after(CALM_SECONDS)
    watch.scene.engine.reply("inspect", "error", {"code": "unknown-message", "message": "No."})
    assert (watch.shown, watch.scene.said) == (None, "")
