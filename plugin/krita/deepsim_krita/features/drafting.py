"""Drafting: the engine draws a first primitive from the picture, for the artist to go on with."""

from __future__ import annotations

from deepsim_client import Reply

from ..document_state import DocumentState
from ..editor import Document, Editor
from ..engine_errors import Ways
from ..jobs import DocumentJob, Job, LayerJob, picture_of, with_warnings
from ..observable import Signal
from ..roles import EDGES_NAME, GROUP_NAME, SEGMENTS_NAME, Choices, free_name
from ..session import Session
from ..state import LayerInfo, Notice, Picture, colours_of
from ..steps import Work, WorkFor, at_once
from ..text import _


class EdgesJob(LayerJob):
    """Outlines of the image as a new layer, which becomes the edges layer."""

    kind = "edges"
    ways = Ways(again="edges", layers="choose_image")
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
    ways = Ways(again="segment", layers="choose_image")
    frame = "segments"

    def added(self, uid: str, picture: Picture, reply: Reply) -> None:
        """Chooses the new layer."""
        old = self.document.choices
        self.document.choices = Choices(old.image, old.edges, uid)
        self.document.palette = colours_of(reply.body.get("palette"))

    def praise(self, name: str, document: Document) -> str:
        """Says what to do with it."""
        text = _("New layer “{name}”: repaint it with its own colours, one colour for each thing.")
        return text.format(name=name)


class OutlineJob(Job):
    """The first half of a primitive; `drawn` gets the edges."""

    kind = "edges"
    ways = Ways(again="primitive", layers="choose_image")

    def __init__(self, state: DocumentState) -> None:
        super().__init__(_("Drawing the edges"), state)
        self.drawn = Signal()

    def success(self, reply: Reply) -> Notice | None:
        """Hands the edges on; the second half follows."""
        edges = at_once(picture_of(reply, "edges"))
        if edges is None:
            text = _("The engine's answer held no picture; nothing was added.")
            return Notice("error", text, "open_log")
        self.drawn.emit(edges)
        return None


class PrimitiveJob(DocumentJob):
    """The second half of a primitive: segments, which with the edges become a group of layers."""

    kind = "segment"
    ways = Ways(again="primitive", layers="choose_image")

    def __init__(
        self, image: LayerInfo, edges: Picture, state: DocumentState, editor: Editor
    ) -> None:
        super().__init__(_("Painting the segments"), state, editor)
        self._image = image
        self._edges = edges

    def adding(self, reply: Reply) -> WorkFor[Notice]:
        """Adds the group and chooses its layers; the segments are active then."""
        state = self.document
        segments = yield from self.picture(reply, "segments")
        document = self.opened()
        name = free_name(GROUP_NAME, document.layers())
        layers = [(EDGES_NAME, self._edges), (SEGMENTS_NAME, segments)]
        above = self._image.uid
        edges_uid, segments_uid = yield from document.inserting_group(name, layers, above)
        state.focus = segments_uid
        state.choices = Choices(state.choices.image, edges_uid, segments_uid)
        state.palette = colours_of(reply.body.get("palette"))
        state.stray = 0
        state.remembered = False
        text = _(
            "Group “{name}” is the drawing: erase and add lines, repaint areas with the colours "
            "below. Then Train."
        )
        said = (with_warnings(text.format(name=name), reply.body), self.advice())
        return Notice("good", " ".join(part for part in said if part))


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

    def primitive(self) -> None:
        """Makes a group with both from the image layer, or refuses with a notice."""
        self._session.attempt(self._primitive)

    def _primitive(self) -> None:
        state, image = self._image()
        self._session.attempt_in_steps(f"primitive {state.uid}", self._outline(state, image))

    def _outline(self, state: DocumentState, image: LayerInfo) -> Work:
        session = self._session
        picture = yield from session.reading_image(session.reopen(state), image)
        landmarks = session.reopen(state).landmarks(image.uid)
        state.trained = state.trained or image.uid

        def paint(edges: Picture) -> None:
            job = PrimitiveJob(image, edges, state, session.editor)
            job.landmarks = landmarks
            session.start(job, {}, {"image": picture})

        job = OutlineJob(state)
        job.drawn.connect(paint)
        session.start(job, {}, {"image": picture})

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
        session = self._session
        picture = yield from session.reading_image(session.reopen(state), image)
        job.landmarks = session.reopen(state).landmarks(image.uid)
        state.trained = state.trained or image.uid
        self._session.start(job, {}, {"image": picture})
