"""Apply to Animation: every keyframe of the drawing becomes a frame of one animated layer."""

from __future__ import annotations

from typing import Mapping, Sequence

from ..document_state import DocumentState
from ..editor import Document
from ..engine_errors import Ways
from ..jobs import closed_notice
from ..session import RefusalError, Session
from ..state import Box, LayerInfo, Notice, Picture
from ..steps import Work
from ..text import _, ngettext
from .applying import Applying
from .frame_by_frame import FramesJob, Reading, refuse_second


class Keyframes:
    """The keyframes of a document's drawing, and the animated layer that they become.

    Raises:
        OSError: there is no place for the frames.
    """

    ways = Ways(layers="choose_segments")

    def __init__(
        self,
        session: Session,
        state: DocumentState,
        document: Document,
        *,
        layers: Mapping[str, LayerInfo],
        times: Sequence[int],
        name: str,
        above: str | None,
        box: Box | None,
    ) -> None:
        self._session = session
        self._state = state
        self._layers = layers
        self._times = times
        self._name, self._above, self._box = name, above, box
        self._landmarks = document.landmarks(state.original or "")
        self._strip = document.strip()
        self._reel = document.reel()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._times)

    def read(self, number: int) -> Reading:
        """The drawing as it is at a keyframe."""
        self._reel.wind(self._times[number])
        yield None
        drawing = {}
        for part, layer in self._layers.items():
            drawing[part] = yield from self._reel.reading(layer.uid, self._box)
        return drawing

    def keep(self, number: int, picture: Picture) -> Work:
        """Writes the picture to disk: there may be many."""
        place = (0, 0) if self._box is None else self._box[:2]
        yield from self._strip.adding(self._times[number], picture, place)

    def finish(self) -> Notice:
        """Adds the layer in one undo step; a document that was closed is left alone."""
        document = self._session.editor.find(self._state.uid)
        if document is None:
            return closed_notice(self._state)
        uid = document.insert_strip(self._strip, self._name, self._above)
        self._state.results = self._state.results | {uid}
        text = ngettext(
            "New layer “{name}” with {count} frame.",
            "New layer “{name}” with {count} frames.",
            len(self),
        )
        advice = self._landmarks.advice(document.landmarks(self._landmarks.uid))
        return Notice("good", f"{text.format(name=self._name, count=len(self))} {advice}".strip())

    def given_up(self) -> str:
        """A layer with a part of the frames would help nobody."""
        return _("No layer was added.")

    def close(self) -> None:
        """Gives the copy of the document and the files back."""
        try:
            self._reel.close()
        finally:
            self._strip.close()


class Animation:
    """Applies a document's model to its animation."""

    def __init__(self, session: Session, applying: Applying) -> None:
        self._session = session
        self._applying = applying

    def apply(self) -> None:
        """Makes the animated layer, or refuses with a notice."""
        self._session.attempt(self._begin)

    def _begin(self) -> None:
        document, state = self._session.document()
        refuse_second(self._session, state)
        body, model, kind = self._applying.model(state)
        layers = self._applying.drawing(state, model, kind)
        times = document.keyframes([layer.uid for layer in layers.values()])
        if not times:
            raise RefusalError(
                _("The drawing has no keyframes: give its layers some in the Timeline docker.")
            )
        name = _("{model} animation").format(model=model)
        above = state.top
        box = self._applying.box(state, body, document.size)
        try:
            frames = Keyframes(
                self._session,
                state,
                document,
                layers=layers,
                times=times,
                name=name,
                above=above,
                box=box,
            )
        except OSError as e:
            text = _("The frames cannot be kept on disk ({error}): make room there.")
            raise RefusalError(text.format(error=e.strerror or e)) from None
        body["blend"] = self._session.settings.blend
        title = _("Applying to the animation")
        FramesJob(title, self._session, state, body, frames).begin()
