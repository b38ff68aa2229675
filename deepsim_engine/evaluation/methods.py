"""What is compared: each method learns from the training pair and then paints drawings.

A method is anything with the form of `Method`; `evaluate` takes further ones as they are.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from deepsim_engine import presets
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Pixels
from deepsim_engine.model import Model, load
from deepsim_engine.presets import Preset
from deepsim_engine.primitive import Primitive
from deepsim_engine.training import OnProgress, Progress, ShouldStop, train


@dataclass(frozen=True)
class Settings:
    """What the user decides for all methods.

    Attributes:
        preset: of `deepsim` and `crop-flip`.
        seconds, steps: budget of everything that trains; None for the preset's own.
        device, seed: as for training.
        blend: keep the training picture's pixels where a drawing is unchanged.
    """

    preset: str = "draft"
    seconds: float | None = None
    steps: int | None = None
    device: str = "auto"
    seed: int = 0
    blend: bool = False


@dataclass(frozen=True)
class Task:
    """What a method is given.

    Attributes:
        image: (H, W, 3) uint8, the training picture; `primitive` its drawing.
        settings: see there.
        folder: exists, is the method's own, and keeps what it leaves there between runs.
        on_progress, should_stop: as for training.
        moments: seconds of training at which models are kept for the curve of quality.
    """

    image: Pixels
    primitive: Primitive
    settings: Settings
    folder: Path
    on_progress: OnProgress
    should_stop: ShouldStop
    moments: Sequence[float] = ()


@dataclass(frozen=True)
class Painter:
    """A method that is ready.

    Attributes:
        paint: drawing -> picture (H, W, 3) uint8 of the drawing's size.
        facts: what is known of the training, as plain JSON values; `seconds` among them.
        earlier: (seconds, paint) of the states that were kept on the way.
    """

    paint: Callable[[Primitive], Pixels]
    facts: dict[str, Any]
    earlier: list[tuple[float, Callable[[Primitive], Pixels]]] = field(default_factory=list)


class Method(Protocol):
    """The form of a method.

    name: one word, also the name of its folder; about: a sentence. `identity` says with plain JSON
    values what its results depend on beside the data set; `prepare` learns, or reads what an
    earlier run has left in the folder, and raises Stopped where it was asked to stop.
    """

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    def identity(self, settings: Settings) -> dict[str, Any]: ...

    def prepare(self, task: Task) -> Painter: ...


@dataclass(frozen=True)
class Copy:
    """The training picture as it is: the floor that every method must beat."""

    name: str = "copy"
    about: str = "the training picture, unchanged"

    def identity(self, settings: Settings) -> dict[str, Any]:
        """It depends on nothing else."""
        return {}

    def prepare(self, task: Task) -> Painter:
        """Nothing is learned."""

        def paint(primitive: Primitive) -> Pixels:
            picture = Image.fromarray(task.image)
            return np.array(picture.resize(primitive.size, Image.Resampling.LANCZOS))

        return Painter(paint, {"seconds": 0.0})


@dataclass(frozen=True)
class Trained:
    """A model of this engine.

    Attributes:
        preset: name of its preset; None for the one that the settings name.
        change: what is different from that preset.
    """

    name: str
    about: str
    preset: str | None = None
    change: Callable[[Preset], Preset] = lambda preset: preset

    def recipe(self, settings: Settings) -> Preset:
        """The preset it trains with. Raises InputError where there is none of that name."""
        return self.change(presets.find(self.preset or settings.preset))

    def identity(self, settings: Settings) -> dict[str, Any]:
        """Preset, budget, seed, device, blending."""
        recipe = self.recipe(settings)
        budget = (settings.seconds, settings.steps) if recipe.trains else (None, None)
        return {
            "preset": presets.as_json(recipe),
            "seconds": budget[0],
            "steps": budget[1],
            "seed": settings.seed,
            "device": settings.device,
            "blend": settings.blend,
        }

    def prepare(self, task: Task) -> Painter:
        """Train, or load the model that is there already."""
        file = task.folder / "model.safetensors"
        model = load(file, task.settings.device) if file.exists() else self._train(task, file)
        about = model.description
        network = model.generator is not None and about.trust > 0
        facts = {
            "preset": about.preset,
            "seconds": about.seconds,
            "steps": about.steps,
            "painted_with": "network" if network else "patches",
            "trust": about.trust,
            "backbone": about.backbone,
            "losses": about.losses,
        }
        earlier = [
            (float(kept.stem.removeprefix("after-")), _Loaded(kept, task.settings))
            for kept in sorted(task.folder.glob("after-*.safetensors"))
        ]
        return Painter(_painting(model, task.settings.blend), facts, list(earlier))

    def _train(self, task: Task, file: Path) -> Model:
        recipe, settings = self.recipe(task.settings), task.settings
        checkpoint = task.folder / "checkpoint"
        keep = _Keeper(task.folder, list(task.moments) if recipe.trains else [])

        def on_progress(progress: Progress) -> None:
            keep(progress)
            task.on_progress(progress)

        model = train(
            task.image,
            task.primitive,
            recipe,
            seconds=settings.seconds,
            steps=settings.steps,
            size=max(task.primitive.size),
            device=settings.device,
            seed=settings.seed,
            on_progress=on_progress,
            should_stop=task.should_stop,
            checkpoint=checkpoint,
            resume=True,
            name=self.name,
        )
        model.save(file)
        checkpoint.unlink(missing_ok=True)
        return model


class _Keeper:
    """Saves a model whenever the next moment has come."""

    def __init__(self, folder: Path, moments: list[float]) -> None:
        self._folder, self._moments = folder, sorted(moments)

    def __call__(self, progress: Progress) -> None:
        due = [moment for moment in self._moments if progress.seconds >= moment]
        if not due:
            return
        self._moments = self._moments[len(due) :]
        path = self._folder / f"after-{progress.seconds:08.1f}.safetensors"
        progress.snapshot().save(path)


@dataclass(frozen=True)
class _Loaded:
    """Paints with a model file that is read when it is needed."""

    file: Path
    settings: Settings

    def __call__(self, primitive: Primitive) -> Pixels:
        return _painting(load(self.file, self.settings.device), self.settings.blend)(primitive)


def _painting(model: Model, blend: bool) -> Callable[[Primitive], Pixels]:
    return lambda primitive: np.array(model.apply(primitive, blend=blend).convert("RGB"))


def _without_warps(preset: Preset) -> Preset:
    """The paper's ablation: crops and mirror images only. Raises InputError without training."""
    if not preset.trains:
        raise InputError(
            f"The method crop-flip leaves something out of training, and the preset {preset.name} "
            "does not train: choose another --preset, or leave crop-flip out."
        )
    augmentation = dataclasses.replace(
        preset.augmentation, tps=0.0, rotation=0.0, shear=0.0, translation=0.0, flip=True
    )
    return dataclasses.replace(preset, augmentation=augmentation)


def known() -> dict[str, Method]:
    """The methods that come with the engine, by name."""
    own: list[Method] = [
        Trained("deepsim", "this engine, with the preset asked for"),
        *(
            Trained(preset.name, f"the preset {preset.name}: {preset.promise}", preset.name)
            for preset in presets.PRESETS.values()
        ),
        Trained(
            "crop-flip",
            "as deepsim, without warps: crops and mirror images only",
            change=_without_warps,
        ),
        Copy(),
    ]
    return {method.name: method for method in own}


def find(names: Sequence[str]) -> list[Method]:
    """The methods of these names. Raises InputError for an unknown one, a double, or none."""
    here = known()
    for name in names:
        if name not in here:
            raise InputError(f"There is no method {name!r}; choose from {', '.join(here)}.")
    if not names or len(set(names)) < len(names):
        raise InputError("Name each method once, and one at least.")
    return [here[name] for name in names]
