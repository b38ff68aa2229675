"""The client where there is no engine, or a bad one: it says so, and never blocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deepsim_client import EngineClient, Location, LocationError, Reply
from deepsim_client.location import process_alive
from deepsim_client.starter import clean_environment

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine before a test gives up."""


def location(folder: Path, program: str) -> Location:
    """An engine that is this small program."""
    command = (sys.executable, "-c", program)
    return Location(
        command, folder, folder / "run" / "engine.json", folder / "key_secret", folder / "log.txt"
    )


def poll_until_failed(client: EngineClient) -> int:
    """Poll until the client gives up; how often that was."""
    polls, deadline = 0, time.monotonic() + PATIENCE
    while client.state != "failed":
        client.poll()
        polls += 1
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return polls


def test_an_engine_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = "import sys; print('old news\\nno room on the device', file=sys.stderr); sys.exit(1)"
    client = EngineClient(location(tmp_path, program))
    replies: list[Reply] = []
    client.request("hello", {}, on_reply=replies.append)
    poll_until_failed(client)
    client.poll()
    assert "status 1" in client.message
    assert client.message.endswith("no room on the device")
    assert [reply.body["code"] for reply in replies] == ["engine-lost"]
    assert replies[0].body["message"] == client.message


def test_an_engine_that_never_comes_up_times_out(tmp_path: Path) -> None:
    program = "import time; print('loading', flush=True); time.sleep(8)"
    client = EngineClient(location(tmp_path, program), start_seconds=4.0)
    client.connect()
    polls = poll_until_failed(client)
    assert "in time" in client.message
    assert "loading" in client.message
    assert polls > 10  # it waits by returning, not by sleeping


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = Location(
        (str(tmp_path / "nothing"),), tmp_path, tmp_path / "c", tmp_path / "k", tmp_path / "log"
    )
    client = EngineClient(missing)
    client.connect()
    poll_until_failed(client)
    assert "could not be started" in client.message


def test_without_leave_to_start_an_engine_it_says_that_none_runs(tmp_path: Path) -> None:
    client = EngineClient(location(tmp_path, "pass"), start_engine=False)
    rid = client.request("hello")
    assert client.wait(rid, PATIENCE).body["code"] == "engine-lost"
    assert "deepsim serve" in client.message


def test_the_next_request_after_a_failure_tries_again(tmp_path: Path) -> None:
    client = EngineClient(location(tmp_path, "import sys; sys.exit(1)"))
    for _ in range(2):
        assert client.wait(client.request("hello"), PATIENCE).body["code"] == "engine-lost"
    assert client.state == "failed"


def test_a_request_that_breaks_the_format_is_answered_at_once(tmp_path: Path) -> None:
    client = EngineClient(location(tmp_path, "pass"))
    rid = client.request("hello", {"text": "x" * 100_000})
    assert client.wait(rid, PATIENCE).body["code"] == "input"
    assert client.state == "idle"


def test_a_request_cancelled_before_it_was_sent(tmp_path: Path) -> None:
    client = EngineClient(location(tmp_path, "import time; time.sleep(3)"))
    rid = client.request("hello")
    client.cancel(rid)
    assert client.wait(rid, PATIENCE).body["code"] == "cancelled"
    client.close()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"endpoint": 3}', "x" * 100_000])
def test_a_damaged_connection_file_is_told(tmp_path: Path, content: str) -> None:
    where = location(tmp_path, "pass")
    where.connection.parent.mkdir()
    where.connection.write_text(content)
    where.connection.chmod(0o600)
    client = EngineClient(where)
    client.connect()
    poll_until_failed(client)
    assert str(where.connection) in client.message


def test_a_stale_connection_file_does_not_hinder(tmp_path: Path) -> None:
    where = location(tmp_path, "import sys; print('started anew'); sys.exit(4)")
    where.connection.parent.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    stale = {
        "endpoint": "tcp://127.0.0.1:9",
        "public_key": "x" * 40,
        "pid": ended.pid,
        "protocol": 1,
        "version": "0",
    }
    where.connection.write_text(json.dumps(stale))
    where.connection.chmod(0o600)
    client = EngineClient(where)
    client.connect()
    poll_until_failed(client)
    assert "started anew" in client.message


def test_a_newer_engine_is_told_by_its_protocol(tmp_path: Path) -> None:
    where = location(tmp_path, "pass")
    where.connection.parent.mkdir()
    newer = {
        "endpoint": "tcp://127.0.0.1:9",
        "public_key": "x" * 40,
        "pid": os.getpid(),
        "protocol": 2,
        "version": "9.0",
    }
    where.connection.write_text(json.dumps(newer))
    where.connection.chmod(0o600)
    client = EngineClient(where)
    client.connect()
    poll_until_failed(client)
    assert "protocol 2" in client.message


def test_the_launch_file_says_where_everything_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {
        "command": ["python", "-m", "deepsim_engine", "serve"],
        "data": "/data",
        "connection": "/run/engine.json",
        "client_key": "/data/key",
        "log": "/data/log",
    }
    path = tmp_path / "launch.json"
    path.write_text(json.dumps(content))
    monkeypatch.setenv("DEEPSIM_LAUNCH", str(path))
    assert Location.from_file().command[-1] == "serve"
    for wrong in ("command", "data", "log"):
        path.write_text(json.dumps({k: v for k, v in content.items() if k != wrong}))
        with pytest.raises(LocationError, match=wrong):
            Location.from_file(path)
    path.unlink()
    with pytest.raises(LocationError, match="does not exist"):
        Location.from_file()


def test_the_engine_does_not_inherit_what_the_editor_set_for_itself(tmp_path: Path) -> None:
    editor = {
        "PATH": "/usr/bin",
        "PYTHONPATH": "/krita",
        "PYTHONHOME": "/krita",
        "QT_QPA_PLATFORM": "xcb",
        "APPDIR": "/mount",
        "LD_LIBRARY_PATH": "/mount/lib",
    }
    cleaned = clean_environment(editor, location(tmp_path, "pass"))
    assert set(cleaned) == {"PATH", "APPDIR", "DEEPSIM_DATA", "DEEPSIM_RUNTIME"}


def test_processes_that_live_and_that_do_not() -> None:
    assert process_alive(os.getpid())
    assert not process_alive(0)
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    deadline = time.monotonic() + PATIENCE
    while process_alive(child.pid):  # a zombie: it ended and nobody has asked how
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.wait()
