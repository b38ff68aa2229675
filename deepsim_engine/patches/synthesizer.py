"""Patch synthesis as the rest of the engine uses it: built once of a pair, asked for pictures."""

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine.errors import InputError
from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import Drawing
from deepsim_engine.patches.pair import Pair
from deepsim_engine.patches.search import Field
from deepsim_engine.patches.synthesis import Synthesis
from deepsim_engine.patches.turning import Turns, origins


@dataclass(frozen=True)
class Correspondence:
    """Which training pixel every pixel of a result came from.

    Attributes:
        row, column: (h, w) int64, the pixel of the training picture.
        mirrored: (h, w) bool, whether the patch around it was taken from the mirrored picture.
        angle: (h, w) int64, degrees by which it was turned, counter-clockwise.
        distance: (h, w) float32 from 0, how unlike the training patch is to what was asked for:
            high where the picture holds nothing that fits.
    """

    row: Tensor
    column: Tensor
    mirrored: Tensor
    angle: Tensor
    distance: Tensor


class PatchSynthesizer:
    """Training-free synthesis by guided nearest-neighbour patches, coarse to fine.

    Built once from a training pair; `synthesize` then makes the picture of any primitive of the
    same kind, of any size. The same inputs and seed give the same result on the same device.

    Args:
        image: training picture, (3, H, W) float32 in [-1, 1].
        primitive: its primitive, (C, H, W) float32 (one-hot classes and edges, or a painting in
            [-1, 1]).
        config: settings.
        device: where the keys are kept and the work is done.

    Raises:
        InputError: the shapes do not fit together.
    """

    def __init__(
        self,
        image: Tensor,
        primitive: Tensor,
        *,
        config: PatchConfig | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if image.ndim != 3 or image.shape[0] != 3 or primitive.shape[1:] != image.shape[1:]:
            raise InputError(
                f"The picture {tuple(image.shape)} and the primitive {tuple(primitive.shape)} do "
                "not cover the same pixels; give both as (channels, height, width) of one size."
            )
        self.config = config or PatchConfig()
        self.device = torch.device(device)
        self.channels = primitive.shape[0]
        with torch.no_grad():
            self._pair = Pair.of(
                image.detach().to(self.device), primitive.detach().to(self.device), self.config
            )
            self._turns = Turns(self._pair, self.config)

    def unsettled(self) -> "PatchSynthesizer":
        """One of the same pair that makes everything anew, also where drawings are equal.

        It takes no turned patches: these are for what an artist turns, and take much memory.
        """
        other = copy.copy(self)
        other.config = dataclasses.replace(self.config, settle=0, turns=0)
        return other

    def alone(self) -> "PatchSynthesizer":
        """One of the same pair that makes a single opinion, in a fraction of the time."""
        other = copy.copy(self)
        other.config = dataclasses.replace(self.config, opinions=1, agreeing=0)
        return other

    def synthesize(self, primitive: Tensor, *, within: Tensor | None = None) -> Tensor:
        """The picture of a primitive.

        Where a primitive of the training primitive's size equals it, the result is the training
        picture, but for the surroundings of what was changed.

        Args:
            primitive: (C, h, w) float32, of the kind and channels of the training primitive.
            within: (h, w) bool, for primitives of the training primitive's size: what is wanted.
                Elsewhere the result means nothing. Saves time.

        Returns:
            (3, h, w) float32 in [-1, 1] on the synthesizer's device.

        Raises:
            InputError: the channels differ from the training primitive's.
        """
        return self.synthesize_with_correspondence(primitive, within=within)[0]

    @torch.no_grad()
    def synthesize_with_correspondence(
        self, primitive: Tensor, *, within: Tensor | None = None
    ) -> tuple[Tensor, Correspondence]:
        """As `synthesize`, and where each pixel came from."""
        if primitive.ndim != 3 or primitive.shape[0] != self.channels:
            raise InputError(
                f"The primitive has the shape {tuple(primitive.shape)}, but this model was made "
                f"from one with {self.channels} channels; use the same layers and palette."
            )
        pair, primitive = self._pair, primitive.detach().to(self.device)
        drawing = Drawing.beside(pair.guides, pair.describer, primitive)
        synthesis = Synthesis(self._turns, self.config, drawing, within)
        field, picture = synthesis.run()
        return picture.clamp(-1, 1), self._correspondence(field, synthesis.angles)

    def _correspondence(self, field: Field, angles: tuple[int, ...]) -> Correspondence:
        height, width = self._pair.levels[0].size
        row, column = field.row.long() % height, field.column.long()
        source = field.row.long() // height
        mirrored = (source == 1) & self.config.flips
        column = torch.where(mirrored, width - 1 - column, column)
        angle = torch.zeros_like(row)
        for number, turn in enumerate(angles, 2 if self.config.flips else 1):
            here = source == number
            rows, columns = origins(height, width, turn, self.device)
            at = (row[here], column[here])
            row[here] = rows[at].round().long().clamp(0, height - 1)
            column[here] = columns[at].round().long().clamp(0, width - 1)
            angle[here] = turn % 360
        return Correspondence(row, column, mirrored, angle, field.distance)
