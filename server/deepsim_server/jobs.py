"""Trainings that outlive the engine: a row in SQLite and a folder each.

A job is accepted once its folder and its row are on disk. Requests and jobs are kept apart,
because several requests may ask for the same job: one that is repeated, or one that resumes it.
"""

import json
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsim_engine.errors import WorkError

VERSION = 1
QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
UNFINISHED = (QUEUED, RUNNING, PAUSED)
"""States of jobs that the next start of the engine goes on with, unasked."""

INPUTS, CHECKPOINT = "inputs.bin", "checkpoint.safetensors"

# AUTOINCREMENT numbers give the order: clocks jump.
_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    pair TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    step INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    reply TEXT,
    created REAL NOT NULL,
    updated REAL NOT NULL
);
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX jobs_by_pair ON jobs (pair);
CREATE INDEX requests_by_job ON requests (job);
"""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        id: the id of the request that began it.
        pair: SHA-256 over the frames that came with it.
        settings: body of the request, and what a request that resumed it changed.
        step: steps done when it last changed its state.
        deaths: how many workers died of it.
        reply: body of the final reply, once there is one.
    """

    id: str
    name: str
    preset: str
    pair: str
    settings: dict[str, Any]
    state: str
    step: int
    deaths: int
    reply: dict[str, Any] | None
    created: float

    @property
    def unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.state in UNFINISHED


class JobStore:
    """The jobs of one data folder. Not for several threads."""

    def __init__(self, database: Path, folder: Path) -> None:
        """Open or create. Raises WorkError when it is damaged or from a newer version."""
        self._folder = folder
        try:
            self._db = sqlite3.connect(database, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._migrate(database)
        except sqlite3.Error as error:
            raise WorkError(
                f"The list of jobs {database} cannot be opened ({error}): move it away."
            ) from error

    def _migrate(self, database: Path) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise WorkError(
                f"{database} was written by a newer DeepSIM (layout {found}, this one knows"
                f" {VERSION}): update DeepSIM."
            )
        if found == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def folder(self, job: str) -> Path:
        """Where the job's inputs and checkpoint are."""
        return self._folder / job

    def checkpoint(self, job: str) -> Path:
        """The job's checkpoint, which need not exist."""
        return self.folder(job) / CHECKPOINT

    def add(self, request: str, name: str, preset: str, pair: str, settings: dict[str, Any]) -> Job:
        """A new job in state queued, asked for by `request`; its inputs must be in place already.

        Raises OSError or sqlite3.Error when it could not be made durable.
        """
        now = time.time()
        with self._transaction():
            self._db.execute(
                "INSERT INTO jobs (id, name, preset, pair, settings, state, created, updated)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (request, name, preset, pair, json.dumps(settings), QUEUED, now, now),
            )
            self._db.execute("INSERT INTO requests VALUES (?, ?)", (request, request))
        return self.get(request)

    def link(self, request: str, job: str) -> None:
        """Remember that `request` asks for `job`."""
        self._db.execute("INSERT OR IGNORE INTO requests VALUES (?, ?)", (request, job))

    def get(self, job: str) -> Job:
        """The job of that id. Raises KeyError."""
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
        if row is None:
            raise KeyError(job)
        return _job(row)

    def of_request(self, request: str) -> Job | None:
        """The job that a request asked for."""
        row = self._db.execute(
            "SELECT jobs.* FROM requests JOIN jobs ON jobs.id = requests.job WHERE requests.id = ?",
            (request,),
        ).fetchone()
        return None if row is None else _job(row)

    def latest(self, name: str, preset: str, pair: str) -> Job | None:
        """The newest job of that name and preset on that pair."""
        row = self._db.execute(
            "SELECT * FROM jobs WHERE pair = ? AND name = ? AND preset = ?"
            " ORDER BY number DESC LIMIT 1",
            (pair, name, preset),
        ).fetchone()
        return None if row is None else _job(row)

    def unfinished(self) -> list[Job]:
        """Jobs that wait or run, oldest first."""
        marks = ",".join("?" * len(UNFINISHED))
        query = f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY number"  # noqa: S608
        return [_job(row) for row in self._db.execute(query, UNFINISHED)]

    def recent(self, limit: int = 20) -> list[Job]:
        """The newest jobs, newest first."""
        query = "SELECT * FROM jobs ORDER BY number DESC LIMIT ?"
        return [_job(row) for row in self._db.execute(query, (limit,))]

    def update(self, job: str, **values: Any) -> Job:
        """Change columns of a job: state, step, deaths, settings, reply."""
        for name in ("settings", "reply"):
            if values.get(name) is not None:
                values[name] = json.dumps(values[name])
        values["updated"] = time.time()
        columns = ", ".join(f"{name} = ?" for name in values)  # names come from this code only
        query = f"UPDATE jobs SET {columns} WHERE id = ?"  # noqa: S608
        self._db.execute(query, (*values.values(), job))
        return self.get(job)

    def sweep(self) -> None:
        """Remove folders that nothing can need any more: of jobs done, or never accepted."""
        needed = {
            row["id"] for row in self._db.execute("SELECT id FROM jobs WHERE state != ?", (DONE,))
        }
        for folder in self._folder.iterdir():
            if folder.name not in needed:
                shutil.rmtree(folder, ignore_errors=True)

    def drop_folder(self, job: str) -> None:
        """Remove a job's inputs and checkpoint."""
        shutil.rmtree(self.folder(job), ignore_errors=True)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """All or nothing: BEGIN IMMEDIATE, then COMMIT, or ROLLBACK after an exception."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_rest: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        name=row["name"],
        preset=row["preset"],
        pair=row["pair"],
        settings=json.loads(row["settings"]),
        state=row["state"],
        step=row["step"],
        deaths=row["deaths"],
        reply=None if row["reply"] is None else json.loads(row["reply"]),
        created=row["created"],
    )
