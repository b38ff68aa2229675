"""The sentences that an artist reads, in her language; English where there is no translation.

Sentences are looked up when they are shown, never at import: the language is chosen after that.
"""

from __future__ import annotations

import gettext
import re
from pathlib import Path
from typing import Sequence

DOMAIN = "deepsim"
LOCALE = Path(__file__).resolve().parent / "locale"


class Language:
    """The catalogue that is in use."""

    def __init__(self, folder: Path = LOCALE) -> None:
        self._folder = folder
        self._catalogue: gettext.NullTranslations = gettext.NullTranslations()

    def choose(self, codes: Sequence[str]) -> None:
        """Takes the first of these languages (such as "de" or "pt_BR") that has a catalogue."""
        names = [code.replace("-", "_") for code in codes]
        # English needs none, and a language after it in the list is no better.
        english = next((i for i, name in enumerate(names) if name.split("_")[0] == "en"), None)
        self._catalogue = gettext.translation(
            DOMAIN, str(self._folder), languages=names[:english], fallback=True
        )

    @property
    def english(self) -> bool:
        """Whether sentences are shown as they stand in the code."""
        return type(self._catalogue) is gettext.NullTranslations

    def find(self, text: str) -> str:
        """The sentence in this language."""
        return self._catalogue.gettext(text)

    def find_counted(self, one: str, many: str, count: int) -> str:
        """The sentence for this number of things."""
        return self._catalogue.ngettext(one, many, count)


language = Language()
"""The language of the running plugin."""


def _(text: str) -> str:
    """The sentence in the language of the running plugin."""
    return language.find(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The sentence for this number of things in the language of the running plugin."""
    return language.find_counted(one, many, count)


def names_a_step(text: str, template: str) -> bool:
    """Whether the text of an editor's action, such as “Redo Brush”, names what it would do.

    `template` is that text in the editor's own language before anything was filled in: “Redo %1”,
    or what KDE's library makes of that for want of a step.
    """
    unfilled = re.compile(r"%1|\(I18N_\w+\)|&")
    return unfilled.sub("", text).strip() != unfilled.sub("", template).strip()
