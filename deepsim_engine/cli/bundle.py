"""Diagnostics to send along with a question: what the doctor found and the logs, made anonymous."""

import getpass
import json
import re
import socket
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deepsim_engine.files import replacing

MAX_LOG_BYTES = 1 << 20
"""Of each log so much of its end is taken."""
_KEY_FILES = ("keys/**/*.key", "keys/**/*.key_secret", "**/remote.json", "run/engine.json")
_KEY = re.compile(r'"([0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40})"')
_ADDRESS = re.compile(r"\b(?!127\.0\.0\.1\b|0\.0\.0\.0\b)(?:\d{1,3}\.){3}\d{1,3}\b")


def anonymous(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets, the user's and the machine's name, home and addresses."""
    for secret in secrets:
        text = text.replace(secret, "<key>")
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~").replace(json.dumps(home)[1:-1], "~")
    for name, stands in ((_user(), "<user>"), (socket.gethostname(), "<host>")):
        if len(name) > 1:
            text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", stands, text)
    return _ADDRESS.sub("<address>", text)


def write_bundle(path: Path, data: Path, findings: list[dict[str, Any]]) -> list[str]:
    """A zip file of the findings and of the logs in the data folder; the names in it.

    Raises OSError; then nothing is left at `path`.
    """
    secrets = known_secrets(data)
    texts = {"doctor.json": json.dumps(findings, indent=1, ensure_ascii=False)}
    for log in sorted((data / "logs").glob("*.log*")):
        texts[f"logs/{log.name}"] = _end_of(log)
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in texts.items():
            bundle.writestr(name, anonymous(text, secrets))
    return list(texts)


def known_secrets(data: Path) -> set[str]:
    """All keys, secret and public, that stand in files of the data folder."""
    found: set[str] = set()
    for pattern in _KEY_FILES:
        for path in data.glob(pattern):
            found.update(_KEY.findall(path.read_text("utf-8", "replace")))
    return found


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_LOG_BYTES))
        return file.read().decode("utf-8", "replace")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""
