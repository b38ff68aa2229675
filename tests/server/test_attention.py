"""What the engine answers while it has its hands full, and what it does unasked."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
from deepsim_client.wire import new_id
from deepsim_server.engine import MAX_TRAININGS_EACH
from deepsim_server.jobs import JobStore
from deepsim_server.model_files import KEY

from deepsim_engine import container
from tests.server.conftest import PATIENCE, Engine, ask, pair, segments_frame, until

if TYPE_CHECKING:
    from pathlib import Path

    from deepsim_client import EngineClient, Reply

LARGE = 384 << 20
"""Bytes of a model file: a second of reading, or a good part of one."""
ENDLESS = {"preset": "draft", "steps": 100_000}


def large_model(folder: Path) -> str:
    """A model file with many zeros, which take no room on the disk; its id."""
    digest = hashlib.sha256(f"zeros torch.uint8 ({LARGE},)\n".encode())
    zeros = bytes(1 << 20)
    for _ in range(LARGE >> 20):
        digest.update(zeros)
    described = {"name": "Large", "checksum": digest.hexdigest()}
    header = {
        "__metadata__": container.sealed(KEY, described, {}),
        "zeros": {"dtype": "U8", "shape": [LARGE], "data_offsets": [0, LARGE]},
    }
    path = folder / f"{digest.hexdigest()[:12]}.safetensors"
    with path.open("wb") as file:
        container.write_header(file, header)
        file.truncate(file.tell() + LARGE)
    return path.name.partition(".")[0]


def test_a_ping_overtakes_the_reading_of_a_large_model(
    shared: Engine, client: EngineClient
) -> None:
    """Both went over one connection, so that only the engine can let one overtake the other."""
    model = large_model(shared.data / "models")
    order: list[str] = []
    client.request(
        "models",
        {"action": "export", "model": model},
        on_reply=lambda reply: order.append(reply.kind),
    )
    client.request("ping", on_reply=lambda _reply: order.append("ping"))
    until(lambda: len(order) == 2, client)
    assert order == ["ping", "result"]
    assert ask(client, "models", {"action": "remove", "model": model}).kind == "result"


def verified(engine: Engine, model: str) -> bool:
    """Whether the engine has read all of a model's file."""
    index = sqlite3.connect(engine.data / "models" / ".index.sqlite")
    try:
        query = "SELECT 1 FROM files WHERE name = ? AND verified"
        return index.execute(query, (f"{model}.safetensors",)).fetchone() is not None
    finally:
        index.close()


def test_what_is_asked_of_a_training_at_its_very_end_is_answered_by_its_model(
    shared: Engine, client: EngineClient
) -> None:
    asked: list[str] = []
    training = new_id()

    def heard(reply: Reply) -> None:
        if reply.kind == "progress" and not asked:
            asked.append(client.request("apply", {"job": training}, [segments_frame(32)]))

    body = {"preset": "draft", "steps": 1, "name": "Short"}
    client.request("train", body, pair(32), on_reply=heard, rid=training)
    until(lambda: asked, client)
    reply = client.wait(asked[0], PATIENCE)
    assert reply.kind == "result", reply.body
    # Its file is read whole soon after, without anybody asking about models.
    model = ask(client, "attach", {"job": training}).body["model"]["id"]
    until(lambda: verified(shared, model), client)


def test_a_model_that_a_training_needs_is_kept_until_it_is_cancelled(
    shared: Engine, client: EngineClient
) -> None:
    body = {"preset": "draft", "steps": 1, "name": "Origin"}
    model = ask(client, "train", body, pair(32)).body["model"]["id"]
    told: list[str] = []
    needing = client.request(
        "train",
        {**ENDLESS, "name": "Needing", "from": model},
        pair(32),
        on_reply=lambda reply: told.append(reply.kind),
    )
    until(lambda: "accepted" in told, client)
    refused = ask(client, "models", {"action": "remove", "model": model, "force": True})
    assert refused.body["code"] == "in-use"
    assert "'Needing'" in refused.body["message"]
    client.cancel(needing)
    client.wait(needing, PATIENCE)
    assert ask(client, "models", {"action": "remove", "model": model}).kind == "result"


def test_one_client_has_a_bounded_number_of_trainings_and_others_have_room(
    shared: Engine, client: EngineClient
) -> None:
    kinds: dict[str, str] = {}

    def train(of: EngineClient) -> str:
        rid = new_id()

        def heard(reply: Reply) -> None:
            kinds[rid] = str(reply.body.get("code", reply.kind))

        of.request("train", {**ENDLESS, "name": rid}, pair(32), on_reply=heard, rid=rid)
        return rid

    mine = [train(client) for _ in range(MAX_TRAININGS_EACH + 1)]
    until(lambda: len(kinds) == len(mine), client)
    assert kinds[mine[-1]] == "busy"
    assert "busy" not in [kinds[rid] for rid in mine[:-1]]
    assert ask(client, "attach", {"job": mine[0]}).body["code"] == "busy"
    other = shared.ready()
    others = train(other)
    until(lambda: others in kinds, other)
    assert kinds[others] != "busy"
    for rid in [*mine[:-1], others]:
        ask(client, "cancel", {"job": rid})
    until(lambda: set(kinds.values()) == {"busy", "cancelled"}, client, other)


EDITOR = """
import sys
import time
from pathlib import Path
from deepsim_client import EngineClient, Frame, Location

data, side = Path(sys.argv[1]), 32
command = (sys.executable, "-m", "deepsim_engine", "serve", "--orphan-seconds", "0.5")
key, log = data / "keys" / "clients" / "local.key_secret", data / "logs" / "engine.log"
client = EngineClient(Location(command, data, data / "run" / "engine.json", key, log))
frames = [
    Frame(name, (side, side, 4), "uint8", Path(sys.argv[2], name).read_bytes())
    for name in ("image", "segments")
]
heard = []
client.request("train", {"preset": "draft", "steps": 3}, frames, on_reply=heard.append)
while not heard:
    client.poll()
    time.sleep(0.01)
print(heard[0].kind, client.info["pid"], heard[0].body["job"])
"""


def ended(pid: int) -> bool:
    """Whether the process is over, also where nobody collects its exit status."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_engine_never_leaves_before_its_work_is_done(engine: Engine, tmp_path: Path) -> None:
    """Its editor ended as soon as the training was accepted, long before it began."""
    for each in pair(32):
        (tmp_path / each.name).write_bytes(each.data)
    told = subprocess.run(
        [sys.executable, "-c", EDITOR, str(engine.data), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    kind, pid, job = told.stdout.split()
    assert kind == "accepted"
    until(lambda: ended(int(pid)))
    store = JobStore(engine.data / "engine.sqlite", engine.data / "jobs")
    assert store.get(job).state == "done"
    store.close()
    log = engine.log()
    assert log.index(f"Training {job} is done") < log.index("nobody asks: leaving")
