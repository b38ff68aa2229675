"""Pictures in every colour space of Krita, checked against the spaces' own formulas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

if TYPE_CHECKING:
    from tests.editors.krita_harness import KritaProcess
    from tests.editors.parts import of_which_in_every_krita
else:
    from parts import of_which_in_every_krita

pytestmark = pytest.mark.editor

Values = npt.NDArray[Any]
SIZE = (64, 48)
SRGB, LINEAR = "sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V2-g10.icc"
ADOBE, REC2020 = "ClayRGB-elle-V2-g22.icc", "Rec2020-elle-V4-g10.icc"
GRAY, LINEAR_GRAY = "Gray-D50-elle-V2-srgbtrc.icc", "Gray-D50-elle-V2-g10.icc"
LAB, XYZ = "Lab identity built-in", "XYZ identity built-in"
# sRGB's primaries as the profiles have them, with the white of D50.
TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
D50 = np.array([0.9642, 1.0, 0.8249])

Space = tuple[str, str, str]
EXACT: list[Space] = [
    *(("RGBA", depth, SRGB) for depth in ("U8", "U16", "F16", "F32")),
    *(("RGBA", depth, LINEAR) for depth in ("U16", "F16", "F32")),
    *(("RGBA", depth, REC2020) for depth in ("U16", "F32")),
    ("RGBA", "U16", ADOBE),
    *(("GRAYA", depth, GRAY) for depth in ("U8", "U16", "F16", "F32")),
    *(("GRAYA", depth, LINEAR_GRAY) for depth in ("U16", "F32")),
    *(("LABA", depth, LAB) for depth in ("U16", "F32")),
    *(("XYZA", depth, XYZ) for depth in ("U16", "F32")),
]
UNLIKE: list[Space] = [
    *(("RGBA", "U8", SRGB), ("RGBA", "U16", ADOBE), ("RGBA", "F16", LINEAR)),
    *(("RGBA", "F32", REC2020), ("GRAYA", "U16", GRAY), ("LABA", "U16", LAB), ("XYZA", "F32", XYZ)),
]
COARSE: list[Space] = [("RGBA", "U8", LINEAR), ("LABA", "U8", LAB)]
"""Their eight bits hold less than sRGB's: right to their own steps, but not back."""

NEW = """
from deepsim_krita.document import KritaDocument
from deepsim_krita.state import Picture
doc = k.createDocument({width}, {height}, "picture", *{space!r}, 72.0)
k.activeWindow().addView(doc); doc.waitForDone()
here = KritaDocument(doc)
def node(uid): return next(n for n in doc.topLevelNodes() if n.uniqueId().toString() == uid)
"""


def name(space: Space) -> str:
    return "-".join(space)


def ramps(model: str) -> npt.NDArray[np.uint8]:
    """Every byte value, with alpha from nothing to all, (height, width, 4); grays for gray."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    alpha = np.where(y < 24, 255, (y - 24) * 11)
    colours = [x * 4, 255 - x * 4, y * 5] if model != "GRAYA" else [x * 4 + y % 4] * 3
    return np.stack([*colours, alpha], axis=2).astype(np.uint8)


class Rig:
    """A document of one space, pictures put in and taken out."""

    def __init__(self, krita: KritaProcess, folder: Path, space: Space) -> None:
        self.krita, self.folder = krita, folder
        krita.call(NEW.format(width=SIZE[0], height=SIZE[1], space=space))

    def insert(self, pixels: npt.NDArray[np.uint8], *more: str) -> str:
        path = self.folder / "in.raw"
        path.write_bytes(pixels.tobytes())
        return str(
            self.krita.call(f"""
data = open({str(path)!r}, "rb").read()
result = here.insert(Picture({SIZE[0]}, {SIZE[1]}, data), "made", *{[None, *more]!r})""")
        )

    def read(self, uid: str) -> tuple[npt.NDArray[np.uint8], str]:
        path = self.folder / "out.raw"
        lost = self.krita.call(f"""
p = here.read({uid!r}); open({str(path)!r}, "wb").write(p.rgba); result = p.lost""")
        pixels = np.frombuffer(path.read_bytes(), np.uint8)
        return pixels.reshape(SIZE[1], SIZE[0], 4), lost

    def raw(self, uid: str, dtype: str) -> Values:
        """The layer's own values, (height, width, channels)."""
        path = self.folder / "raw.raw"
        self.krita.call(f"""
data = bytes(node({uid!r}).pixelData(0, 0, {SIZE[0]}, {SIZE[1]}))
open({str(path)!r}, "wb").write(data)""")
        return np.fromfile(path, dtype).reshape(SIZE[1], SIZE[0], -1)

    def paint(self, values: Values) -> str:
        """A layer with these values, by Krita alone."""
        path = self.folder / "painted.raw"
        path.write_bytes(np.ascontiguousarray(values).tobytes())
        return str(
            self.krita.call(f"""
n = doc.createNode("painted", "paintlayer")
n.setPixelData(open({str(path)!r}, "rb").read(), 0, 0, {SIZE[0]}, {SIZE[1]})
doc.rootNode().addChildNode(n, None); doc.refreshProjection(); doc.waitForDone()
result = n.uniqueId().toString()""")
        )


def dtype_of(space: Space) -> str:
    return {"U8": "u1", "U16": "<u2", "F16": "<f2", "F32": "<f4"}[space[1]]


def linear(encoded: Values) -> Values:
    """sRGB's transfer function (IEC 61966-2-1), 0 to 1."""
    low = encoded <= 0.04045
    result: Values = np.where(low, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return result


def lab(xyz: Values) -> Values:
    """CIE 1976 L*, a*, b* for the white of D50."""
    ratio = xyz / D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def expected(space: Space, pixels: npt.NDArray[np.uint8]) -> Values | None:
    """The colour values that a space has for sRGB pixels, in its depth's units; None: unknown."""
    model, depth, profile = space
    encoded = pixels[..., :3] / 255
    light = linear(encoded)
    if model == "RGBA" and profile in {SRGB, LINEAR}:
        values = encoded if profile == SRGB else light
        # Integers are stored B, G, R.
        values = values[..., ::-1] if depth in {"U8", "U16"} else values
    elif model == "GRAYA":
        values = (encoded if profile == GRAY else light)[..., :1]
    elif model == "XYZA":
        values = light @ TO_XYZ.T * (32768 / 65535 if depth == "U16" else 1)
    elif model == "LABA":
        values = lab(light @ TO_XYZ.T)
        if depth != "F32":
            values = (values + np.array([0, 128, 128])) / np.array([100, 255, 255])
    else:
        return None
    result: Values = values * {"U8": 255, "U16": 65535}.get(depth, 1)
    return result


def tolerance(space: Space, values: Values) -> Any:
    """Rounding to the depth's steps, and what the profiles' tables and primaries are off.

    In each case that is less than a tenth of a step of 8 bits, F16 near 1 apart.
    """
    if space[1] == "F16":
        return np.abs(values) / 1024 + 2e-4
    if space[1] == "F32":
        return 0.03 if space[0] == "LABA" else 3e-4
    return {"U8": 0.55, "U16": 10.0}[space[1]]


@pytest.mark.parametrize("space", of_which_in_every_krita(EXACT, UNLIKE), ids=name)
def test_a_picture_has_the_spaces_values_and_comes_out_unchanged(
    krita: KritaProcess, tmp_path: Path, space: Space
) -> None:
    rig, pixels = Rig(krita, tmp_path, space), ramps(space[0])
    uid = rig.insert(pixels)
    seen, lost = rig.read(uid)
    visible = pixels[..., 3] > 0
    assert np.array_equal(seen[visible], pixels[visible])
    assert lost == ""
    wanted = expected(space, pixels)
    if wanted is not None:
        raw = rig.raw(uid, dtype_of(space))[..., :-1].astype(np.float64)
        assert (np.abs(raw - wanted) <= tolerance(space, wanted))[visible].all()
    assert krita.call(f"n = node({uid!r}); result = [n.colorModel(), n.colorDepth()]") == [
        *space[:2]
    ]


@pytest.mark.parametrize("space", COARSE, ids=name)
def test_a_space_with_coarse_steps_gets_its_nearest_values(
    krita: KritaProcess, tmp_path: Path, space: Space
) -> None:
    rig, pixels = Rig(krita, tmp_path, space), ramps(space[0])
    wanted = expected(space, pixels)
    assert wanted is not None
    raw = rig.raw(rig.insert(pixels), dtype_of(space))[..., :-1]
    off = np.abs(raw - wanted)[pixels[..., 3] > 0]
    assert off.max() <= 1.0
    assert np.quantile(off, 0.95) <= 0.55


@pytest.mark.every_krita
def test_values_that_were_not_changed_stay_to_the_last_bit(
    krita: KritaProcess, tmp_path: Path
) -> None:
    rig = Rig(krita, tmp_path, ("RGBA", "F32", LINEAR))
    values = np.random.default_rng(1).random((SIZE[1], SIZE[0], 4), np.float32)
    values[..., 3] = 1
    values[:8, :8, :3] = 5.0
    painted = rig.paint(values)
    pixels, lost = rig.read(painted)
    assert lost == "Values above 1 (HDR) are clipped to 1."
    assert (pixels[:8, :8] == 255).all()
    edited = pixels.copy()
    edited[10:20, 30:50] = (10, 20, 30, 255)
    raw = rig.raw(rig.insert(edited, painted), "<f4")
    changed = (edited != pixels).any(axis=2)
    assert np.array_equal(raw[~changed], values[~changed])
    wanted = linear(edited[..., :3] / 255)
    assert np.abs(raw[..., :3] - wanted)[changed].max() < 2e-4


def test_colours_that_srgb_does_not_have_are_said_to_be_clipped(
    krita: KritaProcess, tmp_path: Path
) -> None:
    rig = Rig(krita, tmp_path, ("RGBA", "U16", REC2020))
    values = np.zeros((SIZE[1], SIZE[0], 4), "<u2")
    values[:, 20:40] = (0, 65535, 0, 65535)
    pixels, lost = rig.read(rig.paint(values))
    assert tuple(pixels[5, 30]) == (0, 255, 0, 255)
    assert lost == "Colours that sRGB does not have are clipped to the nearest."
