"""Steps that are done once: each is stamped with what it was made from, and skipped then."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from installer.console import Console
from installer.pip import Pip
from installer.places import Places
from installer.state import InstallState


@dataclass(frozen=True)
class Context:
    """What every step works with. `lock` is the open handle that keeps other installers out."""

    places: Places
    state: InstallState
    console: Console
    lock: int | None = None

    @property
    def pip(self) -> Pip:
        """pip of the environment being made."""
        return Pip(self.places.python, self.console, self.lock)

    def site_packages(self) -> Path:
        """Where the environment keeps its packages."""
        if self.places.system == "windows":
            return self.places.venv / "Lib" / "site-packages"
        return next(iter(self.places.venv.glob("lib/python3.*/site-packages")))


class Step(Protocol):
    """One part of the installation.

    name: key of its stamp; title: for people. `stamp` is a hash of everything the step's outcome
    depends on; `intact` is a quick look whether the outcome is still there; `run` makes it anew,
    whatever an earlier try has left. `forgets` names the steps whose outcome it destroys.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def forgets(self) -> tuple[str, ...]: ...

    def stamp(self, context: Context) -> str: ...

    def intact(self, context: Context) -> bool: ...

    def run(self, context: Context) -> None: ...


def run_steps(steps: Sequence[Step], context: Context) -> None:
    """Run what is not done; the state on disk says after each step how far it came."""
    state, console = context.state, context.console
    for number, step in enumerate(steps, 1):
        stamp = step.stamp(context)
        if state.stamps.get(step.name) == stamp and step.intact(context):
            console.say(f"[{number}/{len(steps)}] {step.title}: already there")
            continue
        state.complete = False
        for name in (step.name, *step.forgets):
            state.stamps.pop(name, None)
        state.save()
        console.step(number, len(steps), step.title)
        step.run(context)
        state.stamps[step.name] = stamp
        state.save()
        console.step_done()
    if not state.complete:
        state.complete = True
        state.save()
