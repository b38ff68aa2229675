"""What an installation remembers of itself: which steps are done, and what it put where."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.errors import InstallError
from installer.files import write_json

FORMAT = 1


@dataclass
class InstallState:
    """The content of deepsim-install.json; saved after each change, so that any stop is resumed.

    `stamps` maps a finished step to the fingerprint of what it was made from; `homes` lists the
    editor folders that hold our plugin, as {"kind", "resources", "config"}; `facts` is what later
    commands want to know, for example where torch came from.
    """

    path: Path
    complete: bool = False
    stamps: dict[str, str] = field(default_factory=dict)
    homes: list[dict[str, str]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "InstallState":
        """Read `path`; a missing or damaged file is an installation that has not begun.

        Raises:
            InstallError: when a newer installer wrote it.
        """
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] > FORMAT:
                raise InstallError(
                    f"{path.parent} was set up by a newer DeepSIM.",
                    "Run the install.py of that version, or choose another folder with --prefix.",
                )
            return cls(
                path,
                complete=content["state"] == "complete",
                stamps=dict(content["stamps"]),
                homes=list(content["homes"]),
                facts=dict(content["facts"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        content = {
            "format": FORMAT,
            "state": "complete" if self.complete else "incomplete",
            "stamps": self.stamps,
            "homes": self.homes,
            "facts": self.facts,
        }
        write_json(self.path, content)
