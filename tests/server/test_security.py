"""Nobody unknown gets in, and nothing secret lies about."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import zmq
import zmq.auth
from deepsim_client import LocationError
from deepsim_client.remote import set_up
from deepsim_client.wire import Message, encode, new_id
from deepsim_server.address import Address
from deepsim_server.folders import Folders
from deepsim_server.keys import ClientKeys

from deepsim_engine.errors import InputError
from tests.server.conftest import Engine, RawClient, ask, deepsim, image_frame, until

if TYPE_CHECKING:
    from pathlib import Path

    from deepsim_client import EngineClient


def mode(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_an_unknown_key_is_refused_and_logged(shared: Engine) -> None:
    stranger = RawClient(shared, zmq.curve_keypair())
    stranger.say([bytes(part) for part in encode(Message("status", new_id()))])
    until(lambda: "unknown key" in shared.log())
    assert stranger.hear(0.5) is None
    stranger.close()


def test_a_client_with_an_unknown_key_is_told_so(engine: Engine, tmp_path: Path) -> None:
    ask(engine.client(), "hello")
    for name in ("local.key", "local.key_secret"):
        (engine.data / "keys" / "clients" / name).unlink()
    zmq.auth.create_certificates(tmp_path, "other")
    (tmp_path / "other.key_secret").chmod(0o600)
    (tmp_path / "other.key_secret").replace(engine.location.client_key)
    client = engine.client(hello_seconds=3.0)
    reply = ask(client, "hello")
    assert reply.body["code"] == "engine-lost"
    assert client.state == "failed"
    assert "key" in client.message


def test_plaintext_gets_silence(shared: Engine) -> None:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(shared.connection["endpoint"])
    socket.send_multipart([bytes(part) for part in encode(Message("hello", new_id()))])
    assert not socket.poll(1000)
    context.destroy(linger=0)


def test_only_the_loopback_address_listens(shared: Engine) -> None:
    listening = [
        connection.laddr.ip
        for connection in shared.process().net_connections("tcp")
        if connection.status == "LISTEN"
    ]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def test_secrets_are_private(shared: Engine, client: EngineClient) -> None:
    keys = shared.data / "keys"
    assert mode(keys) == mode(keys / "clients") == mode(shared.location.connection.parent) == 0o700
    assert mode(keys / "engine.key_secret") == 0o600
    assert mode(shared.location.client_key) == 0o600
    assert mode(shared.location.connection) == 0o600


def test_neither_keys_nor_pixels_are_logged_or_shown(shared: Engine, client: EngineClient) -> None:
    ask(client, "edges", {}, [image_frame()])
    shown = " ".join(shared.process().cmdline() + shared.worker().cmdline())
    logged = "".join(path.read_text() for path in (shared.data / "logs").iterdir())
    keys = [
        key.decode()
        for path in (shared.data / "keys").glob("**/*.key_secret")
        for key in zmq.auth.load_certificate(path)
        if key is not None
    ]
    assert len(keys) >= 4
    assert not [key for key in keys if key in logged + shown]
    pixels = bytes(image_frame().data)[:32]
    assert not [text for text in (pixels.hex(), repr(pixels)[2:-1]) if text in logged]
    assert all(len(line) < 1000 for line in logged.splitlines())


@pytest.mark.parametrize("which", ["connection", "client_key"])
def test_a_client_refuses_files_that_others_can_read(engine: Engine, which: str) -> None:
    ask(engine.client(), "hello")
    path = getattr(engine.location, which)
    path.chmod(0o644)
    client = engine.client()
    client.connect()
    until(lambda: client.state == "failed", client)
    assert str(path) in client.message
    assert "chmod 600" in client.message


def test_an_engine_refuses_a_key_that_others_can_read(engine: Engine) -> None:
    ask(engine.client(), "hello")
    engine.kill_all()
    (engine.data / "keys" / "engine.key_secret").chmod(0o644)
    client = engine.client()
    reply = ask(client, "hello")
    assert "engine.key_secret" in reply.body["message"]
    assert "can be read by others" in reply.body["message"]


def test_a_revoked_client_is_refused_though_it_is_connected(engine: Engine) -> None:
    ask(engine.client(), "hello")
    added = deepsim(engine, "engine", "keys", "add", "guest", "--json")
    assert added.returncode == 0, added.stdout + added.stderr
    guest = RawClient(engine, zmq.auth.load_certificate(json.loads(added.stdout)["secret"]))
    answer = guest.ask("status")
    assert answer is not None
    assert answer.kind == "result"
    assert "guest" in deepsim(engine, "engine", "keys", "list").stdout

    assert deepsim(engine, "engine", "keys", "revoke", "guest").returncode == 0
    guest.say([bytes(part) for part in encode(Message("status", new_id()))])
    until(lambda: "was revoked" in engine.log())
    assert guest.hear(0.5) is None
    guest.close()
    assert deepsim(engine, "engine", "keys", "revoke", "guest").returncode == 2
    assert ask(engine.client(), "status").kind == "result"


def test_the_local_key_can_be_rotated_while_clients_are_connected(engine: Engine) -> None:
    client = engine.client()
    ask(client, "hello")
    old = engine.location.client_key.read_bytes()
    assert deepsim(engine, "engine", "keys", "revoke", "local").returncode == 2
    assert deepsim(engine, "engine", "keys", "rotate", "local").returncode == 0
    assert engine.location.client_key.read_bytes() != old
    assert mode(engine.location.client_key) == 0o600
    reply = ask(client, "status")  # it notices, reads its new key, and asks again
    assert reply.kind == "result"


def test_the_engines_key_can_be_rotated(engine: Engine) -> None:
    ask(engine.client(), "hello")
    old = engine.connection["public_key"]
    assert deepsim(engine, "engine", "keys", "rotate", "engine").returncode == 0
    deepsim(engine, "engine", "stop")
    ask(engine.client(), "hello")
    assert engine.connection["public_key"] != old


WRONG_WORDS: dict[str, tuple[Callable[[Folders], object], str]] = {
    "a path for a name": (lambda f: ClientKeys(f).add("../x", None), "name"),
    "no key": (lambda f: ClientKeys(f).add("guest", "too short"), "public key"),
    "nobody": (lambda f: ClientKeys(f).rotate("nobody"), "no client"),
    "the engine's name": (lambda f: ClientKeys(f).add("Engine", None), "engine's own key"),
    "revoking nobody": (lambda f: ClientKeys(f).revoke("nobody"), "no client"),
    "another scheme": (lambda f: set_up(f.data, "http://h:1", "0" * 64), "tcp://HOST:PORT"),
    "port": (lambda f: set_up(f.data, "tcp://h:99999", "0" * 64), "tcp://HOST:PORT"),
    "engine's key": (lambda f: set_up(f.data, "tcp://h:1", "zz"), "public key"),
    "all addresses": (lambda _: Address.checked("0.0.0.0", 0, remote=False), "--remote"),  # noqa: S104
    "another address": (lambda _: Address.checked("192.168.1.20", 0, remote=False), "--remote"),
    "a host's name": (lambda _: Address.checked("localhost", 0, remote=True), "numeric"),
}


@pytest.mark.parametrize("case", WRONG_WORDS)
def test_wrong_words_about_keys_and_addresses_are_refused(tmp_path: Path, case: str) -> None:
    wrong, said = WRONG_WORDS[case]
    with pytest.raises((InputError, LocationError), match=said) as refused:
        wrong(Folders(tmp_path / "data", tmp_path / "run"))
    assert str(refused.value).endswith(".")


def test_an_address_that_is_not_this_machines_is_told(tmp_path: Path) -> None:
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    with pytest.raises(InputError, match="cannot listen"):
        Address.checked("203.0.113.7", 0, remote=True).bind(router)
    context.destroy(linger=0)


def test_other_addresses_are_served_only_when_asked_for(engine: Engine) -> None:
    refused = deepsim(engine, "serve", "--bind", "192.168.1.20")
    assert refused.returncode == 2
    assert "--remote" in refused.stderr
    assert not engine.location.connection.exists()
