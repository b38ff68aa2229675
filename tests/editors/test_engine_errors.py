"""Each error of the engine: a sentence in the artist's language, and a button that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deepsim_krita import engine_errors
from deepsim_krita.engine_errors import NO_ERRORS, mend_of, sentence_of
from deepsim_krita.text import language

if TYPE_CHECKING:
    from tests.editors.scenes import Scene
else:
    from scenes import Scene

DOCS = Path(__file__).parents[2] / "docs" / "engine.md"


def documented() -> list[str]:
    """The error codes that docs/engine.md lists."""
    text = DOCS.read_text(encoding="utf-8")
    listed = text[text.index("Codes: ") : text.index("\n\n", text.index("Codes: "))]
    return re.findall(r"`([a-z-]+)`", listed)


@pytest.fixture
def german() -> Iterator[None]:
    language.choose(["de"])
    yield
    language.choose(["en"])


@pytest.mark.parametrize("code", documented())
def test_a_failed_apply_comes_with_what_mends_it(scene: Scene, code: str) -> None:
    scene.trained()
    scene.do("apply")
    scene.engine.reply("apply", "error", {"code": code, "message": "What it was."})
    assert scene.said
    if code in NO_ERRORS:
        assert code != "cancelled" or not scene.mend
    else:
        assert scene.mend in scene.studio.actions


@pytest.mark.parametrize("code", documented())
def test_a_failed_training_comes_with_what_mends_it(scene: Scene, code: str) -> None:
    scene.do("train")
    scene.engine.reply("train", "error", {"code": code, "message": "What it was."})
    assert scene.said
    assert code in NO_ERRORS or scene.mend in scene.studio.actions


@pytest.mark.usefixtures("german")
def test_what_a_code_tells_is_said_in_the_artists_language() -> None:
    assert sentence_of("busy", "Too many wait.").startswith("In der Engine")
    # What only the engine knows is left as it is.
    assert sentence_of("failed", "The disk is full.") == "The disk is full."


def test_in_english_the_engines_own_sentence_stands() -> None:
    assert sentence_of("busy", "Too many wait.") == "Too many wait."
    assert sentence_of("failed", "") == "The engine reported an error."


def test_codes_that_nobody_knows_mend_nothing() -> None:
    assert mend_of("unheard-of", engine_errors.Ways("apply", "choose_image")) == ""
