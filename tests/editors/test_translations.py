"""The catalogues are whole and fit the sentences (plugin/krita/translations.py keeps them so)."""

from __future__ import annotations

import string
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "plugin" / "krita"))

import translations
from deepsim_krita.text import Language


@pytest.fixture(scope="module")
def sentences() -> list[tuple[str, ...]]:
    """The plugin's sentences: alone, or with their plural."""
    return [translations.texts_of(message.id) for message in translations.collect() if message.id]


@pytest.mark.parametrize("language", ["de"])
def test_no_sentence_lacks_its_translation(language: str, sentences: list[tuple[str, ...]]) -> None:
    known = {translations.texts_of(m.id) for m in translations.read(language) if m.id}
    assert known == set(sentences), "run plugin/krita/translations.py"
    assert translations.untranslated(translations.read(language)) == []


@pytest.mark.parametrize("language", ["de"])
def test_what_the_plugin_reads_is_what_the_catalogue_says(language: str) -> None:
    catalogue = translations.read(language)
    chosen = Language()
    chosen.choose([language])
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert chosen.find(message.id) == message.string
        elif message.id:
            one, many = message.id
            assert (chosen.find_counted(one, many, 1), chosen.find_counted(one, many, 5)) == (
                tuple(message.string)
            )


@pytest.mark.parametrize("language", ["de"])
def test_translations_have_the_places_for_names_and_numbers(language: str) -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for message in translations.read(language):
        ours, theirs = translations.texts_of(message.id), translations.texts_of(message.string)
        if message.id:
            assert {frozenset(places(t)) for t in theirs} == {frozenset(places(t)) for t in ours}
