"""A worker process that hangs, as its supervisor sees it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest
from deepsim_server.folders import Folders
from deepsim_server.keys import KnownKeys
from deepsim_server.limits import Limits
from deepsim_server.serve import authenticated_context
from deepsim_server.supervisor import Death, Supervisor

from tests.server.conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HANG_SECONDS = 8.0


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """With a real worker process on its way."""
    folders = Folders(tmp_path / "data", tmp_path / "run")
    folders.make()
    known = KnownKeys(folders.clients, lambda mark: None)
    with authenticated_context(known) as context:
        made = Supervisor(context, known, folders, Limits(hang_seconds=HANG_SECONDS))
        made.start()
        yield made
        made.close()


def test_a_worker_that_cannot_be_started_counts_as_dead(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "data", tmp_path / "run")  # which are not there
    known = KnownKeys(folders.clients, lambda mark: None)
    with authenticated_context(known) as context:
        supervisor = Supervisor(context, known, folders, Limits())
        death = supervisor.poll()
        assert death == Death("could not be started", was_ready=False)
        supervisor.close()


def wait(supervisor: Supervisor, condition: Callable[[], bool]) -> list[Death]:
    """Do what the engine's loop does until the condition is true; who died meanwhile."""
    deaths: list[Death] = []
    deadline = time.monotonic() + PATIENCE
    while not condition() and not deaths:
        assert time.monotonic() < deadline
        supervisor.receive()
        death = supervisor.poll()
        if death is not None:
            deaths.append(death)
        time.sleep(0.01)
    return deaths


def test_a_worker_that_gives_no_sign_of_life_is_ended_and_replaced(supervisor: Supervisor) -> None:
    assert wait(supervisor, lambda: supervisor.ready) == []
    stuck = supervisor.pid
    assert stuck is not None
    psutil.Process(stuck).suspend()  # as one that is stuck in a driver
    (death,) = wait(supervisor, lambda: False)
    assert death.hung
    assert death.was_ready
    assert f"did not get on for {HANG_SECONDS:.0f} s" in death.how
    assert wait(supervisor, lambda: supervisor.ready) == []
    assert supervisor.pid != stuck
    assert supervisor.restarts == 1
