"""What is kept on disk: jobs, their inputs, models; damaged, older and newer files."""

from __future__ import annotations

import sqlite3
import struct
from typing import TYPE_CHECKING

import pytest
from deepsim_client import Message
from deepsim_client.wire import encode, new_id
from deepsim_server.inputs import pair_digest, read_inputs, write_inputs
from deepsim_server.jobs import KEPT_STOPPED, JobStore
from deepsim_server.lock import FolderLock, HeldError
from deepsim_server.models import ModelNotFoundError, ModelStore

from deepsim_engine.errors import InputError, WorkError
from tests.server.conftest import Engine, ask, image_frame, pair, pixels, segments_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    (tmp_path / "jobs").mkdir()
    made = JobStore(tmp_path / "db", tmp_path / "jobs")
    yield made
    made.close()


def add(store: JobStore, name: str = "Cat", pair: str = "p") -> str:
    """A job; its id."""
    return store.add(new_id(), name, "draft", pair, {"steps": 5}).id


def test_jobs_are_there_after_opening_again(tmp_path: Path, store: JobStore) -> None:
    first, second = add(store), add(store, "Dog")
    store.update(first, state="running", step=7)
    store.update(second, state="done", reply={"model": {"id": "m"}})
    again = JobStore(tmp_path / "db", tmp_path / "jobs")
    assert [job.id for job in again.unfinished()] == [first]
    assert again.get(first).step == 7
    assert again.get(second).reply == {"model": {"id": "m"}}
    assert [job.name for job in again.recent()] == ["Dog", "Cat"]
    again.close()


def test_several_requests_may_ask_for_one_job(store: JobStore) -> None:
    job, request = add(store), new_id()
    store.link(request, job)
    found = store.of_request(request)
    assert found is not None
    assert found.id == job
    assert store.of_request(new_id()) is None
    with pytest.raises(sqlite3.IntegrityError):
        store.link(new_id(), "no such job")


def test_the_newest_job_on_the_same_pair_is_found(store: JobStore) -> None:
    add(store)
    newest = add(store)
    add(store, pair="another")
    found = store.latest("Cat", "draft", "p")
    assert found is not None
    assert found.id == newest
    assert store.latest("Cat", "paper", "p") is None


def test_the_order_of_jobs_does_not_hang_on_the_clock(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = add(store)
    monkeypatch.setattr("time.time", lambda: 1000.0)  # years back
    second = add(store)
    store.update(first, step=3)
    assert [job.id for job in store.unfinished()] == [first, second]
    latest = store.latest("Cat", "draft", "p")
    assert latest is not None
    assert latest.id == second


OLD = """
CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL, preset TEXT NOT NULL, pair TEXT NOT NULL, settings TEXT NOT NULL,
    state TEXT NOT NULL CHECK
        (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    step INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, reply TEXT,
    created REAL NOT NULL, updated REAL NOT NULL);
CREATE TABLE requests (id TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE);
INSERT INTO jobs VALUES (1, 'a', 'Cat', 'draft', 'p', '{"steps": 5}', 'paused', 3, 1, NULL, 1, 2);
INSERT INTO jobs VALUES (2, 'b', 'Dog', 'draft', 'p', '{}', 'done', 9, 0, '{"model": {}}', 1, 2);
INSERT INTO requests VALUES ('a', 'a'), ('r', 'a'), ('b', 'b');
PRAGMA user_version=1;
"""
"""What the first version wrote: its "paused" is what it would have gone on with unasked."""


def test_an_older_list_of_jobs_is_migrated(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.executescript(OLD)
    database.close()
    for _ in range(2):
        store = JobStore(tmp_path / "db", tmp_path)
        (going,) = store.unfinished()
        assert (going.id, going.state, going.step, going.deaths) == ("a", "queued", 3, 1)
        assert (going.client, going.hangs, going.headway) == ("", 0, "")
        asked = store.of_request("r")
        assert asked is not None
        assert asked.settings == {"steps": 5}
        assert store.get("b").reply == {"model": {}}
        store.close()


def test_a_change_that_the_disk_refuses_is_told_and_tried_again(
    tmp_path: Path, store: JobStore
) -> None:
    job = add(store)
    blocker = sqlite3.connect(tmp_path / "db", isolation_level=None)
    store._db.execute("PRAGMA busy_timeout=1")
    blocker.execute("BEGIN IMMEDIATE")
    assert store.update(job, state="done", reply={"model": {"id": "m"}}).state == "done"
    assert store.behind
    assert store.get(job).reply == {"model": {"id": "m"}}
    with pytest.raises(sqlite3.OperationalError):
        add(store)
    blocker.execute("ROLLBACK")
    blocker.close()
    store.retry()
    assert not store.behind
    again = JobStore(tmp_path / "db", tmp_path)
    assert again.get(job).state == "done"
    again.close()


def test_nothing_is_accepted_into_a_list_that_was_removed(tmp_path: Path, store: JobStore) -> None:
    add(store)
    (tmp_path / "db").unlink()
    with pytest.raises(OSError, match="db"):
        add(store)
    (tmp_path / "db").write_bytes(b"")
    with pytest.raises(OSError, match="replaced"):
        add(store)


def test_only_the_newest_stopped_jobs_keep_their_folders(tmp_path: Path, store: JobStore) -> None:
    stopped = [add(store) for _ in range(KEPT_STOPPED + 2)]
    for job in stopped:
        store.update(job, state="failed")
    paused = add(store)
    store.update(paused, state="paused")
    for job in [*stopped, paused]:
        (tmp_path / "jobs" / job).mkdir()
    store.sweep()
    kept = {folder.name for folder in (tmp_path / "jobs").iterdir()}
    assert kept == {*stopped[2:], paused}


def test_only_known_states_are_stored(store: JobStore) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.update(add(store), state="lost")


def test_folders_that_nothing_needs_are_removed(tmp_path: Path, store: JobStore) -> None:
    kept, done = add(store), add(store)
    store.update(done, state="done")
    for name in (kept, done, "never-accepted"):
        (tmp_path / "jobs" / name).mkdir()
    store.sweep()
    assert [folder.name for folder in (tmp_path / "jobs").iterdir()] == [kept]


def test_a_newer_list_of_jobs_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "db")
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(WorkError, match="newer"):
        JobStore(tmp_path / "db", tmp_path)


def test_a_damaged_list_of_jobs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"this is no database " * 100)
    with pytest.raises(WorkError, match="cannot be opened"):
        JobStore(tmp_path / "db", tmp_path)


def test_inputs_come_back_as_they_were(tmp_path: Path) -> None:
    message = Message("train", new_id(), {"name": "Cat"}, tuple(pair()))
    write_inputs(tmp_path / "job" / "inputs", encode(message))
    found = read_inputs(tmp_path / "job" / "inputs")
    assert found.body == message.body
    assert pair_digest(found) == pair_digest(message)
    assert (pixels(found.frames[0]) == pixels(message.frames[0])).all()


@pytest.mark.parametrize("length", [0, 7, 11, 12, 30, 100, -1])
def test_cut_off_inputs_are_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "inputs"
    write_inputs(path, encode(Message("train", new_id(), {}, tuple(pair()))))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WorkError, match="cannot be read"):
        read_inputs(path)


def test_inputs_with_a_changed_pixel_are_refused(tmp_path: Path) -> None:
    path, message = tmp_path / "inputs", Message("train", new_id(), {}, tuple(pair()))
    write_inputs(path, encode(message))
    digest = pair_digest(message)
    assert read_inputs(path, digest).frames == read_inputs(path).frames
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WorkError, match="not as they were stored"):
        read_inputs(path, digest)


def test_the_digest_tells_pairs_apart() -> None:
    one = Message("train", new_id(), {}, (image_frame(), segments_frame()))
    other = Message("train", new_id(), {}, (image_frame(), segments_frame(shift=1)))
    turned = Message("train", new_id(), {}, (segments_frame(), image_frame()))
    assert pair_digest(one) != pair_digest(other)
    assert pair_digest(one) == pair_digest(turned)


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "lock"):
        with pytest.raises(HeldError) as held, FolderLock(tmp_path / "lock"):
            pass
        assert held.value.pid > 0
    with FolderLock(tmp_path / "lock"):
        pass


@pytest.mark.parametrize(
    "content",
    [b"", b"1234567", struct.pack("<Q", 2**60), struct.pack("<Q", 5) + b"hello", b"\0" * 400],
)
def test_a_damaged_model_file_is_not_listed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "abcdef012345.safetensors").write_bytes(content)
    models = ModelStore(tmp_path)
    assert models.list() == []
    with pytest.raises(ModelNotFoundError):
        models.find("abcdef012345")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "abc", "ABCDEF012345", "abcdef01\n"])
def test_only_ids_name_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        ModelStore(tmp_path).path(name)


def test_a_model_file_damaged_anywhere_is_never_applied(shared: Engine) -> None:
    client = shared.ready()
    body = {"preset": "draft", "steps": 1, "name": "Fragile"}
    model = ask(client, "train", body, pair()).body["model"]["id"]
    path = shared.data / "models" / f"{model}.safetensors"
    whole = path.read_bytes()
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    places = [0, 3, 8, header // 2, header - 2, header, (header + len(whole)) // 2, len(whole) - 1]
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        reply = ask(client, "apply", {"model": model}, [segments_frame()])
        assert reply.kind == "error", place
        assert reply.body["code"] in ("input", "not-found", "failed")
    for length in (0, 8, header, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert ask(client, "apply", {"model": model}, [segments_frame()]).kind == "error", length
    path.write_bytes(whole)
    assert ask(client, "apply", {"model": model}, [segments_frame()]).kind == "result"
