"""Adam over all parameters at once.

torch.optim would do, but making its first optimiser imports torch's compiler: two processor
seconds before the first step of a training that lasts a minute or two.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_SMALL = 1e-8


class Adam:
    """Adam (Kingma and Ba 2015), with gradients clipped by their common norm.

    Args:
        parameters: what to optimise; all on one device.
        rate: learning rate.
        betas: decay of the running means of gradients and of their squares.
        largest_norm: of the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        betas: tuple[float, float],
        largest_norm: float,
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.rate, self.betas, self.largest_norm = rate, betas, largest_norm
        self.steps = 0
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]

    def descend(self, loss: Tensor, factor: float) -> None:
        """One step down from `loss` at `factor` times the rate; what is no number counts as 0."""
        found = list(torch.autograd.grad(loss, self.parameters, allow_unused=True))
        gradients: list[Tensor] = []
        for parameter in self.parameters:
            gradient = found.pop(0)  # freed as soon as it is copied: networks may be large
            gradients.append(
                torch.zeros_like(parameter)
                if gradient is None
                else torch.nan_to_num(gradient, 0.0, 1e4, -1e4)
            )
        self._clip(gradients)
        self._step(gradients, self.rate * factor)

    def tensors(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        numbered = enumerate(zip(self.means, self.squares, strict=True))
        state = {f"{i}.{n}": t for i, pair in numbered for n, t in zip("ms", pair, strict=True)}
        return {**state, "steps": torch.tensor(self.steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go back to what `tensors` returned."""
        self.steps = int(tensors["steps"])
        for index, (mean, square) in enumerate(zip(self.means, self.squares, strict=True)):
            mean.copy_(tensors[f"{index}.m"])
            square.copy_(tensors[f"{index}.s"])

    @torch.no_grad()
    def _clip(self, gradients: list[Tensor]) -> None:
        norm = torch.stack([g.norm() for g in gradients]).norm()
        torch._foreach_mul_(gradients, (self.largest_norm / (norm + 1e-6)).clamp(max=1.0))

    @torch.no_grad()
    def _step(self, gradients: list[Tensor], rate: float) -> None:
        """`gradients` are written over."""
        self.steps += 1
        first, second = self.betas
        torch._foreach_lerp_(self.means, gradients, 1 - first)
        torch._foreach_mul_(self.squares, second)
        torch._foreach_addcmul_(self.squares, gradients, gradients, 1 - second)
        scale = gradients
        torch._foreach_copy_(scale, self.squares)
        torch._foreach_sqrt_(scale)
        torch._foreach_div_(scale, (1 - second**self.steps) ** 0.5)
        torch._foreach_add_(scale, _SMALL)
        torch._foreach_addcdiv_(self.parameters, self.means, scale, -rate / (1 - first**self.steps))
