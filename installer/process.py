"""Running other programs: their output goes to the log, its gist to the live line."""

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from installer.console import Console
from installer.errors import InstallError

_STRIPPED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_PIP_STRIPPED = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment (proxies, indexes) less what would lead Python or pip astray."""
    env = {k: v for k, v in os.environ.items() if k not in _STRIPPED + _PIP_STRIPPED}
    env["PYTHONUNBUFFERED"] = "1"
    return {**env, **(extra or {})}


def sharing_cores() -> dict[str, str]:
    """Settings for programs that compute: threads that wait sleep instead of spinning.

    Spinning gains little on an idle machine, and where anything else runs on the same few cores a
    training step took ten times as long (measured on two cores with two busy neighbours).
    """
    return {"OMP_WAIT_POLICY": "PASSIVE"}


def run(
    command: Sequence[str | Path],
    console: Console,
    *,
    failure: InstallError,
    gist: Callable[[str], str | None] = lambda line: None,
    activity: str = "working",
    keep_open: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command` to its end; raise `failure` when its exit status is not 0.

    `gist` turns an output line into the live line's text, or None to leave it. The file handle
    `keep_open` is passed on: a lock held on it lasts as long as the command, even past our death.
    """
    arguments = [str(part) for part in command]
    console.record("$ " + " ".join(arguments))
    try:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=dict(env) if env is not None else child_environment(),
            cwd=cwd,
            pass_fds=() if keep_open is None or os.name == "nt" else (keep_open,),
        )
    except OSError as error:
        console.record(str(error))
        raise failure from error
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read_lines, args=(child, lines), daemon=True)
    reader.start()
    try:
        console.activity(activity)
        while True:
            try:
                line = lines.get(timeout=0.5)
            except queue.Empty:
                console.activity(activity)
                continue
            if line is None:
                break
            console.record(line)
            activity = gist(line) or activity
            console.activity(activity)
        if child.wait() != 0:
            raise failure
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def _read_lines(child: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str | None]") -> None:
    if child.stdout is not None:
        for line in child.stdout:
            lines.put(line.rstrip())
    lines.put(None)


def output_of(command: Sequence[str | Path], timeout: float = 60.0) -> str | None:
    """What a quick command prints, or None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            env=child_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
