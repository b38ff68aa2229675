"""The drawing that a picture is made from: edges, segments, both over each other, or a painting."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.morphology import skeletonize

from deepsim_engine.colours import ColourTable, to_lab, weighted_median
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import (
    Mask,
    Pixels,
    as_pixels,
    check_same_size,
    check_size,
    check_sizes,
    over_white,
    split_alpha,
)
from deepsim_engine.palette import Palette

if TYPE_CHECKING:
    import torch

KINDS = ("edges", "segments", "both", "painting")

_DRAWN_ALPHA = 64
"""Edge pixels with at least this alpha are drawn: a thin line between two rows has half each."""
_DRAWN_CONTRAST = 25.0
"""Delta E from the background that counts as drawn; less where the whole drawing is fainter."""
_FAINTEST = 6.0
"""Delta E below which a drawing cannot be told from its background."""
_THICK = 2.5
"""Mean line width in pixels from which thinning is worth a word."""
_FOREIGN = 0.5
"""Share of unknown colours from which segments were drawn for another model."""


@dataclass(frozen=True, eq=False)
class Primitive:
    """What is drawn, as the network sees it; make it with `from_layers`.

    Attributes:
        classes: (H, W) uint8, index into `palette`, or None.
        edges: (H, W) bool, lines one pixel wide, or None.
        painting: (H, W, 3) uint8, or None; excludes the others.
        palette: the classes' meaning; None exactly when `classes` is.
        warnings: sentences for the artist about what had to be guessed or changed.
    """

    classes: NDArray[np.uint8] | None = None
    edges: Mask | None = None
    painting: Pixels | None = None
    palette: Palette | None = None
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        drawn = self.classes is not None or self.edges is not None
        if drawn and self.painting is not None:
            raise InputError("A painting cannot be combined with edges or segments: give one kind.")
        if not drawn and self.painting is None:
            raise InputError("Neither edges nor segments are given: draw at least one of them.")
        if (self.classes is None) != (self.palette is None):
            raise InputError("Segments and their palette go together.")
        if (
            self.classes is not None
            and self.palette is not None
            and int(self.classes.max()) >= len(self.palette)
        ):
            raise InputError("The segments hold a class that the palette does not.")
        if self.classes is not None and self.edges is not None:
            check_same_size(self.classes, self.edges, "the segments", "the edges")
        check_size(*self.size, what="the primitive")

    @classmethod
    def from_layers(
        cls,
        segments: Any = None,
        edges: Any = None,
        painting: Any = None,
        palette: Palette | None = None,
    ) -> "Primitive":
        """Make a primitive from painted layers.

        Layers are Pillow images or arrays (H, W), (H, W, 3), (H, W, 4), uint8 (edges also bool).
        Segments snap to `palette` if given, else to the palette found in them. Edges may be of
        any colour and thickness on transparent, white, black or any even ground.

        Raises InputError: no layer; a painting with other layers; different sizes; an empty
        layer; segments of one colour, of more than 64, or shaded like a photograph; segments
        that share no colours with `palette`.
        """
        warnings: list[str] = []
        named = {"the segments": segments, "the edges": edges, "the painting": painting}
        layers = {
            what: as_pixels(layer, what) for what, layer in named.items() if layer is not None
        }
        check_sizes(layers)
        classes = lines = None
        if (pixels := layers.get("the segments")) is not None:
            classes, palette = _classes(pixels, palette, warnings)
        if (pixels := layers.get("the edges")) is not None:
            lines = _thin_lines(pixels, warnings)
        free = layers.get("the painting")
        return cls(
            classes=classes,
            edges=lines,
            painting=None if free is None else over_white(free),
            palette=None if classes is None else palette,
            warnings=warnings,
        )

    @property
    def kind(self) -> str:
        """`edges`, `segments`, `both` or `painting`."""
        if self.painting is not None:
            return "painting"
        if self.classes is None:
            return "edges"
        return "segments" if self.edges is None else "both"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        layer = next(
            layer for layer in (self.classes, self.edges, self.painting) if layer is not None
        )
        return layer.shape[1], layer.shape[0]

    @property
    def channels(self) -> int:
        """Number of channels of `to_tensor`."""
        if self.painting is not None:
            return 3
        return (0 if self.palette is None else len(self.palette)) + (self.edges is not None)

    def to_tensor(self, device: "torch.device | str" = "cpu") -> "torch.Tensor":
        """Float32 (C, H, W): one plane of 0 and 1 per class, then the edges; or a painting, -1..1.

        One-hot because classes have no order; edges last, so that `both` with an empty edges
        plane reads like `segments`.
        """
        import torch  # noqa: PLC0415 - takes seconds, and only training and applying need it

        if self.painting is not None:
            colour = torch.from_numpy(np.array(self.painting)).to(device)
            return colour.permute(2, 0, 1).float().div_(127.5).sub_(1.0)
        planes = []
        if self.classes is not None and self.palette is not None:
            classes = torch.from_numpy(np.array(self.classes)).to(device)
            wanted = torch.arange(len(self.palette), device=device, dtype=torch.uint8)
            planes.append((classes[None] == wanted[:, None, None]).float())
        if self.edges is not None:
            planes.append(torch.from_numpy(np.array(self.edges)).to(device)[None].float())
        return torch.cat(planes)

    def resized(self, width: int, height: int) -> "Primitive":
        """The same drawing at another size; lines stay whole and one pixel wide."""
        if (width, height) == self.size:
            return self
        check_size(width, height, what="the primitive")
        classes, edges, painting = self.classes, self.edges, self.painting
        if classes is not None:
            nearest = Image.fromarray(classes).resize((width, height), Image.Resampling.NEAREST)
            classes = np.array(nearest)
        if edges is not None:
            edges = _thin(_scaled_lines(edges, width, height))
        if painting is not None:
            smooth = Image.fromarray(painting).resize((width, height), Image.Resampling.LANCZOS)
            painting = np.array(smooth)
        return Primitive(classes, edges, painting, self.palette, self.warnings)


def _classes(
    pixels: Pixels, palette: Palette | None, warnings: list[str]
) -> tuple[NDArray[np.uint8], Palette]:
    known = palette is not None
    if palette is None:
        palette = Palette.from_segments(pixels)
    classes, far = palette.snap(pixels)
    if far is not None:
        if known and far.share > _FOREIGN:
            raise InputError(
                f"{far.share:.0%} of the segments have colours that the model was not trained on: "
                "pick the colours from the segments it was trained with."
            )
        warnings.append(far.sentence())
    alpha = pixels[:, :, 3:]
    if known and not palette.unpainted and alpha.min(initial=255) < 128:
        warnings.append(
            f"{(alpha < 128).mean():.1%} of the segments are unpainted, which the model was not "
            "trained on: they are filled from the paint around them."
        )
    return classes, palette


def _thin_lines(pixels: Pixels, warnings: list[str]) -> Mask:
    drawn = _drawn(pixels)
    if not drawn.any():
        raise InputError("The edges layer is empty: draw lines on it, or extract them.")
    thin = _thin(drawn)
    width = drawn.sum() / thin.sum()
    if width >= _THICK:
        warnings.append(f"The edges are about {width:.0f} pixels wide: they are thinned.")
    return thin


def _drawn(pixels: Pixels) -> Mask:
    """Which pixels carry a line: by alpha where that tells, else by contrast to the ground."""
    colour, alpha = split_alpha(pixels)
    if alpha is None:
        return _contrasting(colour, np.ones(colour.shape[:2], bool))
    opaque = alpha >= _DRAWN_ALPHA
    if opaque.mean() <= 0.5:
        return opaque
    return _contrasting(colour, opaque)  # lines on a filled ground that leaves some part free


def _contrasting(colour: Pixels, within: Mask) -> Mask:
    table = ColourTable.of(colour)
    # The median colour is the ground's, because lines cover less than half.
    counts = np.bincount(table.index[within], minlength=len(table.colours))
    ground = to_lab(np.array([[weighted_median(c, counts) for c in table.colours.T]], np.uint8))
    distance = np.sqrt(((table.lab - ground) ** 2).sum(1))
    strongest = float(distance[counts > 0].max())
    if strongest < _FAINTEST:
        return np.zeros(within.shape, bool)
    threshold = min(_DRAWN_CONTRAST, strongest / 4)
    return (distance > threshold)[table.index] & within


def _thin(drawn: Mask) -> Mask:
    return np.asarray(skeletonize(drawn), dtype=bool)


def _scaled_lines(edges: Mask, width: int, height: int) -> Mask:
    """Lines at another size: a pixel is drawn if any pixel that it comes from, or goes to, is."""
    rows = _scaled_any(edges, height)
    return _scaled_any(rows.T, width).T


def _scaled_any(lines: Mask, length: int) -> Mask:
    """Rescale the first axis: each new row is the union of the old rows that it covers."""
    old = len(lines)
    if length >= old:
        return lines[(np.arange(length) * old) // length]
    starts = (np.arange(length) * old) // length
    return np.asarray(np.logical_or.reduceat(lines, starts, axis=0), dtype=bool)
