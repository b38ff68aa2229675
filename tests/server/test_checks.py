"""What the doctor finds out about keys and the running engine."""

import pytest
from deepsim_server import checks

from tests.server.conftest import Engine


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
