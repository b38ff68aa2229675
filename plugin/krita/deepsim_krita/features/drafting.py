"""Drafting: the engine draws a first primitive from the picture, for the artist to go on with."""

from __future__ import annotations

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Document
from ..jobs import LayerJob
from ..roles import EDGES_NAME, SEGMENTS_NAME, Choices, free_name
from ..session import Session
from ..state import LayerInfo, Picture
from ..steps import Work
from ..text import _


class EdgesJob(LayerJob):
    """Outlines of the image as a new layer, which becomes the edges layer."""

    kind = "edges"
    frame = "edges"

    def added(self, uid: str, picture: Picture, reply: Reply) -> None:
        """Chooses the new layer."""
        old = self.document.choices
        self.document.choices = Choices(old.image, uid, old.segments)

    def praise(self, name: str, document: Document) -> str:
        """Says what to do with it."""
        text = _("New layer “{name}”: erase what does not matter, draw what is missing.")
        return text.format(name=name)


class SegmentJob(LayerJob):
    """Flat colour regions of the image as a new layer, which becomes the segments layer."""

    kind = "segment"
    frame = "segments"

    def added(self, uid: str, picture: Picture, reply: Reply) -> None:
        """Chooses the new layer."""
        old = self.document.choices
        self.document.choices = Choices(old.image, old.edges, uid)

    def praise(self, name: str, document: Document) -> str:
        """Says what to do with it."""
        text = _("New layer “{name}”: repaint it with its own colours, one colour for each thing.")
        return text.format(name=name)


class Drafting:
    """Edges and segments, drafted from the image."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def extract_edges(self) -> None:
        """Makes an edges layer from the image layer, or refuses with a notice."""
        self._session.attempt(self._edges)

    def segment(self) -> None:
        """Makes a segments layer from the image layer, or refuses with a notice."""
        self._session.attempt(self._segments)

    def _edges(self) -> None:
        state, image = self._image()
        name = free_name(EDGES_NAME, state.layers)
        # Edges lie over segments, as in a super-primitive.
        above = (state.roles.segments or image).uid
        job = EdgesJob(_("Extracting edges"), name, above, state, self._session.editor)
        self._session.attempt_in_steps(f"edges {state.uid}", self._start(job, state, image))

    def _segments(self) -> None:
        state, image = self._image()
        name = free_name(SEGMENTS_NAME, state.layers)
        job = SegmentJob(_("Segmenting"), name, image.uid, state, self._session.editor)
        self._session.attempt_in_steps(f"segments {state.uid}", self._start(job, state, image))

    def _image(self) -> tuple[DocumentState, LayerInfo]:
        _document, state = self._session.document()
        return state, self._session.image(state)

    def _start(self, job: LayerJob, state: DocumentState, image: LayerInfo) -> Work:
        picture = yield from self._session.reading_image(self._session.reopen(state), image)
        state.trained = state.trained or image.uid
        self._session.start(job, {}, {"image": picture})
