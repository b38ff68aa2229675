"""The folder of one evaluation: a training pair and held-out frames.

    train_B/     the training picture, one file
    train_seg/   its segments, train_edges/ its edges; one of them or both
    test_B/      the true frames
    test_seg/    their segments, test_edges/ their edges

The same file name (the ending may differ) means the same frame. Edges that are missing are
extracted from the pictures. Frames without a true picture are painted, but not compared with one.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsim_engine.edges import MAX_SIGMA, extract_edges
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import (
    Pixels,
    describe_size,
    over_white,
    read_image,
)
from deepsim_engine.palette import Palette
from deepsim_engine.primitive import Primitive

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SMALLEST_SIDE = 16


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        name: file name without its ending.
        primitive: its drawing.
        truth: (H, W, 3) uint8, the picture that belongs to it; None where nobody knows.
    """

    name: str
    primitive: Primitive
    truth: Pixels | None


@dataclass(frozen=True, eq=False)
class Dataset:
    """What an evaluation works on, at its working size.

    Attributes:
        name: of the folder.
        image: (H, W, 3) uint8, the training picture.
        primitive: its drawing.
        frames: held-out frames in natural order of their names.
        notes: sentences about what had to be assumed.
        sha256: of all pixels that matter.
    """

    name: str
    image: Pixels
    primitive: Primitive
    frames: list[Frame]
    notes: list[str]
    sha256: str


def read(folder: Path, size: int | None = None, sigma: float = 1.0) -> Dataset:
    """Read FOLDER; `size` is the longest side to scale pictures and drawings down to.

    `sigma` is the smoothing, in pixels of that size, where edges are extracted (Canny).

    Raises InputError, in one sentence, for everything that is missing or does not fit together.
    """
    if size is not None and size < SMALLEST_SIDE:
        raise InputError(f"The size is {size} pixels: it must be at least {SMALLEST_SIDE}.")
    if not 0 <= sigma <= MAX_SIGMA:
        raise InputError(f"Sigma is {sigma:g}: it must be from 0 to {MAX_SIGMA:g} pixels.")
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist or is no folder: give one with train_B in it.")
    return _Reader(folder, size, sigma).dataset()


@dataclass(frozen=True)
class _Reader:
    folder: Path
    size: int | None
    sigma: float

    def dataset(self) -> Dataset:
        training, tests = self._training_files(), self._test_files()
        edges = self._use_edges(training, tests)
        notes = []
        if not edges and "edges" not in training:
            notes.append(
                f"{self.folder.name} has frames without a true picture and without edges: only "
                "segments are used."
            )
        picture = _picture(training["B"])
        image = self._scaled_picture(picture)
        primitive = self._primitive(training, picture, edges)
        frames = [
            self._frame(name, files, edges, primitive.palette) for name, files in tests.items()
        ]
        for warning in dict.fromkeys(
            w for p in (primitive, *(f.primitive for f in frames)) for w in p.warnings
        ):
            notes.append(warning)
        return Dataset(
            self.folder.name, image, primitive, frames, notes, _digest(image, primitive, frames)
        )

    def _training_files(self) -> dict[str, Path]:
        pictures = self._files("train_B")
        if len(pictures) != 1:
            many = f"{len(pictures)} pictures" if pictures else "no picture"
            raise InputError(f"{self.folder / 'train_B'} holds {many}: it must be exactly one.")
        (name,) = pictures
        files = {"B": pictures[name]}
        for kind in ("seg", "edges"):
            drawn = self._files(f"train_{kind}")
            if drawn and name not in drawn:
                raise InputError(
                    f"{self.folder / f'train_{kind}'} holds no drawing called {name}, as the "
                    f"picture in train_B is."
                )
            if drawn:
                files[kind] = drawn[name]
        return files

    def _test_files(self) -> dict[str, dict[str, Path]]:
        found = {kind: self._files(f"test_{kind}") for kind in ("B", "seg", "edges")}
        names = sorted({name for files in found.values() for name in files}, key=_natural)
        if not names:
            raise InputError(
                f"{self.folder} holds no frames to judge: put drawings into test_seg or "
                "test_edges, and their true pictures into test_B."
            )
        return {
            name: {kind: files[name] for kind, files in found.items() if name in files}
            for name in names
        }

    def _use_edges(self, training: dict[str, Path], tests: dict[str, dict[str, Path]]) -> bool:
        """Whether edges are part of the drawings; checks that every frame has what is needed."""
        if "seg" in training:
            for name, files in tests.items():
                if "seg" not in files:
                    raise InputError(
                        f"{self.folder / 'test_seg'} holds no drawing called {name}, which other "
                        "test folders have."
                    )
        elif any("seg" in files for files in tests.values()):
            raise InputError(
                f"{self.folder} has test_seg but no train_seg: segments of the training picture "
                "are needed too."
            )
        bare = [name for name, files in tests.items() if not files.keys() & {"B", "edges"}]
        if not bare:
            return True
        if "edges" not in training and "seg" in training:
            return False
        raise InputError(
            f"The frame {bare[0]} in {self.folder} has neither edges nor a true picture to "
            "extract them from: add it to test_edges or test_B."
        )

    def _frame(
        self, name: str, files: dict[str, Path], edges: bool, palette: Palette | None
    ) -> Frame:
        truth = _picture(files["B"]) if "B" in files else None
        primitive = self._primitive(files, truth, edges, palette)
        return Frame(name, primitive, None if truth is None else self._scaled_picture(truth))

    def _primitive(
        self,
        files: dict[str, Path],
        picture: Pixels | None,
        edges: bool,
        palette: Palette | None = None,
    ) -> Primitive:
        """The drawing of a frame at working size; `picture` is its true picture as it was read."""
        layers: dict[str, Any] = {}
        if "seg" in files:
            layers["segments"] = _drawing(files["seg"], "the segments", picture)
        if edges and "edges" in files:
            layers["edges"] = _drawing(files["edges"], "the edges", picture)
        try:
            drawn = Primitive.from_layers(**layers, palette=palette) if layers else None
            if drawn is not None and (drawn.edges is not None or not edges):
                return drawn.resized(*self._scaled_size(*drawn.size))
            assert picture is not None  # noqa: S101  (checked by _use_edges)
            small = self._scaled_picture(picture)
            lines = extract_edges(small, sigma=self.sigma)
        except InputError as error:
            raise InputError(
                f"{files.get('seg', files.get('edges', files.get('B')))}: {error}"
            ) from error
        if drawn is None:
            return Primitive(edges=lines)
        scaled = drawn.resized(lines.shape[1], lines.shape[0])
        return Primitive(scaled.classes, lines, None, scaled.palette, drawn.warnings)

    def _scaled_picture(self, picture: Pixels) -> Pixels:
        size = self._scaled_size(picture.shape[1], picture.shape[0])
        if size == (picture.shape[1], picture.shape[0]):
            return picture
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))

    def _scaled_size(self, width: int, height: int) -> tuple[int, int]:
        scale = min(1.0, (self.size or max(width, height)) / max(width, height))
        return max(2, round(width * scale)), max(2, round(height * scale))

    def _files(self, name: str) -> dict[str, Path]:
        """Pictures in a folder by their names without ending; none where there is no folder."""
        folder = self.folder / name
        if not folder.is_dir():
            return {}
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.suffix.lower() not in _PICTURES:
                continue
            if path.stem in found:
                raise InputError(f"{folder} holds two pictures called {path.stem}: remove one.")
            found[path.stem] = path
        return found


def _picture(path: Path) -> Pixels:
    return over_white(read_image(path))


def _drawing(path: Path, what: str, picture: Pixels | None) -> Pixels:
    drawing = read_image(path, what)
    if picture is not None and drawing.shape[:2] != picture.shape[:2]:
        raise InputError(
            f"{path} is {describe_size(drawing)} pixels but the picture that it belongs to is "
            f"{describe_size(picture)}: they must have the same size."
        )
    return drawing


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which frame 5 comes before frame 15."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _digest(image: Pixels, primitive: Primitive, frames: Iterable[Frame]) -> str:
    digest = hashlib.sha256()
    layers: list[NDArray[Any] | None] = [image, primitive.classes, primitive.edges]
    for frame in frames:
        digest.update(f"{frame.name}\0".encode())
        layers += [frame.truth, frame.primitive.classes, frame.primitive.edges]
    for layer in layers:
        digest.update(b"-" if layer is None else f"{layer.shape}".encode())
        if layer is not None:
            digest.update(np.ascontiguousarray(layer).view(np.uint8).data)
    return digest.hexdigest()
