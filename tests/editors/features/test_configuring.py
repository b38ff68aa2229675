"""The engine that is talked to: this machine's, or one that was set up elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq
from deepsim_client import Location, Remote
from deepsim_client.location import REMOTE_NAME

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


def test_what_the_earlier_engine_was_asked_ends_with_a_sentence(scene: Scene) -> None:
    scene.do("segment")
    scene.session.use_client(WrittenEngine())
    assert not scene.session.jobs
    assert not scene.session.busy
    assert scene.said == "Another engine is used from now on; this was not finished."


def test_a_training_goes_on_there_and_is_followed_again_when_that_engine_is_back(
    scene: Scene,
) -> None:
    scene.do("train")
    scene.engine.reply("train", "accepted", {"job": "request-1"})
    scene.session.use_client(WrittenEngine())
    assert not scene.session.jobs
    assert "goes on with the engine that was used so far" in scene.said
    assert not scene.state.resumable
    back = WrittenEngine()
    scene.session.use_client(back)
    back.state("ready")
    back.reply("status", "result", {"jobs": [{"job": "request-1", "state": "running"}]})
    assert back.last("attach")[0] == {"job": "request-1"}


def test_another_engine_has_other_models_and_learns_of_the_documents(scene: Scene) -> None:
    described = {"id": "m1", "name": "car", "size": [4, 3]}
    scene.trained()
    for engine in (scene.engine, WrittenEngine()):
        if engine is not scene.engine:
            scene.session.use_client(engine)
            assert scene.studio.library.items == ()
        engine.state("ready")
        engine.reply("models", "result", {"models": [described]})
        assert engine.last("models")[0] == {"action": "claim", "model": "m1", "document": "car"}


def test_a_file_of_a_remote_engine_that_is_no_good_can_be_left(
    configuring, engine: WrittenEngine, tmp_path: Path
) -> None:
    (tmp_path / REMOTE_NAME).write_text("{")
    configuring.use_local()
    assert not (tmp_path / REMOTE_NAME).exists()
    assert isinstance(engine.places[-1], Location)
    assert engine.connects == 1


def test_the_device_goes_with_each_training(scene: Scene) -> None:
    scene.session.settings.device = "cuda:1"
    scene.do("train")
    assert scene.engine.last("train")[0]["device"] == "cuda:1"
