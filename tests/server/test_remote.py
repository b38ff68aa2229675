"""An engine on another machine: in a network namespace of its own, over a slow line that breaks,
and over one that loses packets."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from deepsim_client import EngineClient, LocationError, Remote, Reply
from deepsim_client.keyfiles import create_key, pasteable, read_public_key

from tests.server.conftest import (
    PATIENCE,
    Engine,
    ask,
    deepsim,
    frame,
    pair,
    pixels,
    segments_frame,
    until,
)

NET = f"10.213.{os.getpid() % 256}"  # what a run that was killed left behind is not in the way
ENGINE_HOST, CLIENT_HOST, PORT, RELAY_PORT = f"{NET}.1", f"{NET}.2", 7871, 7872


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command of the system."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A network namespace that is joined to this one by a pair of virtual cards."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("network namespaces need root and the command ip")
    name, near, far = f"deepsim{os.getpid()}", f"dsn{os.getpid()}"[:15], f"dsf{os.getpid()}"[:15]
    if run("ip", "netns", "add", name).returncode:
        pytest.skip("this system makes no network namespaces")
    try:
        joined = [
            run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name),
            run("ip", "addr", "add", f"{CLIENT_HOST}/30", "dev", near),
            run("ip", "link", "set", near, "up"),
            run("ip", "-n", name, "addr", "add", f"{ENGINE_HOST}/30", "dev", far),
            run("ip", "-n", name, "link", "set", far, "up"),
            run("ip", "-n", name, "link", "set", "lo", "up"),
        ]
        if any(each.returncode for each in joined):
            pytest.skip(f"no virtual network cards: {[each.stderr for each in joined]}")
        yield name
    finally:
        run("ip", "netns", "del", name)


@dataclass
class Far:
    """The engine in its namespace, what it printed, and the relay before it."""

    engine: Engine
    lines: list[str]
    relay: subprocess.Popen[str]

    def break_line(self) -> None:
        """Drop every connection."""
        assert self.relay.stdin is not None
        assert self.relay.stdout is not None
        self.relay.stdin.write("drop\n")
        self.relay.stdin.flush()
        assert self.relay.stdout.readline() == "dropped\n"


@pytest.fixture(scope="module")
def far(namespace: str, tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Far]:
    """An engine that other machines reach, as a person would start it."""
    folder = tmp_path_factory.mktemp("far") / "data"
    folder.mkdir()
    (folder / "weights").symlink_to(weights)
    engine, inside = Engine(folder), ("ip", "netns", "exec", namespace)
    command = [*inside, *engine.location.command, "--bind", ENGINE_HOST, "--port", str(PORT)]
    log = folder / "printed.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--remote", "--idle-seconds", "0"],
            env={**os.environ, "DEEPSIM_DATA": str(folder)},
            stderr=output,
            stdout=output,
        )
    ways = (ENGINE_HOST, str(RELAY_PORT), ENGINE_HOST, str(PORT))
    relay = subprocess.Popen(
        [*inside, sys.executable, str(Path(__file__).with_name("relay.py")), *ways],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert relay.stdout is not None
        assert relay.stdout.readline() == "ready\n"
        deadline = time.monotonic() + PATIENCE
        while "lets that machine in" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Far(engine, log.read_text().splitlines(), relay)
    finally:
        relay.kill()
        relay.communicate()
        process.terminate()
        process.wait(60)


def test_two_lines_to_paste_join_two_machines_and_a_broken_line_loses_nothing(
    far: Far, tmp_path: Path
) -> None:
    here = Engine(tmp_path / "here")
    here.data.mkdir()
    (line,) = [each.split() for each in far.lines if "deepsim engine connect" in each]
    assert line[3] == f"tcp://{ENGINE_HOST}:{PORT}"

    slow = f"tcp://{ENGINE_HOST}:{RELAY_PORT}"
    connected = deepsim(here, "engine", "connect", slow, line[4])
    assert connected.returncode == 0, connected.stderr
    back = connected.stdout.split("deepsim ")[-1].split()
    remote = Remote.configured(here.data)
    assert remote is not None
    for private in (here.data / "remote.json", remote.client_key):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600

    stranger = EngineClient(remote, hello_seconds=PATIENCE)
    reply = ask(stranger, "hello")
    assert reply.body["code"] == "engine-lost"
    assert "does not know this client's key" in stranger.message
    stranger.close()

    assert deepsim(far.engine, *back).returncode == 0
    client = EngineClient(remote, hello_seconds=PATIENCE)
    steps: list[int] = []
    kinds: list[str] = []

    def heard(reply: Reply) -> None:
        kinds.append(reply.kind)
        if reply.kind == "progress":
            steps.append(reply.body["step"])

    body = {"name": "Far", "preset": "draft", "steps": 100_000}
    training = client.request("train", body, pair(), on_reply=heard)
    until(lambda: steps, client)
    far.break_line()
    until(lambda: client.state != "ready", client)
    before = len(steps)
    until(lambda: len(steps) > before, client)
    assert kinds.count("accepted") == 1
    assert "error" not in kinds
    client.cancel(training)
    assert client.wait(training, PATIENCE).body["code"] == "cancelled"
    client.close()

    status = deepsim(here, "engine", "status")
    assert f"at {slow}" in status.stdout
    assert deepsim(here, "engine", "disconnect").returncode == 0
    assert Remote.configured(here.data) is None


LOSS = """
table inet loss {
    chain coming { type filter hook input priority 0; numgen random mod 100 < 3 counter drop; }
    chain going { type filter hook output priority 0; numgen random mod 100 < 3 counter drop; }
}
"""
"""Three packets of a hundred, each way."""


@pytest.fixture
def lossy(namespace: str) -> Iterator[Callable[[], list[int]]]:
    """Lets the namespace lose packets; tells how many it has lost each way."""
    if not shutil.which("nft"):
        pytest.skip("packets are dropped by nft, which is not here (Debian: apt install nftables)")
    inside = ("ip", "netns", "exec", namespace, "nft")
    made = run(*inside, "-f", "-", stdin=LOSS)
    if made.returncode:
        pytest.skip(f"this kernel drops no packets at random: {made.stderr.strip()[:200]}")

    def lost() -> list[int]:
        told = run(*inside, "list", "table", "inet", "loss").stdout
        return [int(count) for count in re.findall(r"counter packets (\d+)", told)]

    yield lost
    run(*inside, "delete", "table", "inet", "loss")


def test_a_line_that_loses_packets_loses_no_answer(
    far: Far, lossy: Callable[[], list[int]], tmp_path: Path
) -> None:
    there = far.engine.connection
    key = tmp_path / "lossy.key_secret"
    create_key(key)
    public = pasteable(read_public_key(key.with_suffix(".key")))
    assert deepsim(far.engine, "engine", "keys", "add", "lossy", public).returncode == 0
    remote = Remote(f"tcp://{ENGINE_HOST}:{PORT}", there["public_key"], key)
    client = EngineClient(remote, hello_seconds=PATIENCE)
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 4), np.uint8)
    rounds = 0
    while rounds < 3 or min(lossy()) == 0:
        reply = ask(client, "ping", {}, [frame("noise", noise)])
        assert np.array_equal(pixels(reply.frames[0]), noise)
        rounds += 1
        assert rounds < 2000, lossy()
    model = ask(client, "train", {"preset": "instant", "name": "Lossy"}, pair(32))
    assert model.kind == "result", model.body
    reply = ask(client, "apply", {"model": model.body["model"]["id"]}, [segments_frame(32)])
    assert reply.kind == "result", reply.body
    client.close()


def test_a_configuration_that_others_can_read_or_that_is_damaged_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "remote.json"
    Remote("tcp://host:1", "0" * 40, tmp_path / "key").save(path)
    assert Remote.from_file(path).endpoint == "tcp://host:1"
    path.chmod(0o644)
    with pytest.raises(LocationError, match="read by others"):
        Remote.from_file(path)
    path.write_text('{"endpoint": "ipc:///tmp/x"}')
    path.chmod(0o600)
    with pytest.raises(LocationError, match="usable endpoint"):
        Remote.from_file(path)
    path.unlink()
    with pytest.raises(LocationError, match="no file"):
        Remote.from_file(path)


def test_an_engine_elsewhere_that_does_not_answer_is_told(tmp_path: Path) -> None:
    from deepsim_client.remote import set_up  # noqa: PLC0415

    remote, _ = set_up(tmp_path, "tcp://127.0.0.1:9", "0" * 64)
    client = EngineClient(remote, hello_seconds=1.0)
    assert client.wait(client.request("hello"), PATIENCE).body["code"] == "engine-lost"
    assert "tcp://127.0.0.1:9" in client.message
    client.restart()  # cannot end it: connects anew
    assert client.state in ("starting", "connecting")
    client.close()
