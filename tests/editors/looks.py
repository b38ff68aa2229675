"""How Krita looks to different people: theme, scale, language, width of the docker."""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "DEEPSIM_KRITA_LOOK"
THEMES = {"dark": "Krita dark", "light": "Krita bright"}
WIDTHS = {"narrow": 220, "wide": 520}
LANGUAGES = ("en", "de")


@dataclass(frozen=True)
class Look:
    """One of them; `width` is the docker's in the screen's own units, which `scale` enlarges."""

    theme: str = THEMES["dark"]
    scale: int = 1
    language: str = "en"
    width: int = 300

    @staticmethod
    def of(words: str) -> Look:
        """Reads such as "light 2x de narrow"; what is not named is as usual."""
        theme, scale, language, width = Look.theme, Look.scale, Look.language, Look.width
        for word in words.split():
            if word in THEMES:
                theme = THEMES[word]
            elif word in WIDTHS:
                width = WIDTHS[word]
            elif word in LANGUAGES:
                language = word
            elif word in {"1x", "2x"}:
                scale = int(word[0])
            else:
                known = [*THEMES, "1x", "2x", *LANGUAGES, *WIDTHS]
                raise ValueError(f"{VARIABLE} knows no {word!r}, but {', '.join(known)}.")
        return Look(theme, scale, language, width)

    @staticmethod
    def wanted() -> Look:
        """The one that the environment asks for."""
        return Look.of(os.environ.get(VARIABLE, ""))

    @property
    def environment(self) -> dict[str, str]:
        """What Qt and Krita are told of it."""
        told = {"LANGUAGE": self.language}
        if self.scale != 1:
            told["QT_SCALE_FACTOR"] = str(self.scale)
        return told
