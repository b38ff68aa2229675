"""An installation cut off at every step, resumed, completed, and removed again."""

import json
import os
import signal
import time

import pytest

from tests.install.conftest import Scratch, end_group, wait_for


def state(scratch: Scratch) -> str:
    content = json.loads((scratch.prefix / "deepsim-install.json").read_text())
    return str(content["state"])


def test_killed_at_each_step_then_resumed_then_uninstalled(scratch: Scratch) -> None:
    kritarc = "[General]\nx=1\n"
    scratch.kritarc.parent.mkdir()
    scratch.kritarc.write_text(kritarc)
    for number in (1, 2, 3, 4, 6):
        process = scratch.start("--torch", "existing")
        line = wait_for(process, f"[{number}/6]")
        assert "already there" not in line
        time.sleep(0.7)  # into the middle of the step
        if number == 3:
            # Only the installer dies; the next one waits for the pip that it leaves behind.
            process.kill()
            process.communicate(timeout=60)
        else:
            end_group(process, signal.SIGKILL)
        assert state(scratch) == "incomplete"
        assert scratch.install("--check").status == 1

    resumed = scratch.install()
    assert resumed.status == 0, resumed.output
    assert "[1/6] Python environment: already there" in resumed.output
    assert state(scratch) == "complete"
    checked = scratch.install("--check")
    assert checked.status == 0, checked.output

    model = scratch.prefix / "models" / "cat.safetensors"
    model.parent.mkdir(exist_ok=True)
    model.write_bytes(b"a model")
    removed = scratch.install("--uninstall")
    assert removed.status == 0, removed.output
    assert [path.name for path in scratch.prefix.iterdir()] == ["models"]
    assert model.read_bytes() == b"a model"
    assert scratch.kritarc.read_text() == kritarc
    assert not scratch.resources.exists()


def test_purge_removes_models_too(scratch: Scratch) -> None:
    # An installation that has only begun is one that can be removed.
    process = scratch.start("--torch", "existing")
    wait_for(process, "[1/6]")
    end_group(process, signal.SIGKILL)
    (scratch.prefix / "models").mkdir()
    (scratch.prefix / "models" / "cat.safetensors").write_bytes(b"a model")
    assert scratch.install("--uninstall", "--purge").status == 0
    assert not scratch.prefix.exists()


def test_the_interrupt_key_ends_it_with_a_word_and_status_130(scratch: Scratch) -> None:
    process = scratch.start("--torch", "existing")
    wait_for(process, "[1/6]")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on where it was" in output
    assert "Traceback" not in output


def test_a_failure_shows_the_end_of_the_log_and_what_to_do(scratch: Scratch) -> None:
    done = scratch.install(
        *("--torch", "existing", "--editor", "none"),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_EXTRA_INDEX_URL="",
        PIP_NO_INDEX="0",
        PIP_RETRIES="0",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE=os.devnull,
    )
    assert done.status == 1
    assert "Traceback" not in done.output
    assert f"the end of {scratch.prefix / 'install.log'}" in done.output
    assert "ERROR" in done.output
    assert "run the same command again" in done.output
    assert state(scratch) == "incomplete"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json"],
        ["--purge"],
        ["--without-editors"],
        ["--demo", "--test"],
        ["--editor", "photoshop"],
        ["--torch", "own"],
    ],
)
def test_a_wrong_command_line_is_refused_with_status_2(
    scratch: Scratch, arguments: list[str]
) -> None:
    done = scratch.install(*arguments)
    assert done.status == 2
    assert "error:" in done.output
    assert not scratch.prefix.exists()
