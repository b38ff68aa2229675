"""Command line of install.py."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from installer.check import as_json, as_text, check
from installer.console import Console
from installer.editions import EDITIONS, Edition, chosen_editions, is_own, others_kept, prepare
from installer.environment import TestLibraries
from installer.errors import InstallError
from installer.lock import hold
from installer.places import Places, default_prefix, this_system
from installer.process import child_environment, sharing_cores
from installer.setup import Editor, installation
from installer.state import InstallState
from installer.steps import Context, run_steps
from installer.testing import prepare_editors, prepare_network, run_tests
from installer.torch_choice import TorchOption
from installer.uninstall import uninstall

_INTERRUPTED = 130
_PATIENCE = 27 * 60.0
"""Seconds of tests after which no Krita that nobody named is begun with."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong use ends the process with exit status 2."""
    parser = argparse.ArgumentParser(
        prog="install.py",
        description="Set up DeepSIM: its own Python environment, weights, and the Krita plugin. "
        "Run it again at any time: it does only what is missing.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", action="store_true", help="set up, then train and edit a picture")
    what.add_argument("--test", action="store_true", help="set up, then run the whole test suite")
    what.add_argument("--check", action="store_true", help="say what is right and what is wrong")
    what.add_argument("--uninstall", action="store_true", help="remove it; models are kept")
    parser.add_argument("--prefix", type=Path, metavar="DIR", help="folder for everything")
    parser.add_argument("--editor", choices=("krita", "none"), help="whose plugin (default: krita)")
    parser.add_argument(
        "--torch",
        choices=("auto", "default", "cpu", "existing"),
        help="which PyTorch: by the machine (auto), the usual build, the build for CPUs, or "
        "the one of the Python that runs this, with all its libraries (for packagers)",
    )
    parser.add_argument("--without-editors", action="store_true", help="with --test: no Krita")
    parser.add_argument(
        "--editors",
        type=_editions,
        metavar="LIST",
        help="with --test: in which Kritas, of " + ", ".join(EDITIONS) + "; those that "
        "this machine does not have run in chroots, which needs root (default: this machine's, and "
        "some of the tests in each other one whose chroot is kept)",
    )
    parser.add_argument("--json", action="store_true", help="with --check: one JSON object")
    parser.add_argument("--purge", action="store_true", help="with --uninstall: models too")
    options = parser.parse_args(arguments)
    for flag, needed in (
        ("without_editors", "test"),
        ("editors", "test"),
        ("json", "check"),
        ("purge", "uninstall"),
    ):
        if getattr(options, flag) and not getattr(options, needed):
            parser.error(f"--{flag.replace('_', '-')} goes with --{needed}")
    if options.editors and options.without_editors:
        parser.error("--editors and --without-editors exclude each other")
    return options


def _editions(text: str) -> tuple[Edition, ...]:
    try:
        return chosen_editions(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    options = parse(arguments)
    system = this_system()
    prefix = (options.prefix or default_prefix(system, os.environ, Path.home())).expanduser()
    places = Places(Path(os.path.abspath(prefix)), system)  # noqa: PTH100  (keeps links)
    if options.check:
        return _check(places, as_object=options.json)
    console = Console()
    try:
        return _change(options, places, console)
    except KeyboardInterrupt:
        console.say("Stopped. The same command goes on where it was.")
        return _INTERRUPTED
    except InstallError as error:
        console.say()
        if end := console.log_end():
            console.say(f"--- the end of {places.log}\n{end}\n---")
        console.say(str(error))
        if error.mend:
            console.say(error.mend)
        return error.status
    except OSError as error:
        console.say(f"\n{error.strerror or error}: {error.filename or places.prefix}")
        console.say("Check the folder's permissions and the room on the disk, then run it again.")
        return 1


def _check(places: Places, *, as_object: bool) -> int:
    context = Context(places, InstallState.load(places.marker), Console())
    findings = check(context)
    context.console.say(as_json(context, findings) if as_object else as_text(findings))
    return 0 if all(finding.ok for finding in findings) else 1


def _change(options: argparse.Namespace, places: Places, console: Console) -> int:
    if options.uninstall and not places.marker.exists():
        console.say(f"DeepSIM is not installed in {places.prefix}.")
        return 0
    if places.venv.exists() and not places.marker.exists() and not options.uninstall:
        raise InstallError(
            f"{places.venv} is there already, and DeepSIM did not make it.",
            "Choose another folder with --prefix.",
        )
    with hold(places.lock, console) as lock:
        if not options.uninstall:
            console.keep_log(places.log)
            console.record(f"=== {datetime.now():%Y-%m-%d %H:%M:%S} {' '.join(sys.argv)}")
        state = InstallState.load(places.marker)
        context = Context(places, state, console, lock)
        if options.uninstall:
            uninstall(context, purge=options.purge)
            return 0
        _install(options, context)
    # The lock is free again: what follows uses the installation and changes nothing in it.
    if options.demo:
        return _demo(context)
    if options.test:
        return _test(options, context)
    console.say(f"\nDeepSIM is ready. The command: {places.deepsim}")
    if state.homes:
        console.say("In Krita: Tools > DeepSIM (restart Krita if it is open).")
    return 0


def _install(options: argparse.Namespace, context: Context) -> None:
    """Bring the installation up to date; choices made once hold until others are made."""
    facts = context.state.facts
    facts["editor_option"] = options.editor or facts.get("editor_option", "krita")
    facts["torch_option"] = options.torch or facts.get("torch_option", "auto")
    steps = installation(
        cast(Editor, facts["editor_option"]), cast(TorchOption, facts["torch_option"])
    )
    if options.test:
        steps.append(TestLibraries())
    context.console.say(f"DeepSIM in {context.places.prefix}")
    run_steps(steps, context)
    if options.test:
        prepare_network(context)
    if options.test and not options.without_editors:
        # The display and the mouse are this machine's in any case.
        prepare_editors(context)
        prepare(context, _kritas(options)[1])


def _kritas(options: argparse.Namespace) -> tuple[bool, list[Edition]]:
    """Whether to test in this machine's Krita, and in which others."""
    if options.editors is None:
        return not options.without_editors, []
    chroots = [edition for edition in options.editors if not is_own(edition)]
    return len(chroots) < len(options.editors), chroots


def _test(options: argparse.Namespace, context: Context) -> int:
    """All tests in the Kritas that were named; else also a part of them where it costs little."""
    own, chroots = _kritas(options)
    if options.editors or options.without_editors:
        return run_tests(context, editors=own, chroots=chroots)
    kept, missing = others_kept()
    if missing:
        names = ", ".join(edition.name for edition in missing)
        context.console.say(
            f"Not tested in {names}: no chroot is kept that can be used here (that takes root, tar"
            " and zstd; --editors builds it)."
        )
    return run_tests(context, editors=own, chroots=kept, marked="every_krita", patience=_PATIENCE)


def _demo(context: Context) -> int:
    folder = context.places.prefix / "demo"
    command = [str(context.places.python), "-m", "deepsim_engine.demo", "--out", str(folder)]
    context.console.say("\nDemo: training on a picture, then editing its drawing")
    sys.stdout.flush()
    return subprocess.call(
        command, cwd=context.places.prefix, env=child_environment(sharing_cores())
    )
