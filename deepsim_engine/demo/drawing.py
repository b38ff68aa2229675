"""The demo's drawing: a cup of coffee as named shapes, and an edited version of it.

The picture is scikit-image's `coffee` (600 x 400 px, CC0 by its photographer). The outlines were
drawn over it by hand, in its pixel coordinates; smooth curves run through the points.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

Points = tuple[tuple[float, float], ...]

DRAWN_ON = (600, 400)
_STEPS = 12


@dataclass(frozen=True)
class Shape:
    """A flat colour inside a closed outline; later shapes lie over earlier ones."""

    name: str
    colour: tuple[int, int, int]
    outline: Points
    smooth: bool = True


@dataclass(frozen=True)
class Line:
    """A drawn line that bounds no colour, for example a highlight."""

    name: str
    points: Points


@dataclass(frozen=True)
class Drawing:
    """Shapes from back to front, and lines over them."""

    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]

    def edited(self, outlines: Mapping[str, Points], lines: Mapping[str, Points]) -> "Drawing":
        """The drawing with other outlines for the shapes, and other points for the lines, named."""
        return Drawing(
            tuple(replace(s, outline=outlines.get(s.name, s.outline)) for s in self.shapes),
            tuple(replace(line, points=lines.get(line.name, line.points)) for line in self.lines),
        )

    def outline(self, name: str) -> Points:
        """The outline of the shape called `name`."""
        return next(shape.outline for shape in self.shapes if shape.name == name)

    def render(self, size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
        """Segments (RGB, flat colours) and edges (RGBA, black on transparent), `size` in pixels.

        Edges are the borders between colours and the lines; so an edit of a shape moves both.
        """
        segments = Image.new("RGB", size, self.shapes[0].colour)
        painter = ImageDraw.Draw(segments)
        for shape in self.shapes:
            points = closed_curve(shape.outline) if shape.smooth else np.array(shape.outline)
            painter.polygon(_scaled(points, size), fill=shape.colour)
        classes = np.array(segments, dtype=np.int32) @ np.array([65536, 256, 1])
        border = np.zeros(classes.shape, dtype=bool)
        border[:, :-1] |= classes[:, :-1] != classes[:, 1:]
        border[:-1, :] |= classes[:-1, :] != classes[1:, :]
        pixels = np.zeros((size[1], size[0], 4), dtype=np.uint8)
        pixels[border, 3] = 255
        edges = Image.fromarray(pixels)
        pen = ImageDraw.Draw(edges)
        for line in self.lines:
            pen.line(_scaled(open_curve(line.points), size), fill=(0, 0, 0, 255), width=1)
        return segments, edges


def points(text: str) -> Points:
    """Points written as "x,y x,y ..."."""
    pairs = (pair.split(",") for pair in text.split())
    return tuple((float(x), float(y)) for x, y in pairs)


def moved(points: Points, right: float, down: float) -> Points:
    """`points`, shifted."""
    return tuple((x + right, y + down) for x, y in points)


def closed_curve(points: Points) -> np.ndarray:
    """(N, 2) points of a Catmull-Rom spline through `points` and back to the first."""
    p = np.asarray(points, dtype=float)
    return _spline(np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0))


def open_curve(points: Points) -> np.ndarray:
    """(N, 2) points of a Catmull-Rom spline through `points`, from the first to the last."""
    p = np.asarray(points, dtype=float)
    q = np.vstack([p[:1], p, p[-1:]])
    return np.vstack([_spline(q[:-3], q[1:-2], q[2:-1], q[3:]), p[-1:]])


def _spline(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Uniform Catmull-Rom from each b to its c, `_STEPS` points each."""
    t = np.linspace(0, 1, _STEPS, endpoint=False)[None, :, None]
    a, b, c, d = (x[:, None, :] for x in (a, b, c, d))
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
    curve = curve + (3 * b - a - 3 * c + d) * t**3
    return (curve / 2).reshape(-1, 2)


def _scaled(points: np.ndarray, size: tuple[int, int]) -> list[tuple[float, float]]:
    scale = np.array([size[0] / DRAWN_ON[0], size[1] / DRAWN_ON[1]])
    return [(float(x), float(y)) for x, y in points * scale]
