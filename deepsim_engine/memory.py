"""How much memory a training needs."""

import torch

from deepsim_engine.networks.build import count_weights
from deepsim_engine.presets import Preset


def estimate_memory(
    preset: Preset, size: tuple[int, int], channels: int, device: torch.device
) -> int:
    """Bytes of main memory that training needs at its peak, rather too many.

    `size` is (width, height) at working resolution, `channels` those of the primitive. Training is
    refused where less is free, and `inspect` says so beforehand: with too little told here a
    training is killed in the middle, with too much one that would have fitted is refused.

    The shares follow the growth of the resident set on a processor (docs/experiments.md). A test
    compares at 96 px, where what each pixel takes hardly counts. The 700 bytes a pixel that
    patches take in training stand on one run: `draft` at 1024 px with 12 classes grew by about
    1.2 GB, told are 2.0 GB. Sizes between and other numbers of classes were not measured.
    """
    pixels = size[0] * size[1]
    pair = pixels * (channels + 8) * 8
    # Applying may take turned patches besides, training does not.
    patches = 2**27 + min(pixels, 256 * 256) * 3000 + pixels * (700 if preset.trains else 1100)
    if not preset.trains:
        return 2**27 + pair + patches
    if device.type != "cpu":
        return 2**30 + pair
    config = preset.generator
    step = preset.batch * min(pixels, preset.crop**2 or pixels)
    step *= 160 * config.widths[0] // config.fold**2 + 6000
    weights = 24 * count_weights(config, channels)
    applying = pixels * 4 * 12 * config.widths[0] // config.fold**2
    needed = 2**27 + weights + pair + max(step, applying)
    return needed + patches if config.patches else needed
