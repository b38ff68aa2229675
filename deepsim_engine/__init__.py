"""Deep single-image manipulation: learn, from one pair, to turn a drawing into a picture.

import deepsim_engine as ds
primitive = ds.Primitive.from_layers(segments=..., edges=...)
model = ds.train(image, primitive, preset="draft")
model.save("cat.safetensors")
result = ds.load("cat.safetensors").apply(edited_primitive)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepsim_engine.description import ModelDescription
    from deepsim_engine.edges import extract_edges
    from deepsim_engine.errors import DeepSimError, InputError, Stopped, WorkError
    from deepsim_engine.inspection import Inspection, inspect, snap
    from deepsim_engine.model import Model, load
    from deepsim_engine.palette import Palette
    from deepsim_engine.primitive import Primitive
    from deepsim_engine.segmentation import segment
    from deepsim_engine.training import Progress, train

__all__ = [
    "DeepSimError",
    "InputError",
    "Inspection",
    "Model",
    "ModelDescription",
    "Palette",
    "Primitive",
    "Progress",
    "Stopped",
    "WorkError",
    "extract_edges",
    "inspect",
    "load",
    "segment",
    "snap",
    "train",
]

_HOME = {
    "DeepSimError": "errors",
    "InputError": "errors",
    "Stopped": "errors",
    "WorkError": "errors",
    "Model": "model",
    "ModelDescription": "description",
    "Inspection": "inspection",
    "inspect": "inspection",
    "snap": "inspection",
    "load": "model",
    "Palette": "palette",
    "Primitive": "primitive",
    "Progress": "training",
    "train": "training",
    "extract_edges": "edges",
    "segment": "segmentation",
}


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562): torch takes seconds that `deepsim --help` should not."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
