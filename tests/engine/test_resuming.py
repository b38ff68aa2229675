"""Resuming: a stopped training ends as if it never was; checkpoints of others are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from deepsim_engine import checkpoint as checkpoints
from deepsim_engine.errors import InputError, Stopped, WorkError
from deepsim_engine.presets import Preset
from deepsim_engine.training import train
from tests.engine.conftest import MENDING, TINY, Pair, after


@pytest.mark.parametrize("preset", [TINY, MENDING], ids=["painting", "mending"])
def test_an_interrupted_training_ends_as_if_it_never_was(
    pair: Pair, preset: Preset, tmp_path: Path
) -> None:
    kept = tmp_path / "checkpoint"
    with pytest.raises(Stopped) as stop:
        train(*pair, preset, steps=6, checkpoint=kept, should_stop=after(4), device="cpu")
    assert stop.value.step == 3
    assert stop.value.checkpoint == kept
    with pytest.raises(Stopped) as stop:  # and once more
        train(
            *pair, preset, steps=6, checkpoint=kept, should_stop=after(3), resume=True, device="cpu"
        )
    assert stop.value.step == 5
    # A checkpoint that an earlier version wrote held the preset's promise, but fewer settings.
    state, tensors = checkpoints.read_file(kept, "deepsim-checkpoint", "a DeepSIM checkpoint")
    state["run"]["preset"]["promise"] = "as it was"
    for later in ("opinions", "agreeing"):
        del state["run"]["preset"]["generator"][later]
    checkpoints.write_file(kept, "deepsim-checkpoint", state, tensors)
    resumed = train(*pair, preset, steps=6, checkpoint=kept, resume=True, device="cpu")
    assert resumed.id == train(*pair, preset, steps=6, device="cpu").id
    assert resumed.description.steps == 6


def test_resuming_without_a_checkpoint_begins_anew(pair: Pair, tmp_path: Path) -> None:
    model = train(*pair, TINY, steps=2, checkpoint=tmp_path / "c", resume=True, device="cpu")
    assert model.id == train(*pair, TINY, steps=2, device="cpu").id


def test_a_checkpoint_of_another_training_is_refused(pair: Pair, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint"
    with pytest.raises(Stopped):
        train(*pair, TINY, steps=4, checkpoint=kept, should_stop=after(2), device="cpu")
    image, primitive = pair
    for others in (
        {"image": 255 - image},
        {"seed": 5},
        {"preset": replace(TINY, batch=1)},
        {"size": 32},
    ):
        arguments = {"image": image, "primitive": primitive, "preset": TINY, **others}
        with pytest.raises(InputError, match="belongs to another training"):
            train(steps=4, checkpoint=kept, resume=True, device="cpu", **arguments)  # type: ignore[arg-type]
    kept.write_bytes(kept.read_bytes()[:-5])
    with pytest.raises(InputError, match="damaged"):
        train(*pair, TINY, steps=4, checkpoint=kept, resume=True, device="cpu")


def test_a_training_on_patches_of_an_earlier_version_is_refused(pair: Pair, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint"
    with pytest.raises(Stopped):
        train(*pair, MENDING, steps=4, checkpoint=kept, should_stop=after(2), device="cpu")
    state, tensors = checkpoints.read_file(kept, "deepsim-checkpoint", "a DeepSIM checkpoint")
    for earlier in ({"patches": state["run"]["patches"] - 1}, {}):
        run = {name: value for name, value in state["run"].items() if name != "patches"} | earlier
        checkpoints.write_file(kept, "deepsim-checkpoint", state | {"run": run}, tensors)
        with pytest.raises(InputError, match="another version"):
            train(*pair, MENDING, steps=4, checkpoint=kept, resume=True, device="cpu")


def test_a_full_disk_stops_training_with_a_sentence(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkError, match="No space left"):
        train(*pair, TINY, steps=4, checkpoint=tmp_path / "c", should_stop=after(2), device="cpu")


def test_stopping_before_the_first_step_keeps_a_checkpoint_too(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(Stopped) as stop:
        train(*pair, TINY, steps=3, checkpoint=tmp_path / "c", should_stop=after(1), device="cpu")
    assert stop.value.step == 0
    assert (tmp_path / "c").is_file()
