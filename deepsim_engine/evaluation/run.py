"""An evaluation: every method learns from one frame, paints the others, and is judged."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepsim_engine import devices, presets
from deepsim_engine.errors import InputError, Stopped, WorkError
from deepsim_engine.evaluation import dataset as datasets
from deepsim_engine.evaluation import judges as judging
from deepsim_engine.evaluation.dataset import Dataset, Frame
from deepsim_engine.evaluation.methods import Method, Painter, Settings, Task
from deepsim_engine.evaluation.record import Record
from deepsim_engine.evaluation.summary import FORMAT, summarised
from deepsim_engine.files import write_atomically
from deepsim_engine.imaging import Pixels
from deepsim_engine.training import Progress, ShouldStop, check_numbers
from deepsim_engine.versions import library_versions

RESULT = "evaluation.json"
CURVE_JUDGE = "lpips-vgg(hed)"
_CURVE_FRAMES = 3
_CURVE_MOMENTS = tuple(5.0 * 2**k for k in range(12))  # 5 s to 3 hours


@dataclass(frozen=True)
class Stage:
    """What an evaluation is doing.

    Attributes:
        method: name.
        doing: "training", "painting", "judging" or "done".
        done, total: frames finished, of how many.
        training: where the training stands, while there is one.
    """

    method: str
    doing: str
    done: int
    total: int
    training: Progress | None = None


OnStage = Callable[[Stage], None]


@dataclass(frozen=True)
class Evaluation:
    """All that came out.

    Attributes:
        out: the folder.
        data: what was evaluated on.
        methods, records: in the order asked for.
        judges: who judged.
        summary: what evaluation.json holds.
    """

    out: Path
    data: Dataset
    methods: list[Method]
    records: list[Record]
    judges: judging.Judges
    summary: dict[str, Any]


def evaluate(
    folder: Path,
    out: Path,
    methods: Sequence[Method],
    settings: Settings,
    *,
    size: int | None = None,
    sigma: float = 1.0,
    on_stage: OnStage = lambda stage: None,
    should_stop: ShouldStop = lambda: False,
) -> Evaluation:
    """Evaluate `methods` on FOLDER (see `dataset`) and leave results and evaluation.json in `out`.

    What an earlier, interrupted run with the same settings has left there is kept and used.

    Raises InputError before anything is written, WorkError when the work fails, Stopped when
    `should_stop` said so.
    """
    presets.find(settings.preset)
    check_numbers(settings.seconds, settings.steps, None)
    device = devices.pick(settings.device)
    for method in methods:
        method.identity(settings)  # refuses settings that mean nothing to it
    data = datasets.read(folder, size, sigma)
    _claim(out)
    judges = judging.gather(device)
    run = _Run(data, judges, settings, on_stage, should_stop)
    records = [run.method(method, out / method.name) for method in methods]
    summary = summarised(data, judges, settings, methods, records)
    _write_json(out / RESULT, summary)
    return Evaluation(out, data, list(methods), records, judges, summary)


def check_output(folder: Path, out: Path) -> None:
    """Refuse an output folder that holds anything but an earlier evaluation, or cannot be made."""
    inside = out.absolute().resolve()
    if inside == folder.resolve() or folder.resolve() in inside.parents:
        raise InputError(f"--out {out} is inside {folder}: results must go elsewhere.")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file: it must name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / RESULT).is_file():
        raise InputError(
            f"--out {out} holds other files: name a new folder, an empty one, or that of an "
            "earlier evaluation."
        )
    if not out.exists() and not out.absolute().parent.is_dir():
        raise InputError(f"The folder {out.absolute().parent} for --out does not exist.")
    writable = out if out.exists() else out.absolute().parent
    if not os.access(writable, os.W_OK):
        raise InputError(f"{out} cannot be written: permission denied.")


def _claim(out: Path) -> None:
    """Make the folder and mark it as an evaluation's, for the run that goes on with it."""
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise WorkError(f"{out} could not be made: {error.strerror or error}.") from error
    if not (out / RESULT).exists():
        _write_json(out / RESULT, {"format": FORMAT, "finished": False})


def _write_json(path: Path, values: dict[str, Any]) -> None:
    try:
        write_atomically(path, json.dumps(values, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        raise WorkError(f"{path} could not be written: {error.strerror or error}.") from error


@dataclass(frozen=True)
class _Run:
    data: Dataset
    judges: judging.Judges
    settings: Settings
    on_stage: OnStage
    should_stop: ShouldStop

    def method(self, method: Method, folder: Path) -> Record:
        """Bring one method to its end, from wherever its record stands."""
        identity = {
            "format": FORMAT,
            "data": self.data.sha256,
            "versions": library_versions(),
            "method": method.identity(self.settings),
        }
        record = Record.opened(folder, identity)
        unpainted = [f for f in self.data.frames if not record.painted(f.name)]
        if unpainted or record.curve is None:
            painter = self._prepare(method, folder)
            record.facts = painter.facts
            for frame in unpainted:
                self._check_stop()
                self._tell(method, "painting", record)
                started = time.monotonic()
                result = painter.paint(frame.primitive)
                record.keep_result(frame.name, result, time.monotonic() - started)
            record.curve = self._curve(painter, record)
            record.save()
            for kept in folder.glob("after-*.safetensors"):
                kept.unlink()
        wanted = {judge.name for judge in self.judges.present if judge.against == "training"}
        for frame in self.data.frames:
            needed = wanted if frame.truth is None else {j.name for j in self.judges.present}
            if not needed <= record.figures.get(frame.name, {}).keys():
                self._check_stop()
                self._tell(method, "judging", record)
                result = record.result(frame.name)
                record.figures[frame.name] = self.judges.figures(
                    result, frame.truth, self.data.image
                )
                record.save()
        self._tell(method, "done", record)
        return record

    def _prepare(self, method: Method, folder: Path) -> Painter:
        total = len(self.data.frames)
        self.on_stage(Stage(method.name, "training", 0, total))
        task = Task(
            self.data.image,
            self.data.primitive,
            self.settings,
            folder,
            lambda progress: self.on_stage(Stage(method.name, "training", 0, total, progress)),
            self.should_stop,
            _CURVE_MOMENTS if self._curve_frames() else (),
        )
        try:
            return method.prepare(task)
        except Stopped as error:
            raise self._stopped() from error

    def _curve(self, painter: Painter, record: Record) -> list[list[float]]:
        """[seconds, mean figure] on a few frames: of the earlier states, then of the results."""
        frames = self._curve_frames()
        if not frames:
            return []
        curve = []
        for seconds, paint in painter.earlier:
            self._check_stop()
            curve.append([seconds, self._curve_figure([paint(f.primitive) for f in frames])])
        results = [record.result(frame.name) for frame in frames]
        return [*curve, [painter.facts["seconds"], self._curve_figure(results)]]

    def _curve_figure(self, results: list[Pixels]) -> float:
        judge = self.judges.named(CURVE_JUDGE)
        pairs = zip(results, self._curve_frames(), strict=True)
        return float(np.mean([judge.measure(r, f.truth) for r, f in pairs if f.truth is not None]))

    def _curve_frames(self) -> list[Frame]:
        """Frames that the curve is measured on; none without truths or without its judge."""
        known = [frame for frame in self.data.frames if frame.truth is not None]
        if CURVE_JUDGE in self.judges.missing or not known:
            return []
        chosen = np.linspace(0, len(known) - 1, min(_CURVE_FRAMES, len(known)))
        return [known[round(float(number))] for number in chosen]

    def _tell(self, method: Method, doing: str, record: Record) -> None:
        done = sum(
            record.painted(frame.name) if doing == "painting" else frame.name in record.figures
            for frame in self.data.frames
        )
        self.on_stage(Stage(method.name, doing, done, len(self.data.frames)))

    def _check_stop(self) -> None:
        if self.should_stop():
            raise self._stopped()

    def _stopped(self) -> Stopped:
        return Stopped("The evaluation was stopped: the same command goes on with it.")
