"""The whole plugin without Krita and Qt: the core, the abilities, the table of actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from deepsim_client import Location

from .actions import Action, by_id
from .editor import Editor
from .features.animation import Animation
from .features.applying import Applying
from .features.choosing import Choosing
from .features.configuring import Configuring, Place, place_of
from .features.drafting import Drafting
from .features.estimating import Estimating
from .features.folder import FolderOfFrames
from .features.guiding import Guiding
from .features.history import History
from .features.keeping import Keeping
from .features.library import Library
from .features.live import Live
from .features.mending import Mending
from .features.palette import Palette
from .features.selecting import Selecting
from .features.training import Training
from .features.transfers import Transfers
from .guard import guarded
from .observable import Signal
from .session import Client, Session
from .settings import Settings
from .state import Notice
from .steps import Steps
from .text import _


class Studio:
    """Puts the parts together.

    Args:
        editor: Krita, or documents in memory.
        settings: what the artist set.
        location: this machine's engine.
        connect: makes the connection to an engine.
        steps: works through what is long; tests give one that does not interrupt.
    """

    def __init__(
        self,
        editor: Editor,
        settings: Settings,
        location: Location,
        connect: Callable[[Place], Client],
        steps: Steps | None = None,
    ) -> None:
        """Raises LocationError when the file that names a remote engine cannot be used."""
        self.show_library = Signal()
        """Emitted when the artist wants to see the library's window."""
        self.show_settings = Signal()
        """Emitted when the artist wants to see the settings' window."""
        client = connect(place_of(location, settings))
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
        self.keeping = Keeping(self.session, self.library, self.training)
        self.transfers = Transfers(self.session, self.library)
        self.animation = Animation(self.session, self.applying)
        self.folder = FolderOfFrames(self.session, self.applying)
        self.live = Live(self.session, self.applying)
        self.configuring = Configuring(self.session, location, connect)
        self.mending = Mending(self.session, str(location.log))
        self.guiding = Guiding(self.session, self.training)
        self.actions = by_id([self._safe(action) for action in self._table()])

    def observe(self) -> None:
        """Called a few times a second: looks at the document in front, asks what is due."""
        self.session.observe()
        self.estimating.observe()
        self.palette.observe()
        self.live.observe()

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
                "live",
                _("Live"),
                _("Let a preview layer follow the brush, until it is chosen again"),
                self.live.toggle,
                with_document,
                "ctrl+alt+shift+l",
            ),
            Action(
                "animate",
                _("Apply to Animation"),
                _("Turn every keyframe of the drawing into a frame of one animated layer"),
                self.animation.apply,
                with_document,
            ),
            Action(
                "apply_to_folder",
                _("Apply to Folder of Frames"),
                _("Turn drawings in files into pictures in files"),
                self.folder.apply,
                with_document,
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
                "library",
                _("Models…"),
                _("Show all models: rename, delete, export, import, train from one of them"),
                self.show_library.emit,
                always,
                document=False,
            ),
            Action(
                "settings",
                _("Settings…"),
                _("The engine, what trainings begin with, where models are kept"),
                self.show_settings.emit,
                always,
                document=False,
            ),
            Action(
                "train_again",
                _("Train Again"),
                _("Train as this picture's model was trained: its settings, its layer, its part"),
                self.keeping.train_again,
                with_document,
                menu=False,
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
