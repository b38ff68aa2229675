"""The training pair: what of a picture is learned."""

import numpy as np

from deepsim_engine.training_pair import visible_colours


def test_hidden_colours_are_not_learnt() -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, 4:] = (200, 100, 50, 255)
    assert np.array_equal(
        np.unique(visible_colours(picture).reshape(-1, 3), axis=0), [[200, 100, 50]]
    )
