"""What an evaluation found, as plain values: the content of evaluation.json."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from deepsim_engine import devices
from deepsim_engine.evaluation.dataset import Dataset
from deepsim_engine.evaluation.judges import Judges
from deepsim_engine.evaluation.measures import steadiness
from deepsim_engine.evaluation.methods import Method, Settings
from deepsim_engine.evaluation.record import Record
from deepsim_engine.versions import library_versions

FORMAT = 1


def summarised(
    data: Dataset,
    judges: Judges,
    settings: Settings,
    methods: Sequence[Method],
    records: Sequence[Record],
) -> dict[str, Any]:
    """What evaluation.json holds of a finished evaluation, as plain JSON values."""
    return {
        "format": FORMAT,
        "finished": True,
        "folder": data.name,
        "sha256": data.sha256,
        "kind": data.primitive.kind,
        "size": list(data.primitive.size),
        "frames": [frame.name for frame in data.frames],
        "notes": data.notes,
        "settings": asdict(settings),
        "machine": _machine(),
        "versions": library_versions(),
        "judges": [
            {"name": j.name, "about": j.about, "better": j.better, "against": j.against}
            for j in judges.present
        ],
        "missing": judges.missing,
        "methods": {
            method.name: _method_summary(method, record, data)
            for method, record in zip(methods, records, strict=True)
        },
    }


def _method_summary(method: Method, record: Record, data: Dataset) -> dict[str, Any]:
    pairs = [(record.result(f.name), f.truth) for f in data.frames if f.truth is not None]
    steady = steadiness([result for result, _ in pairs], [truth for _, truth in pairs])
    applied = [record.apply_seconds[frame.name] for frame in data.frames]
    return {
        "about": method.about,
        "facts": record.facts,
        "apply_seconds": round(float(np.median(applied)), 3),
        "mean": {judge: round(value, 5) for judge, value in record.means().items()},
        "steadiness": None if steady is None else steady.to_json(),
        "curve": record.curve,
        "frames": {
            frame.name: {
                "apply_seconds": record.apply_seconds[frame.name],
                **{j: round(v, 5) for j, v in record.figures[frame.name].items()},
            }
            for frame in data.frames
        },
    }


def _machine() -> dict[str, Any]:
    cards = [torch.cuda.get_device_name(n) for n in devices.names() if n.startswith("cuda")]
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "graphics": cards,
    }
