"""Pictures of the plugin in a real Krita: python tests/editors/gallery.py docs

`docs` takes those of README.md and docs/krita.md anew; any other name is a folder for the pictures
of all states of the docker, in one look: python tests/editors/gallery.py FOLDER light 2x de
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

if TYPE_CHECKING:
    from tests.editors.looks import VARIABLE, Look
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from looks import VARIABLE, Look

CHECKOUT = Path(__file__).resolve().parents[2]
IMAGES = CHECKOUT / "docs" / "images"
LARGEST = 150_000
"""Bytes of one picture in the docs."""
MARGIN = 8
DOCS = {
    "krita-drawing": "drawing",
    "krita-training": "training",
    "krita-result": "result",
    "krita-live": "live",
    "krita-docker-opened": "2-opened-dark-en-usual",
    "krita-docker-result": "4-result-dark-en-usual",
    "krita-docker-german": "4-result-dark-de-narrow",
    "krita-docker-light": "4-result-light-en-usual",
    "krita-docker-stray": "6-stray-dark-en-usual",
    "krita-models": "deepsim_library-dark",
    "krita-settings": "deepsim_settings_window-dark",
}
"""Names in docs/images, and what the tests call these pictures."""
STATES, FLOW = "everything_can_be_read", "artist_trains"
"""The tests that show all states of the docker, and what an artist does first."""


def take(folder: Path, look: str, tests: str) -> None:
    """Has the tests take their pictures."""
    environment = {**os.environ, "DEEPSIM_SCREENSHOTS": str(folder), VARIABLE: look}
    command = [sys.executable, "-m", "pytest", "-q", "tests/editors", "-k", tests]
    subprocess.run(command, cwd=CHECKOUT, env=environment, check=True)


def put(source: Path, target: Path) -> None:
    """Saves a picture with as many colours as the docs have room for."""
    picture = Image.open(source).convert("RGB")
    empty = Image.new(
        "RGB", picture.size, picture.getpixel((picture.width - 1, picture.height - 1))
    )
    bottom = (ImageChops.difference(picture, empty).getbbox() or (0, 0, 0, picture.height))[3]
    picture = picture.crop((0, 0, picture.width, min(picture.height, bottom + MARGIN)))
    picture.save(target, optimize=True)
    if target.stat().st_size <= LARGEST:
        return
    for colours in (256, 128, 64, 32, 16):
        few = picture.quantize(
            colours, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE
        )
        few.save(target, optimize=True)
        if target.stat().st_size <= LARGEST:
            return
    raise SystemExit(f"{target.name} is larger than {LARGEST} bytes.")


def main(target: str = "", *words: str) -> None:
    """Takes the pictures of the docs, or those of a look."""
    if not target:
        raise SystemExit(__doc__)
    look = " ".join(words)
    Look.of(look)
    if target != "docs":
        take(Path(target).resolve(), look, STATES)
        return
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder) / "light", "light", STATES)
        # Each with an engine of its own, so that there are no models but those it makes.
        take(Path(folder), "", FLOW)
        take(Path(folder), "", STATES)
        for name, taken in DOCS.items():
            within = Path(folder) / "light" if "-light-" in taken else Path(folder)
            put(within / f"{taken}.png", IMAGES / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
