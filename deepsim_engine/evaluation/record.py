"""What is kept of one method in its folder, so that an interrupted evaluation goes on."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepsim_engine.errors import WorkError
from deepsim_engine.files import write_atomically
from deepsim_engine.imaging import Pixels, read_image, write_png

_FILE = "method.json"


@dataclass
class Record:
    """One method's results; `save` after every change.

    Attributes:
        folder: of the method: method.json, one PNG per frame, and what the method leaves there.
        identity: what the results depend on; others are of no use.
        facts: of the training.
        apply_seconds: frame -> time it took to paint it.
        figures: frame -> judge -> figure.
        curve: [seconds of training, mean figure] of the states that were kept on the way; None
            until it was measured.
    """

    folder: Path
    identity: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    apply_seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    curve: list[list[float]] | None = None

    @classmethod
    def opened(cls, folder: Path, identity: dict[str, Any]) -> "Record":
        """The record in `folder` if it is of the same identity, else a new one in an empty folder.

        A folder without a readable record of ours is emptied too: it was never finished.
        """
        new = cls(folder, json.loads(json.dumps(identity)))
        try:
            kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = {}
        if kept.get("identity") == new.identity:
            for name in ("facts", "apply_seconds", "figures", "curve"):
                setattr(new, name, kept[name])
            return new
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        new.save()
        return new

    def save(self) -> None:
        """Write method.json. Raises WorkError when the disk or the folder refuses."""
        kept = {name: value for name, value in vars(self).items() if name != "folder"}
        path = self.folder / _FILE
        try:
            write_atomically(path, json.dumps(kept, indent=1).encode())
        except OSError as error:
            raise WorkError(f"{path} could not be written: {error.strerror or error}.") from error

    def picture(self, frame: str) -> Path:
        """Where the result for a frame is, or will be."""
        return self.folder / f"{frame}.png"

    def painted(self, frame: str) -> bool:
        """Whether the result for a frame is there."""
        return frame in self.apply_seconds and self.picture(frame).is_file()

    def keep_result(self, frame: str, result: Pixels, seconds: float) -> None:
        """A new result of a frame; figures of an older one are forgotten."""
        write_png(self.picture(frame), result)
        self.apply_seconds[frame] = round(seconds, 3)
        self.figures.pop(frame, None)
        self.save()

    def result(self, frame: str) -> Pixels:
        """The result for a frame, (H, W, 3) uint8."""
        return read_image(self.picture(frame), "the result")[:, :, :3]

    def means(self) -> dict[str, float]:
        """Judge -> mean over the frames that it has judged."""
        collected: dict[str, list[float]] = {}
        for figures in self.figures.values():
            for judge, figure in figures.items():
                collected.setdefault(judge, []).append(figure)
        return {judge: sum(values) / len(values) for judge, values in collected.items()}
