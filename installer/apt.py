"""Debian's packages, for what only tests need."""

import os
import shutil
from collections.abc import Sequence

from installer.errors import InstallError
from installer.process import child_environment, run
from installer.steps import Context


def can_install() -> bool:
    """Whether this is a Debian or Ubuntu, and we are root."""
    return shutil.which("apt-get") is not None and getattr(os, "geteuid", lambda: 1)() == 0


def install(context: Context, packages: Sequence[str], failure: InstallError) -> None:
    """Install packages without what they recommend; raise `failure` when that does not work."""
    env = child_environment({"DEBIAN_FRONTEND": "noninteractive"})
    context.console.say("      by apt-get: " + ", ".join(packages))
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        run(
            ["apt-get", *arguments],
            context.console,
            failure=failure,
            activity=f"apt-get {arguments[0]}",
            env=env,
        )
