"""The installer's parts: places, choice of torch, wheels, state, lock, leftovers."""

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import compatible_tags, cpython_tags, sys_tags
from packaging.utils import parse_wheel_filename
from platformdirs import user_data_dir

from installer.console import Console
from installer.environment import constraint
from installer.errors import InstallError
from installer.files import replace_folder
from installer.lock import hold
from installer.pip import gist, remove_half_installed
from installer.places import Places, default_prefix, krita_homes, this_system
from installer.process import child_environment, run
from installer.state import InstallState
from installer.steps import Context
from installer.testing import prepare_editors, prepare_network
from installer.torch_choice import CPU_INDEX, choose_torch
from installer.wheels import platform_tags, this_platform_tags

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = Path("/home/kay") if sys.platform != "win32" else Path("C:/Users/kay")


# Places


def test_the_folder_is_the_one_that_the_engine_would_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    prefix = default_prefix(this_system(), os.environ, Path.home())
    assert prefix == Path(user_data_dir("deepsim", appauthor=False))
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    if this_system() == "linux":
        assert default_prefix("linux", os.environ, HOME) == Path("/elsewhere/deepsim")
        assert Path(user_data_dir("deepsim", appauthor=False)) == Path("/elsewhere/deepsim")


def test_each_system_has_its_folders() -> None:
    assert default_prefix("macos", {}, HOME) == HOME / "Library/Application Support/deepsim"
    assert default_prefix("windows", {}, HOME) == HOME / "AppData/Local/deepsim"
    assert Places(HOME, "windows").python == HOME / "venv/Scripts/python.exe"
    mac = krita_homes("macos", {}, HOME)[0]
    assert mac.resources == HOME / "Library/Application Support/Krita"
    assert mac.kritarc == HOME / "Library/Preferences/kritarc"
    windows = krita_homes("windows", {}, HOME)[0]
    assert windows.resources == HOME / "AppData/Roaming/krita"
    assert windows.kritarc == HOME / "AppData/Local/kritarc"


def test_a_snap_or_flatpak_krita_counts_only_where_there_is_one(tmp_path: Path) -> None:
    assert [home.kind for home in krita_homes("linux", {}, tmp_path)] == ["native"]
    (tmp_path / "snap/krita/current").mkdir(parents=True)
    (tmp_path / ".var/app/org.kde.krita").mkdir(parents=True)
    homes = {home.kind: home for home in krita_homes("linux", {}, tmp_path)}
    assert set(homes) == {"native", "flatpak", "snap"}
    assert homes["flatpak"].kritarc == tmp_path / ".var/app/org.kde.krita/config/kritarc"
    assert homes["snap"].plugin == (
        tmp_path / "snap/krita/current/.local/share/krita/pykrita/deepsim_krita"
    )


# Choice of torch


def test_a_gpu_gets_cuda_and_a_machine_without_one_the_small_build() -> None:
    gpu = choose_torch("linux", option="auto", nvidia=True, cpu_index=True)
    assert gpu.index is None
    cpu = choose_torch("linux", option="auto", nvidia=False, cpu_index=True)
    assert cpu.index == CPU_INDEX
    assert cpu.room < gpu.room


def test_where_the_cpu_index_is_out_of_reach_a_word_is_said_about_the_size() -> None:
    choice = choose_torch("linux", option="auto", nvidia=False, cpu_index=False)
    assert choice.index is None
    assert "large" in choice.words


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_other_systems_get_the_usual_build(system: str) -> None:
    assert choose_torch(system, option="auto", nvidia=False, cpu_index=False).index is None  # type: ignore[arg-type]


def test_the_tested_set_pins_torch_and_torchvision() -> None:
    assert constraint("torch")
    assert constraint("torchvision")


# Wheels for the Pythons that editors embed


def test_the_tags_of_this_machine_are_ones_that_pip_accepts_here() -> None:
    accepted = {tag.platform for tag in sys_tags()}
    assert accepted & set(this_platform_tags())


@pytest.mark.parametrize(
    ("system", "machine", "wheel"),
    [
        ("linux", "x86_64", "pyzmq-1-cp38-cp38-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"),
        (
            "linux",
            "aarch64",
            "pyzmq-1-cp311-cp311-manylinux_2_26_aarch64.manylinux_2_28_aarch64.whl",
        ),
        ("macos", "arm64", "pyzmq-1-cp312-abi3-macosx_10_15_universal2.whl"),
        ("macos", "x86_64", "pyzmq-1-cp38-cp38-macosx_10_9_x86_64.whl"),
        ("windows", "AMD64", "pyzmq-1-cp310-cp310-win_amd64.whl"),
        ("windows", "ARM64", "pyzmq-1-cp312-abi3-win_arm64.whl"),
    ],
)
def test_the_tags_fit_the_wheels_that_there_are(system: str, machine: str, wheel: str) -> None:
    _, _, _, tags = parse_wheel_filename(wheel)
    offered = platform_tags(system, machine)  # type: ignore[arg-type]
    supported = {*cpython_tags((3, 12), platforms=offered), *compatible_tags(platforms=offered)}
    assert {tag.platform for tag in tags} & {tag.platform for tag in supported}


# State


def test_a_damaged_state_is_an_installation_that_has_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "deepsim-install.json"
    path.write_text('{"format": 1, "state": "comp')
    state = InstallState.load(path)
    assert not state.complete
    assert state.stamps == {}


def test_a_newer_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "deepsim-install.json"
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(InstallError, match="newer DeepSIM"):
        InstallState.load(path)


# Leftovers of a cut-off pip and of a cut-off exchange of folders


def test_packages_that_pip_did_not_finish_are_forgotten(tmp_path: Path) -> None:
    whole, cut_off = tmp_path / "a-1.dist-info", tmp_path / "torch-2.dist-info"
    for folder in (whole, cut_off, tmp_path / "~orch"):
        folder.mkdir()
    (whole / "INSTALLER").write_text("pip\n")
    (cut_off / "METADATA").write_text("Name: torch\n")
    remove_half_installed(tmp_path, Console(io.StringIO()))
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.dist-info"]


def test_a_folder_is_exchanged_whole_also_after_a_cut_off_try(tmp_path: Path) -> None:
    target, source = tmp_path / "plugin", tmp_path / "new"
    for folder, text in ((target, "old"), (source, "new"), (tmp_path / ".plugin.old", "older")):
        folder.mkdir()
        (folder / "f").write_text(text)
    replace_folder(source, target)
    assert [path.name for path in tmp_path.iterdir()] == ["plugin"]
    assert (target / "f").read_text() == "new"


# Other programs


def test_the_network_settings_reach_pip_and_what_leads_it_astray_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_TARGET", "/somewhere")
    env = child_environment()
    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    assert "PYTHONPATH" not in env
    assert "PIP_TARGET" not in env


def test_what_a_program_says_is_in_the_log_and_its_failure_is_ours(tmp_path: Path) -> None:
    console = Console(io.StringIO())
    console.keep_log(tmp_path / "install.log")
    failure = InstallError("It failed.", "Mend it.")
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(InstallError) as raised:
        run(command, console, failure=failure)
    assert raised.value is failure
    assert console.log_end().endswith("the reason")


def test_the_lines_of_pip_are_condensed() -> None:
    line = "  Downloading https://x.test/torch-2.15.0-cp311.whl (539.1 MB)"
    assert gist(line) == "Downloading torch-2.15.0-cp311.whl (539.1 MB)"
    assert gist("Installing collected packages: a, b, c") == "Unpacking 3 packages"
    assert gist("  ━━━━━━━━━━━━━━━━━━") is None


@pytest.mark.skipif(sys.platform == "win32", reason="there the second one is refused")
def test_a_second_installer_waits_for_the_first(tmp_path: Path) -> None:
    lock = tmp_path / "install.lock"
    waiting = (
        "import sys; from pathlib import Path; from installer.console import Console; "
        "from installer.lock import hold\n"
        "with hold(Path(sys.argv[1]), Console()): print('mine')"
    )
    with hold(lock, Console(io.StringIO())):
        second = subprocess.Popen(
            [sys.executable, "-c", waiting, str(lock)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout is not None
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    assert "mine" in second.communicate(timeout=30)[0]


# What the tests need


def test_where_krita_is_missing_and_apt_too_the_test_command_names_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    places = Places(tmp_path, this_system())
    context = Context(places, InstallState(places.marker), Console(io.StringIO()))
    with pytest.raises(InstallError, match="krita, xvfb, xdotool, imagemagick") as raised:
        prepare_editors(context)
    assert "--without-editors" in raised.value.mend


def test_without_apt_the_tests_of_networks_are_left_to_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.testing._found", lambda _program: False)
    monkeypatch.setattr("installer.apt.can_install", lambda: False)
    monkeypatch.setattr("installer.apt.install", lambda *_: pytest.fail("nothing can install"))
    places = Places(tmp_path, this_system())
    prepare_network(Context(places, InstallState(places.marker), Console(io.StringIO())))


def test_an_apt_that_fails_does_not_keep_the_tests_from_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: Context, packages: list[str], failure: InstallError) -> None:
        assert packages == ["iproute2", "nftables"]
        raise failure

    monkeypatch.setattr("installer.testing._found", lambda _program: False)
    monkeypatch.setattr("installer.apt.can_install", lambda: True)
    monkeypatch.setattr("installer.apt.install", fail)
    places, said = Places(tmp_path, this_system()), io.StringIO()
    prepare_network(Context(places, InstallState(places.marker), Console(said)))
    assert "without iproute2 and nftables" in said.getvalue()


# Old Pythons


def test_an_old_python_is_told_what_to_do() -> None:
    script = REPOSITORY / "install.py"
    ast.parse(script.read_text(), feature_version=(3, 7))
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); "
        "runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", pretend, str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs Python 3.10 or newer; this is Python 3.9" in done.stderr
    assert "Traceback" not in done.stderr
