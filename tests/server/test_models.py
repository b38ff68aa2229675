"""The model store: content-named files, an index that can be lost, damage set aside, claims."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
import torch
from deepsim_client import Message
from deepsim_client.wire import encode, new_id
from deepsim_server.model_messages import ModelMessages
from deepsim_server.models import ModelInUseError, ModelNotFoundError, ModelStore
from deepsim_server.transfers import PIECE, Transfers, as_frames
from deepsim_server.verifier import Verifier

from deepsim_engine import checkpoint
from deepsim_engine.errors import DamagedError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def ask(
    messages: ModelMessages, frames: tuple[Frame, ...] = (), **body: object
) -> tuple[dict[str, object], tuple[Frame, ...]]:
    """The reply's body and frames, as they would be sent."""
    reply = messages.answer(Message("models", new_id(), dict(body), frames))
    encode(reply)
    return reply.body, reply.frames


def test_a_model_travels_in_pieces(store: ModelStore, tmp_path: Path) -> None:
    model = add(store, size=PIECE + 70000)
    whole = store.path(model).read_bytes()
    messages = ModelMessages(store, lambda: None)
    (tmp_path / "other").mkdir()
    there = ModelStore(tmp_path / "other")
    other = ModelMessages(there, lambda: None)
    upload, offset, got = new_id(), 0, b""
    while offset is not None:
        body, frames = ask(messages, action="export", model=model, offset=offset)
        got += b"".join(bytes(frame.data) for frame in frames)
        sent = {"upload": upload, "offset": offset, "bytes": body["bytes"]}
        reply, _ = ask(other, frames, action="import", **sent)
        offset = body["next"]
        assert reply["next"] == offset
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
    messages = ModelMessages(store, lambda: None)
    body = {"action": "import", "upload": new_id(), "offset": 0, "bytes": 100, **changes}
    with pytest.raises(InputError, match=said):
        ask(messages, as_frames(b"12345"), **body)
    assert list(store.folder.glob(".upload*")) == []


def test_an_upload_that_is_no_model_leaves_nothing(store: ModelStore) -> None:
    messages = ModelMessages(store, lambda: None)
    with pytest.raises(DamagedError):
        ask(messages, as_frames(b"12345"), action="import", upload=new_id(), bytes=5)
    assert [path.name for path in store.folder.iterdir() if "index" not in path.name] == []


def test_uploads_that_do_not_end_are_few(store: ModelStore) -> None:
    transfers = Transfers(store)
    for _ in range(9):
        assert transfers.take(new_id(), 0, 10, b"1") is None
    assert len(list(store.folder.glob(".upload*"))) == 4
    transfers.close()
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
    messages = ModelMessages(store, lambda: None)
    listed: list[str] = []
    offset: int | None = 0
    while offset is not None:
        body, _ = ask(messages, action="list", offset=offset)
        assert body["models"]
        listed += [model["id"] for model in body["models"]]
        offset = body["next"]
        assert offset in (None, len(listed))
    assert len(listed) == len(added)
    assert set(listed) == added


def test_a_model_whose_description_fits_no_message_hides_no_other(store: ModelStore) -> None:
    long, short = add(store, "x" * 60_000), add(store)
    messages = ModelMessages(store, lambda: None)
    first, _ = ask(messages, action="list")
    second, _ = ask(messages, action="list", offset=first["next"] or 0)
    found = {model["id"] for reply in (first, second) for model in reply["models"]}
    assert found == {short}
    assert store.find(long)["id"] == long
