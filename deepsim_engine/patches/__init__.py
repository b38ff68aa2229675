"""Guided patch synthesis: the engine of the `instant` preset and the learned presets' extra input.

The idea of Image Analogies (Hertzmann et al. 2001), EbSynth and GPNN (Granot et al. 2022): a patch
of the edited primitive fetches the training patch whose primitive is nearest, and what overlaps is
blended.
"""

from deepsim_engine.patches.config import PatchConfig
from deepsim_engine.patches.synthesizer import Correspondence, PatchSynthesizer

__all__ = ["Correspondence", "PatchConfig", "PatchSynthesizer"]
