"""The pair that speed is measured on: a photograph that scikit-image ships, and its drawing."""

import numpy as np
from PIL import Image
from skimage import data

import deepsim_engine as ds
from deepsim_engine.imaging import Pixels


def astronaut(size: int) -> tuple[Pixels, ds.Primitive, ds.Primitive]:
    """Picture (size, size, 3), its drawing, and the drawing with its middle moved.

    Segments are found in a copy of 256 px, so that every size has the same regions.
    """
    original = Image.fromarray(data.astronaut())
    picture = np.array(original.resize((size, size), Image.Resampling.LANCZOS))
    small = np.array(original.resize((256, 256), Image.Resampling.LANCZOS))
    found = Image.fromarray(ds.segment(small, 12)).resize((size, size), Image.Resampling.NEAREST)
    primitive = ds.Primitive.from_layers(segments=found, edges=ds.extract_edges(picture))
    assert primitive.classes is not None
    assert primitive.edges is not None
    quarter, shift = size // 4, size // 32
    layers = []
    for layer in (primitive.classes, primitive.edges):
        moved = layer.copy()
        inside = np.s_[quarter : 3 * quarter, quarter : 3 * quarter]
        moved[inside] = np.roll(layer, shift, 1)[inside]
        layers.append(moved)
    edited = ds.Primitive(layers[0], layers[1], None, primitive.palette)
    return picture, primitive, edited
