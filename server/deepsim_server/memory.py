"""Whether a training can fit into the memory, asked before it is accepted.

The engine knows no networks. Its worker tells what each preset needs for some sizes of pictures
when it becomes ready; the training itself checks again, exactly, when it begins.
"""

from collections.abc import Callable
from typing import Any

from deepsim_engine.imaging import check_memory

_AREAS = tuple(2**power for power in range(12, 29))


def needs(longest_side: int, estimate: Callable[[tuple[int, int]], int]) -> dict[str, Any]:
    """What a worker tells of a preset: its usual working size, bytes for squares of some areas."""
    sides = (round(area**0.5) for area in _AREAS)
    table = [[side * side, estimate((side, side))] for side in sides]
    return {"longest_side": longest_side, "bytes": table}


def check(told: dict[str, Any], size: int | None, width: int, height: int) -> None:
    """Refuse a training that certainly needs more memory than there is. Raises InputError.

    `told` is what `needs` made of its preset, `size` the wanted longest side at work, `width` and
    `height` those of the picture.
    """
    longest = size or told["longest_side"]
    scale = min(1.0, longest / max(width, height))
    area = width * height * scale * scale
    least = [needed for of_area, needed in told["bytes"] if of_area <= area]
    if least:
        check_memory(least[-1], "Training")
