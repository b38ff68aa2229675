"""What a person sees while it works: numbered steps, one live line, the log's end on failure."""

import sys
import time
from pathlib import Path
from typing import TextIO

_HEARTBEAT = 15.0
_REDRAW = 0.2


class Console:
    """Prints steps to `stream`; what subprocesses say goes to a log file once there is one.

    On a terminal the current activity is one line that is drawn over; elsewhere a line is printed
    when the activity changes, at most every few seconds, and as a sign of life while it lasts.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._live = self._stream.isatty()
        self._log: Path | None = None
        self._started = time.monotonic()
        self._step_started = self._started
        self._drawn = 0.0
        self._activity = ""
        self._width = 0

    def keep_log(self, path: Path) -> None:
        """From now on add everything to this file."""
        self._log = path

    def say(self, text: str = "") -> None:
        """Print a whole line."""
        self._wipe()
        self._stream.write(text + "\n")
        self._stream.flush()
        self.record(text)

    def step(self, number: int, count: int, title: str) -> None:
        """Announce a step."""
        self._step_started = time.monotonic()
        self._activity = ""
        self.say(f"[{number}/{count}] {title}")

    def step_done(self) -> None:
        """Close a step with the time that it took."""
        self.say(f"      done in {_duration(time.monotonic() - self._step_started)}")

    def activity(self, text: str) -> None:
        """Show what is going on now; cheap enough for every line of output, or as a tick."""
        now = time.monotonic()
        changed = text != self._activity
        if self._live:
            if now - self._drawn < _REDRAW:
                return
            line = f"      {text}  ({_duration(now - self._step_started)})"[:100]
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            if now - self._drawn < (2.0 if changed else _HEARTBEAT):
                return
            self._stream.write(f"      {text}  ({_duration(now - self._step_started)})\n")
        self._stream.flush()
        self._activity, self._drawn = text, now

    def record(self, text: str) -> None:
        """Add a line to the log."""
        if self._log is None:
            return
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError:
            self._log = None  # A full disk must not hide the message that says so.

    def log_end(self, lines: int = 15) -> str:
        """The last lines of the log."""
        if self._log is None or not self._log.is_file():
            return ""
        return "\n".join(self._log.read_text(encoding="utf-8").splitlines()[-lines:])

    def _wipe(self) -> None:
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._width = 0


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
