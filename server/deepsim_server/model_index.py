"""What is known of the model files, in SQLite: descriptions, verified files, documents in need.

The folder is the truth: an index that is lost or damaged is made anew from the files. With it go
only the claims of documents, which they renew when they are opened.
"""

import json
import logging
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_VERSION = 1
_SCHEMA = f"""
BEGIN;
DROP TABLE IF EXISTS files;
CREATE TABLE files (
    name TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    description TEXT NOT NULL,
    verified INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS claims (
    model TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (model, document)
);
PRAGMA user_version={_VERSION};
COMMIT;
"""
_BUSY_SECONDS = 5.0


class ModelIndex:
    """The index in one file. Several processes may use it; not for several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create; what cannot be used is moved away, and memory will do."""
        self._db = _open(path)

    def description(self, name: str, stamp: str) -> dict[str, Any] | None:
        """The description of the file `name` if it still is the one with that stamp."""
        row = self._db.execute(
            "SELECT description FROM files WHERE name = ? AND stamp = ?", (name, stamp)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def add(self, name: str, stamp: str, description: dict[str, Any]) -> None:
        """Remember a description."""
        self._write(
            "INSERT OR REPLACE INTO files (name, stamp, description) VALUES (?, ?, ?)",
            (name, stamp, json.dumps(description)),
        )

    def verified(self, name: str, stamp: str) -> bool:
        """Whether all of that file was read and found as it was written."""
        query = "SELECT 1 FROM files WHERE name = ? AND stamp = ? AND verified"
        return self._db.execute(query, (name, stamp)).fetchone() is not None

    def mark_verified(self, name: str, stamp: str) -> None:
        """Remember that."""
        self._write("UPDATE files SET verified = 1 WHERE name = ? AND stamp = ?", (name, stamp))

    def forget(self, name: str) -> None:
        """The file is gone."""
        self._write("DELETE FROM files WHERE name = ?", (name,))

    def claim(self, model: str, document: str) -> None:
        """A document needs the model."""
        self._write("INSERT OR IGNORE INTO claims VALUES (?, ?)", (model, document))

    def release(self, model: str, document: str | None = None) -> None:
        """It does not any more; without a document: nobody does."""
        query = "DELETE FROM claims WHERE model = ? AND document = coalesce(?, document)"
        self._write(query, (model, document))

    def documents(self, model: str) -> list[str]:
        """Who needs the model."""
        query = "SELECT document FROM claims WHERE model = ? ORDER BY document"
        return [row[0] for row in self._db.execute(query, (model,))]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, query: str, values: tuple[Any, ...]) -> None:
        try:
            self._db.execute(query, values)
        except sqlite3.OperationalError as error:  # full, read-only: it is only an index
            log.warning("The index of models cannot be written: %s.", error)


def _open(path: Path) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return _prepared(str(path))
        except sqlite3.OperationalError as error:
            log.warning("The index of models %s cannot be used: %s.", path, error)
            break
        except sqlite3.DatabaseError:
            log.warning("The index of models %s is damaged: it is made anew.", path)
            with suppress(OSError):
                path.replace(path.with_name(path.name + ".damaged"))
    return _prepared(":memory:")


def _prepared(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            db.executescript(_SCHEMA)
        db.execute("SELECT count(*) FROM files").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return db
