"""The engine that is talked to: this machine's, or one that was set up elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq
from deepsim_client import Location, Remote

if TYPE_CHECKING:
    from tests.editors.scenes import MemoryEditor, Scene, WrittenEngine, location_in, studio_with
else:
    from scenes import MemoryEditor, Scene, WrittenEngine, location_in, studio_with

ENDPOINT = "tcp://studio.local:5555"


@pytest.fixture
def engine() -> WrittenEngine:
    return WrittenEngine()


@pytest.fixture
def configuring(engine: WrittenEngine, tmp_path: Path):
    """What the settings window uses, with a data folder of its own."""
    return studio_with(MemoryEditor(), engine, location_in(tmp_path)).configuring


def key() -> str:
    return zmq.curve_keypair()[0].decode()


def test_at_first_it_is_this_machines(configuring, engine: WrittenEngine) -> None:
    assert isinstance(engine.places[-1], Location)
    assert configuring.remote is None


def test_a_remote_engine_is_used_from_now_on_and_after_a_restart(
    configuring, engine: WrittenEngine, tmp_path: Path
) -> None:
    line = configuring.use_remote(f" {ENDPOINT} ", key())
    assert line.startswith("deepsim engine keys add krita ")
    assert isinstance(engine.places[-1], Remote)
    assert engine.places[-1].endpoint == ENDPOINT
    studio_with(MemoryEditor(), engine, location_in(tmp_path))
    assert isinstance(engine.places[-1], Remote)
    assert engine.connects == 1


@pytest.mark.parametrize(
    ("endpoint", "with_key", "said"),
    [("studio.local", True, "endpoint (tcp://HOST:PORT)"), (ENDPOINT, False, "key")],
)
def test_what_cannot_be_used_is_said_and_nothing_changes(
    configuring, engine: WrittenEngine, endpoint: str, with_key: bool, said: str
) -> None:
    notices: list[str] = []
    configuring._session.notified.connect(lambda notice: notices.append(notice.text))
    assert configuring.use_remote(endpoint, key() if with_key else "12") == ""
    assert said in notices[-1]
    assert len(engine.places) == 1


def test_back_to_this_machine(configuring, engine: WrittenEngine) -> None:
    configuring.use_remote(ENDPOINT, key())
    configuring.use_local()
    assert isinstance(engine.places[-1], Location)
    assert configuring.remote is None


def test_the_idle_time_is_told_to_an_engine_that_is_started(
    configuring, engine: WrittenEngine
) -> None:
    configuring._session.settings.idle_minutes = 5
    configuring.apply()
    place = engine.places[-1]
    assert isinstance(place, Location)
    assert place.command == ("engine", "--idle-seconds", "300")


def test_the_device_goes_with_each_training(scene: Scene) -> None:
    scene.session.settings.device = "cuda:1"
    scene.do("train")
    assert scene.engine.last("train")[0]["device"] == "cuda:1"
