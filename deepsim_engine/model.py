"""A trained model: the drawing it learned from, the picture, and the network between them."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from deepsim_engine import blending, checkpoint, devices, thumbnails
from deepsim_engine.conditioning import Condition, picture_pixels, picture_tensor
from deepsim_engine.description import FORMAT, ModelDescription, generator_config
from deepsim_engine.errors import InputError
from deepsim_engine.imaging import Box, box_of
from deepsim_engine.influence import changed, farthest_box, influence
from deepsim_engine.networks.build import build_generator
from deepsim_engine.networks.run import run_on_parts
from deepsim_engine.palette import Palette
from deepsim_engine.patches import PatchConfig, PatchSynthesizer
from deepsim_engine.primitive import Primitive
from deepsim_engine.training_pair import working_colour

_EARLIER = {1: PatchConfig(choice_patch=0), 2: PatchConfig(tone_patch=0, finishing=False)}
"""Settings of the patches that networks of earlier versions learned to mend."""
_KEY = "deepsim"
_LOOKS_AROUND = 4  # pixels on each side that an enlarged pixel is made from (Lanczos: 3)
_LAYERS = ("image", "classes", "edges", "painting")


@dataclass(frozen=True, eq=False)
class Applied:
    """The picture for a drawing, and where it is not simply the original.

    Attributes:
        image: RGB or RGBA.
        influence: (H, W) uint8, 0 where the original was kept bit for bit, 255 where the result
            was taken whole, the seam's share between; 255 everywhere where nothing was blended.
    """

    image: Image.Image
    influence: NDArray[np.uint8]

    @property
    def box(self) -> Box:
        """(left, top, width, height) around the influence; one pixel where there is none."""
        return box_of(self.influence) or (0, 0, 1, 1)

    def cropped(self, box: Box) -> "Applied":
        """Only that part, which must lie inside."""
        left, top, width, height = box
        part = self.influence[top : top + height, left : left + width]
        return Applied(self.image.crop((left, top, left + width, top + height)), part)


@dataclass(eq=False)
class Model:
    """Turns primitives into pictures.

    Attributes:
        description: see ModelDescription.
        image: training picture (H, W, 3 or 4) uint8.
        primitive: its primitive.
        generator: trained network in evaluation mode, None for `instant`.
        device: where applying computes.
    """

    description: ModelDescription
    image: NDArray[np.uint8]
    primitive: Primitive
    generator: nn.Module | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @cached_property
    def id(self) -> str:
        """12 hex digits that stand for the content."""
        return checkpoint.checksum(self._tensors())[:12]

    def primitive_from_layers(
        self, segments: Any = None, edges: Any = None, painting: Any = None
    ) -> Primitive:
        """Like Primitive.from_layers, with segments snapped to this model's palette."""
        return Primitive.from_layers(segments, edges, painting, palette=self.primitive.palette)

    def apply(self, primitive: Primitive, *, blend: bool = True) -> Image.Image:
        """The picture for a drawing, at the drawing's size.

        Where sizes equal the training picture's, its transparency is kept, and with `blend` also
        its pixels wherever the drawing was not changed nearby.

        Returns RGB, or RGBA when the training picture had transparency. Raises InputError when
        the drawing is of another kind than the model was trained on.
        """
        return self.apply_with_influence(primitive, blend=blend).image

    def apply_with_influence(self, primitive: Primitive, *, blend: bool = True) -> Applied:
        """As `apply`, and where the edit had influence. Raises what `apply` raises."""
        primitive = self.understood(primitive)
        same_size = primitive.size == self.primitive.size
        if blend and same_size:
            colour, weight = self._paint_edit(primitive)
        else:
            colour = self._paint(primitive)
            weight = np.ones(colour.shape[:2], np.float32)
        if self.image.shape[2] == 4:
            alpha = self.image[:, :, 3:] if same_size else np.full_like(colour[:, :, :1], 255)
            colour = np.concatenate([colour, alpha], 2)
        return Applied(Image.fromarray(colour), np.ceil(weight * 255).astype(np.uint8))

    def _paint_edit(self, primitive: Primitive) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(H, W, 3) the original but for the edit, and its influence (H, W) 0 to 1."""
        original = np.ascontiguousarray(self.image[:, :, :3])
        different = changed(self.primitive, primitive)
        box = farthest_box(different)
        if box is None:
            return original, np.zeros(different.shape, np.float32)
        result = self._paint(primitive, box)
        weight = influence(different, original, result)
        return blending.blend(original, result, weight), weight

    def understood(self, primitive: Primitive) -> Primitive:
        """The same drawing in this model's palette. Raises InputError for another kind."""
        if primitive.kind != self.description.kind:
            raise InputError(
                f"The model {self.description.name!r} was trained on {_say(self.description.kind)}"
                f" but this drawing has {_say(primitive.kind)}: give it the same layers."
            )
        if primitive.palette is None or primitive.palette == self.primitive.palette:
            return primitive
        assert primitive.classes is not None  # noqa: S101  (a palette comes with classes)
        segments = primitive.palette.paint(primitive.classes)
        matched = self.primitive_from_layers(segments)
        return Primitive(
            matched.classes,
            primitive.edges,
            None,
            matched.palette,
            [*primitive.warnings, *matched.warnings],
        )

    def save(self, path: Path | str) -> None:
        """Write the one file that holds it all; the old file stays whole until the new one is.

        Raises WorkError when the disk or the folder refuses.
        """
        pair = {thumbnails.KEY: thumbnails.make_thumbnail(self.image, self.primitive)}
        checkpoint.write_file(Path(path), _KEY, self.description.to_json(), self._tensors(), pair)

    def _tensors(self) -> checkpoint.Tensors:
        layers = (
            self.image,
            self.primitive.classes,
            self.primitive.edges,
            self.primitive.painting,
        )
        tensors = {
            f"pair.{name}": torch.from_numpy(np.array(layer).view(np.uint8))
            for name, layer in zip(_LAYERS, layers, strict=True)
            if layer is not None
        }
        if self.generator is not None:
            tensors |= checkpoint.with_prefix("generator", self.generator.state_dict())
        return tensors

    @property
    def needs_patches(self) -> bool:
        """Whether painting begins with patch synthesis."""
        return self.generator is None or self.description.uses_patches

    def patch_result(self, primitive: Primitive) -> Tensor:
        """(3, h, w) in -1..1: what patch synthesis makes of a drawing at working resolution."""
        condition = Condition.of(primitive, self.device)
        return self.patches.synthesize(condition.drawn(condition.encode())[0])

    def paint_working(
        self, primitive: Primitive, patches: Tensor | None = None, box: Box | None = None
    ) -> NDArray[np.uint8]:
        """(h, w, 3) for a drawing at working resolution; neither scaled back nor blended.

        `patches` is the `patch_result` of the same drawing, if it is known already. With `box`
        only that part is sure to be painted.
        """
        with torch.inference_mode():
            if patches is None and self.needs_patches:
                patches = self.patch_result(primitive)
            return picture_pixels(self._synthesise(primitive, patches, box))

    def _paint(self, primitive: Primitive, box: Box | None = None) -> NDArray[np.uint8]:
        """(h, w, 3) at the primitive's size, nothing blended; with `box`, at least that part."""
        working = self._working_size(primitive.size)
        if box is not None:
            box = _scaled(box, primitive.size, working)
        colour = self.paint_working(primitive.resized(*working), box=box)
        if working == primitive.size:
            return colour
        enlarged = Image.fromarray(colour).resize(primitive.size, Image.Resampling.LANCZOS)
        return np.asarray(enlarged)

    def _working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) at which a drawing of `size` is painted."""
        about = self.description
        if size == about.size:  # rounded as it was for training: patches then know it again
            return about.working_size
        scale = about.working_size[0] / about.size[0]
        return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))

    def _synthesise(
        self, primitive: Primitive, patches: Tensor | None, box: Box | None = None
    ) -> Tensor:
        """(3, h, w) in -1..1 for a primitive at working resolution and its patch result."""
        trust = self.description.trust
        if patches is not None and (self.generator is None or trust <= 0):
            return patches
        assert self.generator is not None  # noqa: S101  (else there are patches)
        condition = Condition.of(primitive, self.device)

        def part(rows: slice, columns: slice) -> Tensor:
            encoded = condition.encode(rows, columns)
            if patches is None:
                return encoded
            return torch.cat([encoded, patches[None, :, rows, columns]], 1)

        painted = run_on_parts(self.generator, part, condition.size, box=box)
        return painted if patches is None else patches.lerp(painted, trust)

    @cached_property
    def patches(self) -> PatchSynthesizer:
        """The training pair, at working resolution, made ready for patch synthesis."""
        working = self.primitive.resized(*self.description.working_size)
        colour = working_colour(self.image, working.size)
        picture = picture_tensor(colour, self.device)
        condition = Condition.of(working, self.device)
        drawn = condition.drawn(condition.encode())[0]
        config, about = None, self.description
        if about.generator is not None:
            learned = _EARLIER.get(about.patches)
            config = generator_config(about.generator).patch_config(learned)
        return PatchSynthesizer(picture, drawn, config=config, device=self.device)


def load(path: Path | str, device: str = "auto") -> Model:
    """Read a model file.

    Raises InputError when it is missing, damaged, not a model, or of a newer format, and when
    the device is not there.
    """
    path = Path(path)
    where = devices.pick(device)
    values, tensors = checkpoint.read_file(path, _KEY, "a DeepSIM model")
    if not isinstance(values.get("format"), int) or values["format"] > FORMAT:
        raise InputError(
            f"{path} was written by a newer DeepSIM (format {values.get('format')}, this one "
            f"reads up to {FORMAT}): update DeepSIM to open it."
        )
    description = ModelDescription.from_json(values)
    layers = {n: t.numpy() for n, t in checkpoint.under_prefix("pair", tensors).items()}
    palette = None
    if description.palette is not None:
        palette = Palette(np.array(description.palette, np.uint8), description.unpainted)
    edges = layers.get("edges")
    primitive = Primitive(
        layers.get("classes"),
        None if edges is None else edges.view(np.bool_),
        layers.get("painting"),
        palette,
    )
    generator = None
    if description.generator is not None:
        config = generator_config(description.generator)
        channels = Condition.of(primitive, torch.device("cpu")).channels
        generator = build_generator(config, channels)
        checkpoint.restore_network(generator, checkpoint.under_prefix("generator", tensors))
        generator.to(where).eval().requires_grad_(False)
    return Model(description, layers["image"], primitive, generator, where)


def _scaled(box: Box, size: tuple[int, int], new_size: tuple[int, int]) -> Box:
    """A box at another size of the picture, with all pixels that enlarging looks at."""
    spans = []
    for start, length, old, new in zip(box[:2], box[2:], size, new_size, strict=True):
        first = max(0, start * new // old - _LOOKS_AROUND)
        last = min(new, -(-(start + length) * new // old) + _LOOKS_AROUND)
        spans.append((first, last - first))
    (left, width), (top, height) = spans
    return left, top, width, height


def _say(kind: str) -> str:
    return {"both": "segments and edges", "painting": "a painting"}.get(kind, kind)
