"""Apply to a Folder of Frames: drawings as files in, pictures as files out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Mapping, Sequence

from ..engine_errors import Ways
from ..session import RefusalError, Session
from ..state import Notice, Picture
from ..steps import Work
from ..text import _, ngettext
from .applying import PARTS, Applying, part_name
from .frame_by_frame import FramesJob, Reading, refuse_second
from .framing import LearnedPart

ENDINGS = frozenset({".png", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"})
RESULTS = "results"
BOTH = ("segments", "edges")

Frames = Sequence[Mapping[str, Path]]
"""For each frame, the file of each part of its drawing."""


AGAIN = "apply_to_folder"
"""The action that asks for a folder."""


def find_frames(folder: Path, kind: str) -> Frames:
    """The drawings in a folder, by name.

    They lie in folders named segments and edges within it, the same file name for the same
    frame. For a model of one kind alone they may lie in the folder itself.

    Args:
        folder: what the artist chose.
        kind: what the model was trained with.

    Raises:
        RefusalError: there are none, or frames without one of their parts.
    """
    parts = PARTS.get(kind, BOTH)
    places = {part: folder / part for part in parts if (folder / part).is_dir()}
    if not places and len(parts) == 1:
        places = {parts[0]: folder}
    if not places:
        text = _("“{folder}” has no folders named “segments” and “edges” with the drawings.")
        raise RefusalError(text.format(folder=folder.name), AGAIN)
    files = {part: _pictures(place) for part, place in places.items()}
    names = sorted(set().union(*files.values()))
    if not names:
        text = _("There are no pictures in “{folder}”.")
        raise RefusalError(text.format(folder=folder.name), AGAIN)
    for part in parts:
        missing = [name for name in names if name not in files.get(part, {})]
        if missing:
            text = _("The frame “{name}” has no {part}: put its drawing into “{folder}”.")
            place = f"{folder.name}/{part}"
            raise RefusalError(
                text.format(name=missing[0], part=part_name(part), folder=place), AGAIN
            )
    return [{part: files[part][name] for part in parts} for name in names]


def _pictures(folder: Path) -> dict[str, Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    return {path.stem: path for path in files if path.is_file()}


def new_folder(parent: Path) -> Path:
    """A folder for the results that nothing is in yet: results, results 2, ..."""
    counter, folder = 1, parent / RESULTS
    while folder.exists():
        counter += 1
        folder = parent / f"{RESULTS} {counter}"
    folder.mkdir()
    return folder


class FileFrames:
    """Drawings in files, and the folder for their pictures.

    `part` is what the model learned, where that is not all of the canvas.
    """

    ways = Ways(layers=AGAIN)

    def __init__(
        self, session: Session, frames: Frames, results: Path, part: LearnedPart | None = None
    ) -> None:
        self._editor = session.editor
        self._part = part
        self._frames = frames
        self._results = results
        self._kept = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._frames)

    def read(self, number: int) -> Reading:
        """The drawing of a frame, as far as the model knows it."""
        drawing = {}
        for part, path in self._frames[number].items():
            drawing[part] = self._editor.load_picture(path)
            yield None
        if self._part is None:
            return drawing
        return (yield from self._part.cut(self._name(number), drawing))

    def keep(self, number: int, picture: Picture) -> Work:
        """Writes the picture under the drawing's name."""
        if self._part is not None:
            picture = yield from self._part.filled(picture)
        self._editor.save_picture(picture, self._results / f"{self._name(number)}.png")
        self._kept += 1
        yield None

    def finish(self) -> Notice:
        """Says where they are."""
        return Notice("good", self._where())

    def given_up(self) -> str:
        """What is there stays; an empty folder does not."""
        if self._kept:
            return self._where()
        with suppress(OSError):  # the artist may have used it, or removed it
            self._results.rmdir()
        return _("Nothing was written.")

    def close(self) -> None:
        """Nothing is held."""

    def _name(self, number: int) -> str:
        return next(iter(self._frames[number].values())).stem

    def _where(self) -> str:
        text = ngettext(
            "{count} picture is in “{folder}”.", "{count} pictures are in “{folder}”.", self._kept
        )
        return text.format(count=self._kept, folder=self._results)


class FolderOfFrames:
    """Applies a document's model to files."""

    def __init__(self, session: Session, applying: Applying) -> None:
        self._session = session
        self._applying = applying

    def apply(self) -> None:
        """Asks for the folder and begins, or refuses with a notice."""
        self._session.attempt(self._begin)

    def _begin(self) -> None:
        document, state = self._session.document()
        refuse_second(self._session, state)
        body, _name, kind = self._applying.model(state)
        part, box = None, self._applying.box(state, body, document.size)
        if box is not None:
            around = state.original or self._session.image(state).uid
            part = LearnedPart(self._session, state, box, around)
        folder = self._session.editor.choose_folder(_("Folder with the drawings of the frames"))
        if folder is None:
            return
        try:
            files = find_frames(folder, kind)
        except OSError as e:
            text = _("{file} cannot be read: {error}.")
            raise RefusalError(text.format(file=folder.name, error=e.strerror), AGAIN) from None
        try:
            results = new_folder(folder)
        except OSError as e:
            text = _("“{folder}” cannot be written to ({error}): choose another folder.")
            error = text.format(folder=folder.name, error=e.strerror)
            raise RefusalError(error, AGAIN) from None
        body["blend"] = self._session.settings.blend
        frames = FileFrames(self._session, files, results, part)
        title = _("Applying to the folder")
        FramesJob(title, self._session, state, body, frames).begin()
