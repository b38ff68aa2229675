"""What a training that was stopped, or killed, goes on from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsim_engine import checkpoint, presets
from deepsim_engine.budget import Budget
from deepsim_engine.description import PATCHES
from deepsim_engine.errors import InputError
from deepsim_engine.presets import Preset
from deepsim_engine.trainer import Trainer
from deepsim_engine.training_pair import TrainingPair

_KEY = "deepsim-checkpoint"
_FORMAT = 2


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one training.

    Attributes:
        path: of the file, which need not be there.
        training: what must be equal for a file to be of this training, as JSON values.
    """

    path: Path
    training: dict[str, Any]

    @classmethod
    def of(cls, path: Path, pair: TrainingPair, preset: Preset, seed: int) -> "Checkpoint":
        """That of a training of this pair."""
        training = {
            "preset": presets.as_json(preset),
            "pair": pair.sha256,
            "working_size": list(pair.working.size),
            "seed": seed,
        }
        if preset.generator.patches:
            training["patches"] = PATCHES  # what is learned on another kind of them is of no use
        return cls(path, training)

    def save(self, trainer: Trainer, budget: Budget, losses: dict[str, float]) -> None:
        """Write it. Raises WorkError when the disk or the folder refuses."""
        state = {
            "format": _FORMAT,
            "step": budget.step,
            "seconds": budget.elapsed,
            "losses": losses,
            "run": self.training,
        }
        checkpoint.write_file(self.path, _KEY, state, trainer.tensors())

    def restore(self, trainer: Trainer, budget: Budget) -> dict[str, float]:
        """Go on from it; gives the losses. Raises InputError if it is another training's."""
        state, tensors = checkpoint.read_file(self.path, _KEY, "a DeepSIM checkpoint")
        run = _of_today(state.get("run"))
        if state.get("format") != _FORMAT or run != self.training:
            raise InputError(
                f"{self.path} belongs to another training (another picture, drawing, preset,"
                " size or seed, or another version of DeepSIM): train anew without resuming."
            )
        trainer.restore(tensors, int(state["step"]))
        budget.step, budget.before = int(state["step"]), float(state["seconds"])
        return dict(state["losses"])


def _of_today(run: Any) -> Any:
    """What earlier versions wrote of a training, as this one would have written it."""
    preset = run.get("preset") if isinstance(run, dict) else None
    if isinstance(preset, dict):
        preset.pop("promise", None)
        if isinstance(preset.get("generator"), dict):
            preset["generator"] = {"opinions": 1, "agreeing": 0, **preset["generator"]}
    return run


def check_path(path: Path | None, resume: bool) -> None:
    """Refuse, with an InputError, where no checkpoint can be kept, or resumed from."""
    if resume and path is None:
        raise InputError("To resume a training, say where its checkpoint is.")
    if path is not None and not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} for the checkpoint does not exist.")
