"""The engine's log: readable lines, or JSON, in a file that cannot grow without end."""

import json
import logging
import logging.handlers
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

_MAX_BYTES = 1 << 20
_OLD_FILES = 3
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, message, and any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(path: Path, as_json: bool = False) -> None:
    """Log to `path`, and to standard error too unless that is the same file."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_MAX_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
    )
    handlers: list[logging.Handler] = [handler]
    if not _is_stderr(path):
        handlers.append(logging.StreamHandler())
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for each in handlers:
        each.setFormatter(JsonLines() if as_json else logging.Formatter(_FORMAT))
        root.addHandler(each)
    logging.captureWarnings(True)


def open_bounded(path: Path) -> int:
    """A descriptor that appends to `path`; a file grown too long is set aside first."""
    if path.exists() and path.stat().st_size > _MAX_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _is_stderr(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):  # no standard error at all
        return False
