"""Sentences in the artist's language, and in English where there is none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from deepsim_krita.text import Language, names_a_step


def write_catalogue(path: Path, texts: dict[str, str]) -> None:
    """A compiled catalogue, as gettext wants it: two tables of (length, place), then the texts."""
    pairs = sorted((k.encode(), v.encode()) for k, v in texts.items())
    place, tables, data = 28 + 16 * len(pairs), [b"", b""], b""
    for part in (0, 1):
        for pair in pairs:
            tables[part] += struct.pack("<II", len(pair[part]), place + len(data))
            data += pair[part] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(head + b"".join(tables) + data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = {
        "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n",
        "Cancel": "Abbrechen",
        "{count} pixel\0{count} pixels": "{count} Bildpunkt\0{count} Bildpunkte",
    }
    write_catalogue(tmp_path / "de" / "LC_MESSAGES" / "deepsim.mo", texts)
    return tmp_path


def test_a_sentence_comes_in_the_first_language_that_has_a_catalogue(folder: Path) -> None:
    language = Language(folder)
    language.choose(["fr-FR", "de-AT", "en-US"])
    assert language.find("Cancel") == "Abbrechen"
    assert language.find("No translation.") == "No translation."
    counted = [language.find_counted("{count} pixel", "{count} pixels", n) for n in (1, 2)]
    assert counted == ["{count} Bildpunkt", "{count} Bildpunkte"]


@pytest.mark.parametrize("codes", [["en-GB", "de"], ["fr"], []])
def test_english_needs_no_catalogue(folder: Path, codes: list[str]) -> None:
    language = Language(folder)
    language.choose(codes)
    assert language.find("Cancel") == "Cancel"
    assert language.find_counted("a pixel", "pixels", 2) == "pixels"


@pytest.mark.parametrize(
    ("nothing", "something", "template"),
    [
        ("Redo ", "Redo Brush", "Redo %1"),
        ("&Redo ", "&Redo Add Layer", "Redo (I18N_ARGUMENT_MISSING)"),
        (" yinele", "Fırça yinele", "%1 yinele"),
        ("やり直し:", "やり直し:ブラシ", "やり直し:%1"),
    ],
)
def test_an_action_that_would_do_nothing_is_known_in_any_language(
    nothing: str, something: str, template: str
) -> None:
    assert not names_a_step(nothing, template)
    assert names_a_step(something, template)
