"""What the doctor finds out about keys and the running engine."""

import json
import socket
import zipfile
from pathlib import Path

import pytest
import zmq.auth
from deepsim_server import checks

from deepsim_engine.cli.bundle import write_bundle
from tests.server.conftest import Engine, ask, deepsim


@pytest.fixture
def of_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose folders the checks look at."""
    monkeypatch.setenv("DEEPSIM_DATA", str(engine.data))
    return engine


def found() -> dict[str, dict[str, str | bool]]:
    return {str(finding["name"]): finding for finding in checks.run()}


def test_an_engine_that_does_not_run_yet_is_no_fault(of_engine: Engine) -> None:
    assert all(finding["ok"] for finding in found().values())
    assert "started when it is needed" in str(found()["engine"]["found"])


def test_a_running_engine_is_asked(of_engine: Engine) -> None:
    of_engine.ready()
    seen = found()
    assert seen["engine"]["ok"]
    assert str(of_engine.process().pid) in str(seen["engine"]["found"])
    assert "private" in str(seen["keys"]["found"])


def test_a_key_that_others_can_read_is_a_fault_with_its_mend(of_engine: Engine) -> None:
    of_engine.ready()
    of_engine.location.client_key.chmod(0o644)
    seen = found()["keys"]
    assert not seen["ok"]
    assert "chmod 600" in str(seen["mend"])


def test_a_bundle_tells_what_happened_but_not_who_and_with_which_keys(
    of_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(of_engine.client(), "hello")
    monkeypatch.setenv("LOGNAME", "zoe")
    keys = list(zmq.auth.load_certificate(of_engine.location.client_key))
    planted = f"{keys[1].decode()} of zoe, {Path.home()}/x, 10.9.8.7, {socket.gethostname()}"
    with of_engine.location.log.open("a") as log:
        log.write(f"planted: {planted}\n")
    path = of_engine.data / "bundle.zip"
    write_bundle(path, of_engine.data, list(checks.run()))
    with zipfile.ZipFile(path) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert "Listening on port" in texts["logs/engine.log"]
    assert "planted: <key> of <user>" in texts["logs/engine.log"]
    assert json.loads(texts["doctor.json"])
    shown = "".join(texts.values())
    for secret in (*[key.decode() for key in keys], "zoe", "10.9.8.7"):
        assert secret not in shown


def test_a_bundle_without_a_folder_is_refused(of_engine: Engine) -> None:
    refused = deepsim(of_engine, "doctor", "--bundle", str(of_engine.data / "no" / "b.zip"))
    assert refused.returncode == 2
    assert "does not exist" in refused.stderr
