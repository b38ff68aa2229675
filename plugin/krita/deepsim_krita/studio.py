"""The whole plugin without Krita and Qt: the core, the abilities, the table of actions."""

from __future__ import annotations

from dataclasses import replace

from .actions import Action, by_id
from .editor import Editor
from .features.applying import Applying
from .features.choosing import Choosing
from .features.drafting import Drafting
from .features.estimating import Estimating
from .features.guiding import Guiding
from .features.history import History
from .features.library import Library
from .features.mending import Mending
from .features.palette import Palette
from .features.selecting import Selecting
from .features.training import Training
from .guard import guarded
from .session import Client, Session
from .settings import Settings
from .state import Notice
from .steps import Steps
from .text import _


class Studio:
    """Puts the parts together.

    Args:
        editor: Krita, or documents in memory.
        client: the connection to the engine.
        settings: what the artist set.
        log: path of the engine's log.
        steps: works through what is long; tests give one that does not interrupt.
    """

    def __init__(
        self,
        editor: Editor,
        client: Client,
        settings: Settings,
        log: str,
        steps: Steps | None = None,
    ) -> None:
        self.session = Session(editor, client, settings, steps)
        self.library = Library(self.session)
        self.choosing = Choosing(self.session)
        self.drafting = Drafting(self.session)
        self.training = Training(self.session)
        self.estimating = Estimating(self.session)
        self.applying = Applying(self.session, self.library, self.training)
        self.history = History(self.session)
        self.palette = Palette(self.session, self.library)
        self.selecting = Selecting(self.session)
        self.mending = Mending(self.session, log)
        self.guiding = Guiding(self.session, self.training)
        self.actions = by_id([self._safe(action) for action in self._table()])

    def observe(self) -> None:
        """Called a few times a second: looks at the document in front, asks what is due."""
        self.session.observe()
        self.estimating.observe()
        self.palette.observe()

    def _safe(self, action: Action) -> Action:
        """The action with errors of our own made into a sentence: never Krita's dialog."""
        return replace(action, run=guarded(action.run, self._report))

    def _report(self, text: str) -> None:
        self.session.say(Notice("error", text))

    def _table(self) -> list[Action]:
        session, drafting, mending = self.session, self.drafting, self.mending

        def always() -> bool:
            return True

        def with_document() -> bool:
            return session.active is not None

        def with_segments() -> bool:
            return session.active is not None and session.active.roles.segments is not None

        def with_result() -> bool:
            return session.active is not None and bool(session.active.history)

        def training() -> bool:
            return session.active is not None and self.training.running(session.active) is not None

        def with_job() -> bool:
            return session.shown_job is not None

        return [
            Action(
                "primitive",
                _("New Primitive from Layer"),
                _("Draft edges and segments of the picture in a group, ready to paint on"),
                drafting.primitive,
                with_document,
                "ctrl+alt+shift+p",
            ),
            Action(
                "train",
                _("Train on Layer"),
                _("Teach a model to turn the drawing into the picture on the active layer"),
                self.training.train,
                with_document,
                "ctrl+alt+shift+t",
            ),
            Action(
                "pause",
                _("Pause Training"),
                _("Let the training of this document rest; Train on Layer goes on with it"),
                self.training.pause,
                training,
            ),
            Action(
                "apply",
                _("Apply Primitive Edit"),
                _("Turn the drawing as it is now into a new picture layer"),
                self.applying.apply,
                with_document,
                "ctrl+alt+shift+a",
            ),
            Action(
                "before_after",
                _("Show Before/After"),
                _("Hide the result on the canvas, or show it again, to compare with the original"),
                self.history.before_after,
                with_result,
                "ctrl+alt+shift+b",
            ),
            Action(
                "edges",
                _("Extract Edges"),
                _("Draw the outlines of the picture on a new layer"),
                drafting.extract_edges,
                with_document,
                "ctrl+alt+shift+e",
            ),
            Action(
                "segment",
                _("Segment Layer"),
                _("Draft the flat colour regions of the picture on a new layer"),
                drafting.segment,
                with_document,
                "ctrl+alt+shift+s",
            ),
            Action(
                "check_palette",
                _("Check Segment Colours"),
                _("Look for colours in the segments layer that do not belong to the palette"),
                self.palette.check,
                with_segments,
            ),
            Action(
                "snap",
                _("Snap to Palette"),
                _("Give every pixel of the segments layer the colour of its class"),
                self.palette.snap,
                with_segments,
                "ctrl+alt+shift+c",
            ),
            Action(
                "cancel",
                _("Cancel"),
                _("Stop the running DeepSIM job; training can be continued later"),
                session.cancel,
                with_job,
                "ctrl+alt+shift+x",
                document=False,
            ),
            Action(
                "select_changed",
                _("Select What Changed"),
                _("Select what the last result changed, for a mask or to paint on inside it"),
                self.selecting.select_changed,
                with_document,
            ),
            Action(
                "restart_engine",
                _("Restart Engine"),
                _("End the engine, which keeps its trainings, and start it again"),
                mending.restart_engine,
                always,
                document=False,
            ),
            Action(
                "open_log",
                _("Open Log"),
                _("Show what the engine wrote down"),
                mending.open_log,
                always,
                document=False,
            ),
            Action(
                "open_picture",
                _("Open a Picture"),
                _("Pick a picture to work on"),
                session.editor.open_picture,
                always,
                menu=False,
            ),
            *(
                Action(
                    f"choose_{part}",
                    _("Choose Layer"),
                    _("Pick the layer from the list"),
                    ask,
                    with_document,
                    menu=False,
                )
                for part, ask in (
                    ("image", self.choosing.ask_for_image),
                    ("edges", self.choosing.ask_for_edges),
                    ("segments", self.choosing.ask_for_segments),
                )
            ),
        ]
