"""Brings the catalogues of sentences up to date: python plugin/krita/translations.py

Collects the plugin's sentences, merges them into each language's deepsim.po (new ones are empty
there, to be filled in by hand), and compiles what gettext reads at run time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages import Catalog, pofile
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo

PACKAGE = Path(__file__).parent / "deepsim_krita"
LOCALE = PACKAGE / "locale"
DOMAIN = "deepsim"
KEYWORDS = {"_": None, "ngettext": (1, 2)}


def collect() -> Catalog:
    """All sentences of the plugin."""
    catalog = Catalog(domain=DOMAIN, project="DeepSIM for Krita", charset="utf-8")
    found = extract_from_dir(
        PACKAGE, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
    )
    for name, _line, text, _comments, _context in sorted(found, key=lambda each: str(each[2])):
        catalog.add(text, locations=[(name, 0)])
    return catalog


def read(language: str) -> Catalog:
    """A language's catalogue as it is."""
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return pofile.read_po(file, locale=language, domain=DOMAIN)


def languages() -> list[str]:
    """The languages there are."""
    return sorted(path.parent.parent.name for path in LOCALE.glob(f"*/*/{DOMAIN}.po"))


def untranslated(catalog: Catalog) -> list[str]:
    """The sentences that a catalogue lacks."""
    empty = [m for m in catalog if m.id and not all(texts_of(m.string))]
    return [texts_of(message.id)[0] for message in empty]


def update(language: str) -> Catalog:
    """Merges and compiles; returns the catalogue."""
    folder = LOCALE / language / "LC_MESSAGES"
    catalog = read(language)
    created = catalog.creation_date
    catalog.update(collect(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = created  # nothing new, no change
    with (folder / f"{DOMAIN}.po").open("wb") as file:
        pofile.write_po(file, catalog, width=100, no_location=True, omit_header=False)
    with (folder / f"{DOMAIN}.mo").open("wb") as file:
        write_mo(file, catalog)
    return catalog


def texts_of(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """The sentence alone, or with its plural; empty where nothing was written yet."""
    return (value or "",) if isinstance(value, (str, type(None))) else tuple(value)


def main() -> int:
    """Updates all languages; 1 when sentences are left to translate."""
    missing = 0
    for language in languages():
        lacking = untranslated(update(language))
        missing += len(lacking)
        sys.stdout.write("".join(f"{language}: {text!r}\n" for text in lacking))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
