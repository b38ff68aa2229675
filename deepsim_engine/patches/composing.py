"""The picture of a level, of what the pixels around each pixel propose."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepsim_engine.patches import vote
from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.describe import Drawing
from deepsim_engine.patches.pair import Level
from deepsim_engine.patches.search import Field
from deepsim_engine.patches.tone import toned
from deepsim_engine.patches.window import grown_mask


@dataclass(frozen=True)
class Composer:
    """Makes pictures of fields, for one drawing.

    Attributes:
        levels: what patches are taken from, finest first.
        drawing: the drawing.
        config: settings.
        settles: whether pixels that are not asked for stay those of the training picture.
    """

    levels: list[Level]
    drawing: Drawing
    config: PatchConfig
    settles: bool

    @property
    def finishes(self) -> bool:
        """Whether the finished picture is made of what fits, not blended."""
        return self.levels[0].marked is not None

    def picture(self, field: Field, at: Tensor) -> Tensor:
        """The picture (3, h, w) of the finest level, the flat pixels `at` (n,) made anew."""
        if self.finishes:
            return self.finished(field, at)
        return self.blend(field, 0, at) if len(at) else self.levels[0].picture

    def blend(self, field: Field, k: int, at: Tensor) -> Tensor:
        """The picture (3, h, w) of a level: the training picture where the field is settled."""
        c, level = self.config, self.levels[k]

        def made(at: Tensor) -> Tensor:
            return vote.blend(field, level.sources, at, c.vote_sigma, c.chunk)

        return self._composed(k, at, c.vote_patch, made)

    def finished(self, field: Field, at: Tensor) -> Tensor:
        """The finished picture (3, h, w), of what fits best at every pixel."""
        c, level = self.config, self.levels[0]
        assert level.marks is not None and level.marked is not None  # noqa: S101
        marks, marked = level.marks, level.marked

        def by(choice: vote.Choice) -> Callable[[Tensor], Tensor]:
            def made(at: Tensor) -> Tensor:
                asked = marks(self.drawing.guides[0], at)
                return vote.choose(field, marked, asked, at, choice, chunk=c.chunk)

            return made

        strict = (c.choice_mark, c.choice_fit, c.choice_lenient)
        close = vote.Choice(c.choice_patch, c.choice_sigma, *strict, c.choice_step)
        picture = self._composed(0, at, c.choice_patch, by(close))
        if not c.tone_patch:
            return picture
        wide = vote.Choice(c.tone_patch, c.tone_sigma, *strict, c.tone_step)
        near = self._near(0, at, c.tone_patch)
        return toned(picture, near, by(wide), every=c.tone_every, blur=c.tone_blur)

    def _composed(self, k: int, at: Tensor, patch: int, made: Callable[[Tensor], Tensor]) -> Tensor:
        """The picture (3, h, w) of a level of what is `made` (n, 3) at flat pixels (n,).

        Where the field is settled it is the training picture, but for what patches of the pixels
        `at` reach.
        """
        level, shape = self.levels[k], self.drawing.shape(k)
        if not self.settles:
            return made(at).T.reshape(3, *shape)
        near = self._near(k, at, patch).view(-1).nonzero()[:, 0]
        picture = level.picture.clone()
        picture.view(3, -1)[:, near] = made(near).T
        return picture

    def _near(self, k: int, at: Tensor, patch: int) -> Tensor:
        """(h, w) bool of a level: what patches around the flat pixels `at` (n,) reach."""
        height, width = self.drawing.shape(k)
        moved = torch.zeros(height * width, dtype=torch.bool, device=at.device)
        moved[at] = True
        return grown_mask(moved.view(height, width), patch // 2)
