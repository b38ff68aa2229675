"""What can be set about guided patch synthesis."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PatchConfig:
    """Settings of `PatchSynthesizer`; the defaults come from measurements (docs/experiments.md).

    Lengths are pixels of the level they are used at; weights multiply squared distances.
    """

    guide_patch: int = 7
    """Side of the primitive patches that are compared (odd)."""
    guide_dims: int = 40
    """Principal components kept of one level's primitive patches."""
    context_levels: int = 4
    """Pyramid levels, each half the size of the one before, whose patches describe one pixel."""
    search_dims: int = 96
    """Principal components kept of all levels' components together."""
    context_weight: float = 0.35
    """Weight of each coarser level relative to the one below it."""
    position_weight: float = 2.0
    """Weight of the place in the picture (0 to 1): parts that did not move stay."""
    picture_patch: int = 7
    """Side of the picture patches that are compared once there is a first result (odd)."""
    picture_dims: int = 16
    """Principal components kept of picture patches."""
    picture_weight: float = 0.2
    """Weight of the picture's patches next to the primitive's."""
    flips: bool = True
    """Also offer the mirrored training pair."""
    flip_penalty: float = 0.1
    """Distance added to patches of the mirrored pair."""
    turns: int = 30
    """Degrees between the angles that are tried for an edit; 0 offers no turned pictures."""
    turn_penalty: float = 0.1
    """Distance added to patches of turned pictures."""
    turn_gain: float = 0.1
    """Share of the distance that a turned picture must save to be offered."""
    search_side: int = 64
    """The level whose longest side is at most this is searched exhaustively."""
    refine_side: int = 256
    """Finer levels than this are not searched anew."""
    polish_side: int = 1024
    """Levels up to this mend the correspondence of the level below; finer ones reuse it."""
    polish_rounds: int = 2
    """Times that is done."""
    polish_dims: int = 24
    """Principal components kept of one pixel's primitive where it is only mended."""
    iterations: int = 2
    """Rounds of propagation and random search per finer level and refinement."""
    wander: int = 8
    """Largest step of the random search at levels that begin with the field of a coarser one."""
    refinements: int = 2
    """Times the result is compared with the picture and made anew, per level."""
    finishing: bool = True
    """The last round at the finest level compares with the picture as it is finished."""
    opinions: int = 1
    """Syntheses that differ in their random search, of which the picture is made together (see
    agreement.py). Each takes as long as the first."""
    agreeing: int = 0
    """Times every one of them is improved by how that picture looks."""
    vote_patch: int = 7
    """Side of the picture patches that are blended (odd)."""
    vote_sigma: float = 1.4
    """Standard deviation of the blending weights around a patch's centre."""
    choice_patch: int = 9
    """Side of the patches that make the finished picture, where every proposal counts as much as
    it fits (odd); 0 for blending alone."""
    choice_step: int = 2
    """Only every so many neighbours along each axis propose."""
    choice_sigma: float = 2.0
    """Standard deviation of these weights around a patch's centre."""
    choice_mark: float = 8.0
    """How strictly a proposal's drawing must be the one here."""
    choice_fit: float = 20.0
    """How strictly the patch that a proposal comes from must fit."""
    choice_lenient: float = 0.1
    """How unlike patches are where both are half as strict."""
    tone_patch: int = 13
    """Side of the patches whose proposals settle what is coarser than details: the mean of so many
    is nearer to the truth, and would blur details (odd); 0 for none."""
    tone_step: int = 3
    """Only every so many neighbours along each axis propose."""
    tone_sigma: float = 4.0
    """As `choice_sigma`, for these."""
    tone_every: int = 2
    """They are asked at every so many pixels along each axis."""
    tone_blur: float = 2.0
    """Standard deviation of what counts as a detail."""
    mark_patch: int = 3
    """Side of the primitive patches by which these drawings are compared (odd)."""
    mark_dims: int = 8
    """Principal components kept of them."""
    settle: int = 6
    """Where the drawing equals the training drawing the training picture stays, but for this many
    pixels around what was changed; 0 makes everything anew."""
    chunk: int = 1 << 16
    """Pixels handled at once: bounds the memory, changes the result by rounding at most."""
    seed: int = 0
    """Seed of the random search."""
