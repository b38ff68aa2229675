"""The work itself: messages in, pictures and models out, by means of deepsim_engine."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from deepsim_client.wire import Frame, Message

from deepsim_engine import Primitive, devices, extract_edges, inspection, load, segment, train
from deepsim_engine.edges import draw
from deepsim_engine.errors import DamagedError, InputError
from deepsim_engine.imaging import available_memory
from deepsim_engine.influence import check_box, intersection
from deepsim_engine.memory import estimate_memory
from deepsim_engine.palette import Palette
from deepsim_engine.presets import PRESETS, Preset
from deepsim_engine.versions import library_versions
from deepsim_server.drawing import LAYERS, Drawing
from deepsim_server.failures import TrainingOverError
from deepsim_server.folders import Folders
from deepsim_server.inputs import read_inputs
from deepsim_server.jobs import CHECKPOINT, INPUTS
from deepsim_server.kept import KeptDrawings
from deepsim_server.loaded import LoadedModels
from deepsim_server.memory import needs
from deepsim_server.model_files import SUFFIX
from deepsim_server.models import ModelStore
from deepsim_server.requests import TrainSettings, box, colours, flag, number, text, whole

if TYPE_CHECKING:
    from deepsim_engine import Model, Progress

log = logging.getLogger(__name__)

_LOADED_MODELS = 2
Answer = tuple[dict[str, Any], tuple[Frame, ...]]


class Work:
    """What a worker can do; keeps the models used last, and the model being trained."""

    def __init__(
        self,
        folders: Folders,
        *,
        device: str = "auto",
        checkpoint_seconds: float = 45.0,
        model_idle_seconds: float = 600.0,
    ) -> None:
        """`device` is for work that names none; for the others see Limits."""
        self._folders = folders
        self._device = device
        self._checkpoint_seconds = checkpoint_seconds
        self._models = ModelStore(folders.models)
        self._loaded = LoadedModels(_LOADED_MODELS, model_idle_seconds)
        self._kept = KeptDrawings(model_idle_seconds)
        self._running = ""
        self._snapshot: Callable[[], Model] | None = None

    def describe(self) -> dict[str, Any]:
        """What the engine tells its clients of this worker."""
        device = devices.pick(self._device)
        return {
            "device": str(device),
            "devices": devices.names(),
            "memory_free": devices.free_memory(device) or available_memory(),
            "presets": list(PRESETS),
            "needs": {name: self._needs(preset, device) for name, preset in PRESETS.items()},
            "versions": library_versions(),
        }

    @staticmethod
    def _needs(preset: Preset, device: torch.device) -> dict[str, Any]:
        """With few channels: rather too little, since the training itself checks again."""
        return needs(
            preset.longest_side,
            lambda size: estimate_memory(preset, size, channels=2, device=device),
        )

    def train(
        self,
        message: Message,
        on_progress: Callable[["Progress"], None],
        should_stop: Callable[[], bool],
    ) -> dict[str, Any]:
        """Train the job `message.id`, whose inputs are on disk, and store the model."""
        folder = self._folders.jobs / message.id
        settings = TrainSettings.from_body(message.body)
        inputs = read_inputs(folder / INPUTS, text(message.body, "pair", ""))
        image = Drawing.image(inputs)
        layers = Drawing.layers(inputs)
        segments, edges, painting = (layers.get(name) for name in LAYERS)
        primitive = Primitive.from_layers(segments, edges, painting)
        origin = self._load(settings.origin) if settings.origin else None
        checkpoint = folder / CHECKPOINT
        begun = False

        def progressed(progress: "Progress") -> None:
            nonlocal begun
            begun, self._running, self._snapshot = True, message.id, progress.snapshot
            on_progress(progress)

        def run(resume: bool) -> "Model":
            return train(
                image,
                primitive,
                settings.preset,
                seconds=settings.seconds,
                steps=settings.steps,
                size=settings.size,
                device=self._device if settings.device == "auto" else settings.device,
                seed=settings.seed,
                name=settings.name,
                checkpoint=checkpoint,
                checkpoint_seconds=self._checkpoint_seconds,
                resume=resume,
                warm_start=origin,
                on_progress=progressed,
                should_stop=should_stop,
            )

        warnings = list(primitive.warnings)
        try:
            try:
                model = run(resume=checkpoint.exists())
            except InputError as error:
                if begun or not checkpoint.exists():
                    raise
                # Asked for by nobody, or by somebody who prefers a model to a message.
                log.warning("The checkpoint of %s is set aside: %s", message.id, error)
                checkpoint.replace(checkpoint.with_suffix(".damaged"))
                warnings.append("The checkpoint could not be used, so training began anew.")
                model = run(resume=False)
            return {
                "model": self._store(model),
                "warnings": [*warnings, *model.description.warnings],
            }
        finally:
            self._running, self._snapshot = "", None

    def apply(self, message: Message) -> Answer:
        """A picture for a drawing, by a stored model or by the one being trained."""
        model = self._wanted(message)
        layers = self._kept.whole(message)
        primitive = model.primitive_from_layers(**layers)
        region = box(message.body, "region")
        if region is not None:
            check_box(region, primitive.size)
        applied = model.apply_with_influence(primitive, blend=flag(message.body, "blend", True))
        body: dict[str, Any] = {"model": _summary(model), "warnings": list(primitive.warnings)}
        if flag(message.body, "keep", False):
            body["kept"] = self._kept.keep(message, layers)
        if flag(message.body, "crop", False):
            region = applied.box if region is None else intersection(region, applied.box)
        if region is not None:
            applied = applied.cropped(region)
            body["box"] = list(region)
        frames = [Drawing.rgba("image", applied.image)]
        if flag(message.body, "influence", False):
            frames.append(Drawing.frame("influence", applied.influence[:, :, None]))
        return body, tuple(frames)

    def keep(self, message: Message) -> Answer:
        """Nothing but the drawing of an apply whose picture nobody waits for any more."""
        return {"kept": self._kept.keep(message, self._kept.whole(message))}, ()

    def edges(self, message: Message) -> Answer:
        """Edges of a picture, black on transparent."""
        method = text(message.body, "method", "canny")
        sigma = number(message.body, "sigma")
        image = Drawing.image(message)
        if sigma is None:
            edges = extract_edges(image, method)
        else:
            edges = extract_edges(image, method, sigma=sigma)
        return {}, (Drawing.frame("edges", draw(edges)),)

    def segment(self, message: Message) -> Answer:
        """Flat regions of a picture, and their colours."""
        regions = whole(message.body, "regions")
        image = Drawing.image(message)
        segments = segment(image) if regions is None else segment(image, regions)
        colours = np.unique(segments.reshape(-1, segments.shape[2]), axis=0)
        body = {"palette": colours[:, :3].tolist()}
        return body, (Drawing.rgba("segments", segments),)

    def inspect(self, message: Message) -> Answer:
        """What a training with this body and these frames would take, and what to beware of."""
        settings = TrainSettings.from_body(message.body)
        found = inspection.inspect(
            Drawing.image(message),
            **Drawing.layers(message),
            preset=settings.preset,
            seconds=settings.seconds,
            steps=settings.steps,
            size=settings.size,
            device=settings.device,
        )
        body = {
            "working_size": list(found.working_size),
            "seconds": [round(limit, 1) for limit in found.seconds],
            "memory": found.memory,
            "memory_free": found.memory_free,
            "ready": found.ready,
            "warnings": found.warnings,
        }
        return body, ()

    def snap(self, message: Message) -> Answer:
        """A segments layer in the exact colours of a model, of a list, or of its own."""
        segments = Drawing.pixels(message, "segments")
        if segments is None:
            raise InputError("There is nothing to snap: send a frame named segments.")
        palette = self._palette(message)
        found = inspection.snap(segments, palette)
        body = {"palette": found.palette.colours.tolist(), "stray": int(found.stray.sum())}
        frames = (Drawing.frame("segments", found.segments), Drawing.mask("stray", found.stray))
        return body, frames

    def _palette(self, message: Message) -> Palette | None:
        """The palette that a request names: a list of colours, or a model's."""
        listed, wanted = colours(message.body, "palette"), text(message.body, "model", "")
        if listed is not None and wanted:
            raise InputError("Give a model or a palette to snap to, not both.")
        if listed is not None:
            return Palette(np.array(listed, np.uint8).reshape(-1, 3))
        if not wanted:
            return None
        model = self._models.find(wanted)
        if not model.get("palette"):
            raise InputError(f"The model {model.get('name')!r} was not trained on segments.")
        return Palette(np.array(model["palette"], np.uint8))

    def _wanted(self, message: Message) -> "Model":
        job, wanted = text(message.body, "job", ""), text(message.body, "model", "")
        if job and job == self._running and self._snapshot is not None:
            return self._snapshot()
        if job:
            raise TrainingOverError("The training that is named does not run.")
        if not wanted:
            raise InputError("No model is named, and no training.")
        return self._load(wanted)

    def unload_idle(self) -> None:
        """Forget models and drawings that were not used for long."""
        self._loaded.unload_idle()
        self._kept.forget_idle()

    def _load(self, wanted: str) -> "Model":
        path = self._models.path(wanted)
        try:
            model = self._loaded.get(path, lambda: load(path, self._device))
            if model.id != wanted:
                raise DamagedError(f"{path} is damaged: it has the content of another model.")
        except DamagedError as error:
            aside = self._models.set_aside(path, str(error))
            raise DamagedError(f"{error} It was set aside: {aside}.") from error
        return model

    def _store(self, model: "Model") -> dict[str, Any]:
        path = self._folders.models / f"{model.id}{SUFFIX}"
        model.save(path)
        return _summary(model)


def _summary(model: "Model") -> dict[str, Any]:
    return {**model.description.to_json(), "id": model.id}
