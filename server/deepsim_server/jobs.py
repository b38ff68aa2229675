"""Trainings that outlive the engine: a row in SQLite and a folder each.

A job is accepted once its folder and its row are on disk. Requests and jobs are kept apart,
because several requests may ask for the same job: one that is repeated, or one that resumes it.
"""

import json
import logging
import shutil
import sqlite3
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from deepsim_engine.errors import WorkError

log = logging.getLogger(__name__)

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
UNFINISHED = (QUEUED, RUNNING)
"""States of jobs that the next start of the engine goes on with, unasked."""
KEPT_STOPPED = 20
"""So many cancelled or failed jobs keep what resuming them needs; the newest."""

INPUTS, CHECKPOINT = "inputs.bin", "checkpoint.safetensors"

# AUTOINCREMENT numbers give the order: clocks jump.
_LAYOUT_1 = """
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
# In layout 1 an engine that left paused its trainings; now only users do.
_LAYOUT_2 = """
ALTER TABLE jobs ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN hangs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN headway TEXT NOT NULL DEFAULT '';
UPDATE jobs SET state = 'queued' WHERE state = 'paused';
"""
_LAYOUTS = (_LAYOUT_1, _LAYOUT_2)
VERSION = len(_LAYOUTS)
"""Layout of the database that this program writes; each entry above leads from one to the next."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        id: the id of the request that began it.
        pair: SHA-256 over the frames that came with it.
        settings: body of the request, and what a request that resumed it changed.
        step: steps done when it last changed its state.
        client: who asked for it, for fairness; means nothing beyond one run of the engine.
        deaths: how many workers died of it since it last got any further; `headway` stands for
            the checkpoint it had then.
        hangs: how many workers were ended because they hung in it.
        reply: body of the final reply, once there is one.
    """

    id: str
    name: str
    preset: str
    pair: str
    settings: dict[str, Any]
    state: str
    step: int
    client: str
    deaths: int
    headway: str
    hangs: int
    reply: dict[str, Any] | None
    created: float

    @property
    def unfinished(self) -> bool:
        """Whether it waits or runs, or would if it was not paused."""
        return self.state in (*UNFINISHED, PAUSED)


class JobStore:
    """The jobs of one data folder. Not for several threads.

    A job is added durably or not at all. A change of its state that the disk refuses (full, gone)
    is kept in memory and tried again by `retry`: what is told of the job stays true meanwhile, and
    after a kill the job is at worst trained on from its checkpoint once more.
    """

    Refused = sqlite3.OperationalError

    def __init__(self, database: Path, folder: Path) -> None:
        """Open or create. Raises WorkError when it is damaged or from a newer version."""
        self._folder = folder
        self._database = database
        self._unsaved: dict[str, dict[str, Any]] = {}
        try:
            self._db = sqlite3.connect(database, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._migrate(database)
            self._inode = database.stat().st_ino
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
        if found < VERSION:
            steps = "".join(_LAYOUTS[found:])
            self._db.executescript(f"BEGIN; {steps} PRAGMA user_version={VERSION}; COMMIT;")
            log.info("The list of jobs has layout %d now (%d before).", VERSION, found)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def folder(self, job: str) -> Path:
        """Where the job's inputs and checkpoint are."""
        return self._folder / job

    def checkpoint(self, job: str) -> Path:
        """The job's checkpoint, which need not exist."""
        return self.folder(job) / CHECKPOINT

    def bytes_of_inputs(self, job: str) -> int:
        """What its inputs take on the disk."""
        try:
            return (self.folder(job) / INPUTS).stat().st_size
        except OSError:
            return 0

    def add(
        self,
        request: str,
        name: str,
        preset: str,
        pair: str,
        settings: dict[str, Any],
        *,
        client: str = "",
    ) -> Job:
        """A new job in state queued, asked for by `request`; its inputs must be in place already.

        Raises OSError or sqlite3.Error when it could not be made durable.
        """
        self._check_in_place()
        now = time.time()
        with self._transaction():
            self._db.execute(
                "INSERT INTO jobs"
                " (id, name, preset, pair, settings, state, client, created, updated)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (request, name, preset, pair, json.dumps(settings), QUEUED, client, now, now),
            )
            self._db.execute("INSERT INTO requests VALUES (?, ?)", (request, request))
        return self.get(request)

    def _check_in_place(self) -> None:
        """SQLite would go on writing into a file that was deleted. Raises OSError."""
        if self._database.stat().st_ino != self._inode:
            raise OSError(f"{self._database} was replaced: restart the engine")

    def link(self, request: str, job: str) -> None:
        """Remember that `request` asks for `job`."""
        self._db.execute("INSERT OR IGNORE INTO requests VALUES (?, ?)", (request, job))

    def get(self, job: str) -> Job:
        """The job of that id. Raises KeyError."""
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
        if row is None:
            raise KeyError(job)
        return self._job(row)

    def of_request(self, request: str) -> Job | None:
        """The job that a request asked for."""
        row = self._db.execute(
            "SELECT jobs.* FROM requests JOIN jobs ON jobs.id = requests.job WHERE requests.id = ?",
            (request,),
        ).fetchone()
        return None if row is None else self._job(row)

    def latest(self, name: str, preset: str, pair: str) -> Job | None:
        """The newest job of that name and preset on that pair."""
        row = self._db.execute(
            "SELECT * FROM jobs WHERE pair = ? AND name = ? AND preset = ?"
            " ORDER BY number DESC LIMIT 1",
            (pair, name, preset),
        ).fetchone()
        return None if row is None else self._job(row)

    def unfinished(self) -> list[Job]:
        """Jobs that wait or run, oldest first."""
        return self._in(UNFINISHED)

    def kept(self) -> list[Job]:
        """Jobs that wait, run or are paused, oldest first."""
        return self._in((*UNFINISHED, PAUSED))

    def beginning_with(self, model: str) -> list[str]:
        """Names of the jobs that wait, run or are paused and begin with a stored model."""
        return [job.name for job in self.kept() if job.settings.get("from") == model]

    def _in(self, states: tuple[str, ...]) -> list[Job]:
        marks = ",".join("?" * len(states))
        query = f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY number"  # noqa: S608
        return [self._job(row) for row in self._db.execute(query, states)]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state that any is in."""
        rows = self._db.execute("SELECT state, COUNT(*) AS number FROM jobs GROUP BY state")
        return {row["state"]: row["number"] for row in rows}

    def recent(self, limit: int = 20) -> list[Job]:
        """The newest jobs, newest first."""
        query = "SELECT * FROM jobs ORDER BY number DESC LIMIT ?"
        return [self._job(row) for row in self._db.execute(query, (limit,))]

    def update(self, job: str, **values: Any) -> Job:
        """Change columns of a job: state, step, deaths, headway, hangs, settings, reply."""
        for name in ("settings", "reply"):
            if values.get(name) is not None:
                values[name] = json.dumps(values[name])
        values = {**self._unsaved.pop(job, {}), **values, "updated": time.time()}
        columns = ", ".join(f"{name} = ?" for name in values)  # names come from this code only
        query = f"UPDATE jobs SET {columns} WHERE id = ?"  # noqa: S608
        try:
            self._db.execute(query, (*values.values(), job))
        except self.Refused as error:
            log.error("What became of training %s cannot be written yet: %s.", job, error)
            self._unsaved[job] = values
        return self.get(job)

    def retry(self) -> None:
        """Try again to write what the disk refused."""
        for job in list(self._unsaved):
            self.update(job)

    @property
    def behind(self) -> bool:
        """Whether there is something to try again."""
        return bool(self._unsaved)

    def sweep(self) -> None:
        """Remove folders that nothing can need any more: of jobs done, or stopped long ago, or
        never accepted."""
        rows = self._db.execute("SELECT id, state FROM jobs ORDER BY number DESC").fetchall()
        needed = {row["id"] for row in rows if row["state"] in (*UNFINISHED, PAUSED)}
        stopped = [row["id"] for row in rows if row["state"] in (FAILED, CANCELLED)]
        needed.update(stopped[:KEPT_STOPPED])
        for folder in self._folder.iterdir():
            if folder.name not in needed:
                shutil.rmtree(folder, ignore_errors=True)

    def drop_folder(self, job: str) -> None:
        """Remove a job's inputs and checkpoint."""
        shutil.rmtree(self.folder(job), ignore_errors=True)

    def _job(self, row: sqlite3.Row) -> Job:
        found = {**dict(row), **self._unsaved.get(row["id"], {})}
        found["settings"] = json.loads(found["settings"])
        found["reply"] = None if found["reply"] is None else json.loads(found["reply"])
        return Job(**{field.name: found[field.name] for field in fields(Job)})

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """All or nothing: BEGIN IMMEDIATE, then COMMIT, or ROLLBACK after an exception."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_rest: object) -> None:
        try:
            self._db.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if kind is None:  # else there is another error on its way already
                raise
