"""The model store: content-named files, an index that can be lost, damage set aside, claims."""

from __future__ import annotations

import os
import sqlite3
import time
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

import pytest
import torch
from deepsim_client import Message
from deepsim_client.pieces import PIECE, frames_of
from deepsim_client.wire import encode, new_id
from deepsim_server import model_files, model_messages
from deepsim_server.model_messages import MAX_WAITING, ModelMessages
from deepsim_server.models import ModelInUseError, ModelNotFoundError, ModelStore
from deepsim_server.transfers import Uploads
from deepsim_server.verifier import Verifier

from deepsim_engine import checkpoint
from deepsim_engine.errors import DamagedError, InputError
from tests.server.conftest import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deepsim_client.wire import Frame


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ModelStore]:
    (tmp_path / "models").mkdir()
    made = ModelStore(tmp_path / "models")
    yield made
    made.close()


def add(store: ModelStore, name: str = "Cat", size: int = 100) -> str:
    """A model file of about that many bytes; its id."""
    tensors = {"pair.image": torch.frombuffer(bytearray(os.urandom(size)), dtype=torch.uint8)}
    model = checkpoint.checksum(tensors)[:12]
    described = {"name": name, "created": "2026-01-01"}
    checkpoint.write_file(store.folder / f"{model}.safetensors", "deepsim", described, tensors)
    return model


def damage(store: ModelStore, model: str) -> Path:
    """Change the last byte, which belongs to a tensor."""
    path = store.path(model)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return path


def verified(store: ModelStore) -> None:
    """Let everything be read."""
    verifier = Verifier(store)
    deadline = time.monotonic() + 60
    while store.unverified() is not None:
        assert time.monotonic() < deadline
        verifier.tick()
        time.sleep(0.005)
    verifier.close()


def test_the_index_is_made_anew_from_the_files(store: ModelStore) -> None:
    models = {add(store), add(store, "Dog")}
    assert {model["id"] for model in store.list()} == models
    store.close()
    for index in store.folder.glob(".index*"):
        index.unlink()
    assert {model["id"] for model in store.list()} == models


def test_a_damaged_index_is_moved_away_and_made_anew(store: ModelStore) -> None:
    model = add(store)
    (store.folder / ".index.sqlite").write_bytes(b"this is no database " * 300)
    assert [each["id"] for each in store.list()] == [model]
    assert (store.folder / ".index.sqlite.damaged").is_file()


def test_an_index_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    (tmp_path / ".index.sqlite").mkdir()
    store = ModelStore(tmp_path)
    model = add(store)
    assert store.find(model)["name"] == "Cat"


def test_what_cannot_be_recorded_is_read_once_and_keeps_no_other_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".index.sqlite").mkdir()
    store = ModelStore(tmp_path)
    models = sorted([add(store), add(store, "Dog")])
    read: list[str] = []

    def reading(path: Path) -> str:
        read.append(path.name.removesuffix(model_files.SUFFIX))
        return model_files.verify_model(path)

    monkeypatch.setattr("deepsim_server.verifier.verify_model", reading)
    verifier = Verifier(store)
    for _ in range(60):
        verifier.tick()
        time.sleep(0.01)
    until(lambda: verifier.tick() or len(read) >= len(models))
    verifier.close()
    assert read == models


def test_damage_is_found_by_reading_in_the_background_and_listed(store: ModelStore) -> None:
    good, bad = add(store), add(store, "Dog")
    assert len(store.list()) == 2
    damage(store, bad)
    verified(store)
    assert [model["id"] for model in store.list()] == [good]
    (damaged,) = store.damaged()
    assert damaged["file"] == f"{bad}.safetensors"
    assert "checksum" in damaged["reason"]
    with pytest.raises(ModelNotFoundError):
        store.path(bad)


def test_a_file_with_the_content_of_another_model_is_damaged(store: ModelStore) -> None:
    first, second = add(store), add(store)
    store.path(first).replace(store.path(second))
    assert store.list() == []
    assert "another model" in store.damaged()[0]["reason"]


def test_what_is_verified_is_not_read_again_until_it_changes(store: ModelStore) -> None:
    model = add(store)
    verified(store)
    assert store.unverified() is None
    store.rename(model, "New")
    assert store.unverified() == store.path(model)
    verified(store)
    assert store.damaged() == []
    assert store.find("New")["id"] == model


def test_a_model_that_documents_need_is_not_removed_silently(store: ModelStore) -> None:
    model = add(store)
    store.claim(model, "car.kra")
    store.claim(model, "car.kra")
    assert store.claim(model, "town.kra") == ["car.kra", "town.kra"]
    with pytest.raises(ModelInUseError, match=r"car\.kra, town\.kra"):
        store.remove("Cat")
    assert store.release(model, "car.kra") == ["town.kra"]
    store.close()
    with pytest.raises(ModelInUseError, match=r"town\.kra"):
        ModelStore(store.folder).remove(model)
    assert store.remove(model, force=True)["id"] == model
    assert store.list() == []
    with pytest.raises(ModelNotFoundError):
        store.claim(model, "car.kra")


def test_models_are_exported_and_imported_whole_or_not_at_all(
    store: ModelStore, tmp_path: Path
) -> None:
    model, out = add(store), tmp_path / "out.safetensors"
    store.export("Cat", out)
    store.remove(model)
    assert store.take(out)["id"] == model
    assert store.take(out)["name"] == "Cat"
    out.write_bytes(out.read_bytes()[:-1])
    with pytest.raises(DamagedError):
        store.take(out)
    with pytest.raises(InputError, match="no file"):
        store.take(tmp_path / "absent")
    damage(store, model)
    with pytest.raises(DamagedError, match="set aside"):
        store.export(model, out)
    assert [each["file"] for each in store.damaged()] == [f"{model}.safetensors"]


class Messages:
    """Answers to `models` as the engine's loop gives them."""

    def __init__(self, store: ModelStore, **options: Any) -> None:
        self.heard: list[Message] = []
        self.store = store
        self.messages = ModelMessages(store, self.hear, **options)

    def hear(self, peer: bytes, reply: Message) -> None:
        """A reply, as it would be sent."""
        assert peer == b"me"
        encode(reply)
        self.heard.append(reply)

    def say(self, frames: tuple[Frame, ...] = (), **body: object) -> str:
        """Send a request; its id."""
        message = Message("models", new_id(), dict(body), frames)
        self.messages.take(b"me", message)
        return message.id

    def ask(self, frames: tuple[Frame, ...] = (), **body: object) -> Message:
        """Send a request, and wait for its reply."""
        return self.answer(self.say(frames, **body))

    def send(self, model: str) -> str:
        """Send a model's own file, as one piece; the request's id."""
        file = self.store.path(model).read_bytes()
        return self.say(frames_of(file), action="import", upload=new_id(), bytes=len(file))

    def answer(self, id: str) -> Message:
        """Wait for the reply to a request."""
        deadline = time.monotonic() + 60
        while not (found := [each for each in self.heard if each.id == id]):
            assert time.monotonic() < deadline
            self.messages.tick()
            time.sleep(0.002)
        return found[0]


def test_a_model_travels_in_pieces(store: ModelStore, tmp_path: Path) -> None:
    model = add(store, size=PIECE + 70000)
    whole = store.path(model).read_bytes()
    (tmp_path / "other").mkdir()
    there = ModelStore(tmp_path / "other")
    messages, other = Messages(store), Messages(there)
    upload, offset, got = new_id(), 0, b""
    while offset is not None:
        piece = messages.ask(action="export", model=model, offset=offset)
        got += b"".join(bytes(frame.data) for frame in piece.frames)
        sent = {"upload": upload, "offset": offset, "bytes": piece.body["bytes"]}
        reply = other.ask(piece.frames, action="import", **sent)
        offset = piece.body["next"]
        assert reply.body["next"] == offset
    assert got == whole
    assert there.find(model)["name"] == "Cat"
    assert [path.name for path in there.folder.glob("*.part")] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"upload": "../x"}, "hexadecimal"),
        ({"offset": 7}, "byte 0"),
        ({"offset": -1}, "byte 0"),
        ({"bytes": 2**62}, "GiB"),
        ({"bytes": 0}, "GiB"),
        ({"bytes": 3}, "inside"),
    ],
)
def test_pieces_that_do_not_fit_are_refused(
    store: ModelStore, changes: dict[str, object], said: str
) -> None:
    messages = Messages(store)
    body = {"action": "import", "upload": new_id(), "offset": 0, "bytes": 100, **changes}
    with pytest.raises(InputError, match=said):
        messages.say(frames_of(b"12345"), **body)
    assert list(store.folder.glob(".upload*")) == []


def test_an_upload_that_is_no_model_leaves_nothing(store: ModelStore) -> None:
    messages = Messages(store)
    reply = messages.ask(frames_of(b"12345"), action="import", upload=new_id(), bytes=5)
    assert reply.body["code"] == "input"
    assert [path.name for path in store.folder.iterdir() if "index" not in path.name] == []


def test_uploads_that_do_not_end_are_few(store: ModelStore) -> None:
    uploads = Uploads(store.folder)
    for _ in range(9):
        assert uploads.take(new_id(), 0, 10, b"1") is None
    assert len(list(store.folder.glob(".upload*"))) == 4
    uploads.close()
    assert list(store.folder.glob(".upload*")) == []


def test_an_index_of_another_layout_is_made_anew(store: ModelStore) -> None:
    model = add(store)
    database = sqlite3.connect(store.folder / ".index.sqlite")
    database.execute("CREATE TABLE files (something)")
    database.execute("PRAGMA user_version=77")
    database.close()
    assert store.find(model)["id"] == model


def test_more_models_than_one_message_holds_are_listed_in_pieces(store: ModelStore) -> None:
    added = {add(store, name * 1500) for name in "abcdefghij" * 7}
    messages = Messages(store)
    listed: list[str] = []
    offset: int | None = 0
    while offset is not None:
        body = messages.ask(action="list", offset=offset).body
        assert body["models"]
        listed += [model["id"] for model in body["models"]]
        offset = body["next"]
        assert offset in (None, len(listed))
    assert len(listed) == len(added)
    assert set(listed) == added


def test_a_model_whose_description_fits_no_message_hides_no_other(store: ModelStore) -> None:
    long, short = add(store, "x" * 60_000), add(store)
    messages = Messages(store)
    first = messages.ask(action="list").body
    second = messages.ask(action="list", offset=first["next"] or 0).body
    found = {model["id"] for reply in (first, second) for model in reply["models"]}
    assert found == {short}
    assert store.find(long)["id"] == long


class Hold:
    """Keeps the thread that reads and writes model files from getting on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = Event()
        for name in ("write_name", "verify_model", "take_in"):
            monkeypatch.setattr(model_messages, name, self._held(getattr(model_files, name)))

    def _held(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def later(*arguments: Any, **options: Any) -> Any:
            assert self.go.wait(60)
            return work(*arguments, **options)

        return later


def test_while_a_whole_file_is_read_or_written_others_are_answered(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, hold = add(store), Hold(monkeypatch)
    messages = Messages(store)
    asked = [
        messages.say(action="rename", model=model, name="New"),
        messages.say(action="export", model=model),
        messages.send(model),
    ]
    assert messages.ask(action="list").body["models"][0]["name"] == "Cat"
    messages.messages.tick()
    assert len(messages.heard) == 1
    hold.go.set()
    assert [messages.answer(id).kind for id in asked] == ["result"] * 3
    assert messages.ask(action="show", model=model).body["model"]["name"] == "New"
    assert [path.name for path in store.folder.glob("*.part")] == []


def test_what_was_asked_first_is_done_first(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal that overtook a renaming would leave the model there."""
    model, hold = add(store), Hold(monkeypatch)
    messages = Messages(store)
    renamed = messages.say(action="rename", model=model, name="New")
    removed = messages.say(action="remove", model=model)
    again = messages.say(action="rename", model=model, name="Newer")
    hold.go.set()
    assert messages.answer(renamed).body["model"]["name"] == "New"
    assert messages.answer(removed).body["model"]["name"] == "New"
    assert messages.answer(again).body["code"] == "not-found"
    assert store.list() == []


def test_an_engine_that_leaves_ends_what_it_does_and_says_so_to_the_others(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, hold = add(store), Hold(monkeypatch)
    messages = Messages(store)
    asked = [
        messages.say(action="rename", model=model, name="New"),
        messages.send(model),
        messages.say(action="remove", model=model),
    ]
    Timer(0.2, hold.go.set).start()
    messages.messages.close()
    replies = [messages.answer(id) for id in asked]
    assert replies[0].body["model"]["name"] == "New"
    assert [reply.body.get("code") for reply in replies[1:]] == ["shutting-down"] * 2
    assert [path.name for path in store.folder.glob(".upload*")] == []
    assert len(store.list()) == 1


def test_requests_that_wait_for_files_are_bounded_and_a_repeated_one_waits_once(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, hold = add(store), Hold(monkeypatch)
    messages = Messages(store)
    asked = [messages.say(action="export", model=model) for _ in range(MAX_WAITING)]
    again = Message("models", asked[0], {"action": "export", "model": model})
    messages.messages.take(b"me", again)
    assert messages.ask(action="remove", model=model).body["code"] == "busy"
    assert messages.ask(action="list").kind == "result"
    hold.go.set()
    assert [messages.answer(id).kind for id in asked] == ["result"] * MAX_WAITING
    assert len(messages.heard) == MAX_WAITING + 2


def test_damage_that_an_export_meets_is_set_aside_and_told(store: ModelStore) -> None:
    model = add(store)
    damage(store, model)
    reply = Messages(store).ask(action="export", model=model)
    assert reply.body["code"] == "input"
    assert "set aside" in reply.body["message"]
    assert store.list() == []


def test_a_model_that_a_training_begins_with_is_not_removed(store: ModelStore) -> None:
    model = add(store)
    names = {model: ["Painting"]}
    messages = Messages(store, trainings=lambda wanted: names.get(wanted, []))
    reply = messages.ask(action="remove", model=model, force=True)
    assert reply.body["code"] == "in-use"
    assert "'Painting'" in reply.body["message"]
    names.clear()
    assert messages.ask(action="remove", model=model).kind == "result"
