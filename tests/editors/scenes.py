"""Documents in memory and an engine whose replies the test writes: what features are tested with.

test_krita_*.py do the same with a real Krita and a real engine; here are the orders of replies that
a real engine gives rarely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepsim_client import Frame, Location, Reply
from deepsim_krita.document_state import DocumentState
from deepsim_krita.editor import GoneError
from deepsim_krita.features.configuring import Place
from deepsim_krita.pixels.landmarks import Landmarks, places
from deepsim_krita.settings import Settings
from deepsim_krita.state import Box, Colour, Inserted, LayerInfo, Mask, Picture
from deepsim_krita.steps import Steps, Work, WorkFor, at_once
from deepsim_krita.studio import Studio

SIZE = (4, 3)


def flat(*rgba: int) -> Picture:
    return Picture(*SIZE, bytes(rgba) * (SIZE[0] * SIZE[1]))


PHOTO, LINES, COLOURS, NOTHING = (
    flat(10, 20, 30, 255),
    flat(0, 0, 0, 255),
    flat(200, 0, 0, 255),
    flat(0, 0, 0, 0),
)


class MemoryDocument:
    """A document whose layers are pictures; `stack` goes from top to bottom."""

    def __init__(self, uid: str, title: str, layers: Mapping[str, Picture]) -> None:
        self.uid, self.title, self.size = uid, title, SIZE
        self.stack = [(f"{uid}/{name}", name, picture) for name, picture in layers.items()]
        self.current: str | None = self.stack[-1][0] if self.stack else None
        self.hidden: set[str] = set()
        self.inner: set[str] = set()
        self.annotation: dict[str, Any] = {}
        self.originals: list[str | None] = []
        """For each insertion, the layer whose values were to be kept."""
        self.boxes: list[Box | None] = []
        """For each reading, which part."""
        self.places: list[tuple[int, int]] = []
        """For each insertion, where."""
        self.selection: Mask | None = None
        self.lost = ""
        """What an insertion says that it lost."""
        self.frames: dict[str, dict[int, Picture]] = {}
        self.strips: dict[str, dict[int, Picture]] = {}
        self.open_reels = 0
        self.disk_error: OSError | None = None
        self.strokes = 0
        """Undo steps so far."""
        self.can_redo = False
        self.idle = True
        self.no_strips = False
        """Whether that error comes already when a strip is begun."""

    def layers(self) -> list[LayerInfo]:
        return [LayerInfo(uid, name, int(uid in self.inner)) for uid, name, _ in self.stack]

    def active_layer(self) -> str | None:
        return self.current

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        yield None
        self.boxes.append(box)
        for known, _, picture in self.stack:
            if known == uid:
                return picture
        raise GoneError("The layer is not in the document any more.")

    def landmarks(self, uid: str) -> Landmarks:
        pictures = {known: picture for known, _, picture in self.stack}
        if uid not in pictures:
            return Landmarks(uid, self.size)
        width, rgba = pictures[uid].width, bytes(pictures[uid].rgba)
        starts = (4 * (width * y + x) for x, y in places((width, pictures[uid].height)))
        return Landmarks(uid, self.size, tuple(rgba[start : start + 4] for start in starts))

    def inserting(
        self,
        picture: Picture,
        name: str,
        above: str | None,
        original: str | None = None,
        place: tuple[int, int] = (0, 0),
    ) -> WorkFor[Inserted]:
        yield None
        self.places.append(place)
        self.originals.append(original)
        order = [uid for uid, _, _ in self.stack]
        place = order.index(above) if above in order else 0
        uid = f"{self.uid}/{name}" + "'" * sum(entry[1] == name for entry in self.stack)
        self.stack.insert(place, (uid, name, picture))
        self.current = uid
        return Inserted(self.current, self.lost)

    def inserting_group(
        self, name: str, layers: Sequence[tuple[str, Picture]], above: str | None
    ) -> WorkFor[list[str]]:
        yield None
        order = [uid for uid, _, _ in self.stack]
        place = order.index(above) if above in order else 0
        uids = [f"{self.uid}/{name}/{layer}" for layer, _ in layers]
        inner = [(uid, layer, picture) for uid, (layer, picture) in zip(uids, layers, strict=True)]
        self.stack[place:place] = [(f"{self.uid}/{name}", name, NOTHING), *inner]
        self.inner.update(uids)
        return uids

    def replacing(self, uid: str, picture: Picture) -> WorkFor[str]:
        yield None
        place = next(i for i, entry in enumerate(self.stack) if entry[0] == uid)
        self.stack[place] = (f"{uid}'", self.stack[place][1], picture)
        return f"{uid}'"

    @property
    def selected_box(self) -> Box | None:
        return None if self.selection is None else self.selection.box

    def selecting(self) -> WorkFor[Mask | None]:
        yield None
        return self.selection

    def select(self, mask: Mask | None) -> None:
        self.selection = mask

    def activate(self, uid: str) -> None:
        self.current = uid

    def paint(self, uid: str, picture: Picture) -> None:
        """What the artist does with a brush."""
        self.strokes += 1
        self._fill(uid, picture)

    def insert_preview(self, name: str, above: str | None) -> str:
        active = self.current
        uid = at_once(self.inserting(NOTHING, name, above)).uid
        self.current = active
        return uid

    def showing(self, uid: str, picture: Picture, place: tuple[int, int]) -> Work:
        yield None
        self.places.append(place)
        self._fill(uid, picture)

    def empty(self, uid: str) -> None:
        self._fill(uid, NOTHING)
        self.hidden.add(uid)

    def _fill(self, uid: str, picture: Picture) -> None:
        self.stack = [(u, n, picture if u == uid else p) for u, n, p in self.stack]

    def remove(self, uid: str) -> None:
        at_once(self.reading(uid))
        self.stack = [layer for layer in self.stack if layer[0] != uid]

    def keyframes(self, uids: Sequence[str]) -> tuple[int, ...]:
        return tuple(sorted({time for uid in uids for time in self.frames.get(uid, {})}))

    def reel(self) -> MemoryReel:
        self.open_reels += 1
        return MemoryReel(self)

    def strip(self) -> MemoryStrip:
        if self.no_strips and self.disk_error is not None:
            raise self.disk_error
        return MemoryStrip(self)

    def insert_strip(self, strip: MemoryStrip, name: str, above: str | None) -> str:
        self.strips[name] = strip.frames
        return at_once(self.inserting(next(iter(strip.frames.values())), name, above)).uid

    def visible(self, uid: str) -> bool:
        return uid not in self.hidden

    def set_visible(self, uid: str, visible: bool) -> None:
        self.hidden = self.hidden - {uid} if visible else self.hidden | {uid}

    def recall(self) -> dict[str, Any]:
        return self.annotation

    def remember(self, values: Mapping[str, Any]) -> None:
        self.annotation = dict(values)

    @property
    def names(self) -> list[str]:
        return [name for _, name, _ in self.stack]


class MemoryReel:
    """A document's layers at any time."""

    def __init__(self, document: MemoryDocument) -> None:
        self._document, self._time = document, 0

    def wind(self, time: int) -> None:
        self._time = time

    def reading(self, uid: str, box: Box | None = None) -> WorkFor[Picture]:
        yield None
        frames = self._document.frames.get(uid)
        if frames is None:
            return (yield from self._document.reading(uid, box))
        return frames[max(time for time in frames if time <= self._time)]

    def close(self) -> None:
        self._document.open_reels -= 1


class MemoryStrip:
    """Frames that become a layer."""

    def __init__(self, document: MemoryDocument) -> None:
        self._document = document
        self.frames: dict[int, Picture] = {}

    def adding(self, time: int, picture: Picture, place: tuple[int, int] = (0, 0)) -> Work:
        yield None
        if self._document.disk_error is not None:
            raise self._document.disk_error
        self.frames[time] = picture

    def close(self) -> None:
        pass


class MemoryEditor:
    def __init__(self, *documents: MemoryDocument) -> None:
        self.open = list(documents)
        self.shown: list[str] = []
        self.files_exist = True
        self.asked_for_picture = False
        self.steps: list[str] = []
        """What was undone and redone."""
        self.brush: Colour | None = None
        self.hand_down = self.asking = False
        self.folder: Path | None = None
        self.file: Path | None = None
        self.files: dict[Path, Picture] = {}
        self.saved: dict[Path, Picture] = {}

    def active(self) -> MemoryDocument | None:
        return self.open[0] if self.open else None

    @property
    def history(self) -> str:
        return str(sum(document.strokes for document in self.open))

    def find(self, uid: str) -> MemoryDocument | None:
        return next((document for document in self.open if document.uid == uid), None)

    def open_file(self, path: str) -> bool:
        self.shown.append(path)
        return self.files_exist

    def undo(self) -> None:
        self.steps.append("undo")

    def redo(self) -> None:
        self.steps.append("redo")

    def set_brush_colour(self, colour: Colour) -> None:
        self.brush = colour

    def open_folder(self, path: str) -> bool:
        self.shown.append(path)
        return self.files_exist

    def open_picture(self) -> None:
        self.asked_for_picture = True

    def choose_file(self, title: str, pattern: str) -> Path | None:
        return self.file

    def choose_new_file(self, title: str, name: str) -> Path | None:
        return None if self.folder is None else self.folder / name

    def choose_folder(self, title: str) -> Path | None:
        return self.folder

    def load_picture(self, path: Path) -> Picture:
        if path not in self.files:
            raise OSError(f"{path.name} is no picture.")
        return self.files[path]

    def save_picture(self, picture: Picture, path: Path) -> None:
        self.saved[path] = picture


class WrittenEngine:
    """Keeps the requests; the test writes the replies."""

    def __init__(self) -> None:
        self.on_state: Callable[[str, str], None] | None = None
        self.sent: list[tuple[str, dict[str, Any], dict[str, Frame], Callable[[Reply], None]]] = []
        self.cancelled: list[str] = []
        self.connects = 0
        self.restarts = 0
        self.places: list[Place] = []

    def at(self, place: Place) -> WrittenEngine:
        """As the connection to that engine."""
        self.places.append(place)
        return self

    def connect(self) -> None:
        self.connects += 1

    def request(
        self,
        kind: str,
        body: dict[str, Any],
        frames: Sequence[Frame],
        on_reply: Callable[[Reply], None],
    ) -> str:
        self.sent.append((kind, dict(body), {frame.name: frame for frame in frames}, on_reply))
        return f"request-{len(self.sent)}"

    def restart(self) -> None:
        self.restarts += 1

    def cancel(self, rid: str) -> None:
        self.cancelled.append(rid)

    def poll(self) -> None:
        pass

    def close(self) -> None:
        pass

    def last(self, kind: str) -> tuple[dict[str, Any], dict[str, Frame]]:
        body, frames = next(s[1:3] for s in reversed(self.sent) if s[0] == kind)
        return body, frames

    def reply(self, request: str, kind: str, body: dict[str, Any], *frames: Frame) -> None:
        callback = next(s[3] for s in reversed(self.sent) if s[0] == request)
        callback(Reply(kind, body, frames))

    def state(self, state: str, message: str = "") -> None:
        assert self.on_state is not None
        self.on_state(state, message)


def location_in(folder: Path) -> Location:
    """This machine's engine, with its data in a folder."""
    run, key = folder / "engine.json", folder / "local.key_secret"
    return Location(("engine",), folder, run, key, Path("engine.log"))


NOWHERE = location_in(Path("no-such-folder"))


def studio_with(
    editor: MemoryEditor, engine: WrittenEngine, location: Location = NOWHERE
) -> Studio:
    """A studio whose long works are not interrupted."""
    steps = Steps(slice_seconds=float("inf"))
    return Studio(editor, Settings(), location, engine.at, steps)


class Scene:
    """A studio with one document: a photo with edges and segments over it."""

    def __init__(self) -> None:
        layers = {"Edges": LINES, "Segments": COLOURS, "Photo": PHOTO}
        self.document = MemoryDocument("d", "car", layers)
        self.editor = MemoryEditor(self.document)
        self.engine = WrittenEngine()
        self.studio = studio_with(self.editor, self.engine)
        self.session = self.studio.session
        self.session.observe()

    @property
    def state(self) -> DocumentState:
        """The document in front."""
        assert self.session.active is not None
        return self.session.active

    def show(self, layers: Mapping[str, Picture]) -> None:
        """Opens another document, which comes to the front, with these layers."""
        self.document = MemoryDocument(f"d{len(self.editor.open) + 1}", "car", layers)
        self.editor.open.insert(0, self.document)
        self.session.observe()

    def reopened(self) -> Scene:
        """Another Krita in which the document, saved and closed, was opened again."""
        other = Scene.__new__(Scene)
        other.document = self.document
        other.document.uid = "reopened"
        other.editor, other.engine = MemoryEditor(other.document), WrittenEngine()
        other.studio = studio_with(other.editor, other.engine)
        other.session = other.studio.session
        return other

    def do(self, action: str) -> None:
        """What a menu entry or a button of that action does."""
        self.studio.actions[action].run()

    @property
    def said(self) -> str:
        """The docker's message."""
        notice = self.session.shown_notice
        return notice.text if notice is not None else ""

    @property
    def mend(self) -> str:
        """The action that the docker offers beside its message."""
        notice = self.session.shown_notice
        return notice.mend if notice is not None else ""

    def apply(self, model: str = "Photo", picture: Picture = PHOTO) -> None:
        """Applies the drawing, and the engine answers with a picture."""
        self.do("apply")
        self.engine.reply("apply", "result", {"model": {"name": model}}, image_frame(picture))
        self.session.observe()

    def trained(self, **model: Any) -> None:
        described = {"id": "m1", "name": "Photo", "kind": "both", "size": list(SIZE), **model}
        self.do("train")
        self.engine.reply("train", "result", {"model": described, "warnings": []})


def image_frame(picture: Picture, name: str = "image") -> Frame:
    return Frame(name, (SIZE[1], SIZE[0], 4), "uint8", picture.rgba)
