"""A fresh installation in a scratch home, and what is done with it afterwards."""

import json
import subprocess
import sys

from tests.install.conftest import SHIPPED, Scratch

# pip through this proxy reaches nothing; used to show that nothing is fetched.
NO_NETWORK = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "PIP_RETRIES": "0",
}


def check(scratch: Scratch) -> dict[str, object]:
    done = scratch.install("--check", "--json")
    answer: dict[str, object] = json.loads(done.output)
    assert (done.status == 0) == answer["ok"]
    return answer


def wrongs(scratch: Scratch) -> list[dict[str, str]]:
    findings = check(scratch)["findings"]
    assert isinstance(findings, list)
    return [finding for finding in findings if not finding["ok"]]


def test_a_fresh_installation_tells_each_step_and_where_the_command_is(installed: Scratch) -> None:
    output = installed.home.joinpath("fresh.txt").read_text()
    for number in range(1, 7):
        assert f"[{number}/6]" in output
    assert output.count("done in") == 6
    assert str(installed.prefix / "venv" / "bin" / "deepsim") in output


def test_check_finds_everything_right_and_names_the_places(installed: Scratch) -> None:
    answer = check(installed)
    assert answer["ok"] is True
    assert answer["python"] == str(installed.python)
    assert answer["deepsim"] == str(installed.prefix / "venv" / "bin" / "deepsim")
    assert answer["plugin"] == str(installed.plugin)
    text = installed.install("--check")
    assert text.status == 0
    assert "WRONG" not in text.output


def ask_python(installed: Scratch, asked: str) -> str:
    """What a line of Python prints in the installed environment, outside the checkout."""
    return subprocess.run(
        [installed.python, "-c", asked],
        cwd=installed.home,
        env=installed.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_environment_runs_the_installed_package_not_the_checkout(installed: Scratch) -> None:
    asked = "import deepsim_engine, deepsim_client, deepsim_server; print(deepsim_engine.__file__)"
    answer = ask_python(installed, asked)
    assert answer.startswith(str(installed.prefix / "venv"))


def test_the_engine_finds_the_weights_of_its_installation(installed: Scratch) -> None:
    asked = "from deepsim_engine.folders import weights_dir; print(weights_dir())"
    answer = ask_python(installed, asked)
    assert answer.strip() == str(installed.prefix / "weights")
    assert (installed.prefix / "weights" / "hed-vgg16.safetensors").is_file()


def test_scripts_and_krita_are_told_how_to_start_the_engine(installed: Scratch) -> None:
    launch = json.loads((installed.prefix / "launch.json").read_text())
    assert launch == {
        "command": [str(installed.python), "-m", "deepsim_engine", "serve"],
        "data": str(installed.prefix),
        "connection": str(installed.prefix / "run" / "engine.json"),
        "client_key": str(installed.prefix / "keys" / "clients" / "local.key_secret"),
        "log": str(installed.prefix / "logs" / "engine.log"),
    }
    assert json.loads((installed.plugin / "launch.json").read_text()) == launch


def test_krita_gets_the_plugin_and_keeps_its_settings(installed: Scratch) -> None:
    assert (installed.resources / "pykrita" / "deepsim_krita.desktop").is_file()
    assert (installed.resources / "actions" / "deepsim.action").is_file()
    assert installed.kritarc.read_text() == (
        "[General]\nname=Käthe\n\n[python]\nenable_deepsim_krita=true\nenable_other=true\n"
    )


def test_a_flatpak_krita_gets_the_plugin_too(installed: Scratch) -> None:
    flatpak = installed.home / ".var" / "app" / "org.kde.krita"
    assert (flatpak / "data" / "krita" / "pykrita" / "deepsim_krita" / "__init__.py").is_file()
    assert "enable_deepsim_krita=true" in (flatpak / "config" / "kritarc").read_text()


def test_the_plugin_carries_pyzmq_for_each_embedded_python(installed: Scratch) -> None:
    vendor = installed.plugin / "vendor"
    folders = {path.name for path in vendor.glob("pyzmq-*")}
    assert folders == {"pyzmq-cp38", "pyzmq-cp39", "pyzmq-cp310", "pyzmq-cp311", "pyzmq-abi3"}
    version = sys.version_info[:2]
    mine = "pyzmq-abi3" if version >= (3, 12) else f"pyzmq-cp{version[0]}{version[1]}"
    asked = (
        "import sys; sys.path[:0] = sys.argv[1:]; import zmq, deepsim_client; "
        "print(zmq.has('curve'), zmq.__file__)"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", asked, str(vendor), str(vendor / mine)],
        cwd=installed.home,
        env=installed.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith(f"True {vendor / mine}")


def test_again_nothing_is_done_and_no_network_is_needed(installed: Scratch) -> None:
    again = installed.install(**NO_NETWORK)
    assert again.status == 0, again.output
    assert again.output.count("already there") == 6
    assert "done in" not in again.output


def test_each_fault_is_told_with_its_mend_and_mended_by_installing_again(
    installed: Scratch,
) -> None:
    (installed.prefix / "weights" / "hed-vgg16.safetensors").unlink()
    (installed.prefix / "launch.json").write_text("{}")
    installed.kritarc.write_text("[python]\nenable_deepsim_krita=false\n")
    (installed.resources / "actions" / "deepsim.action").unlink()
    found = wrongs(installed)
    assert {fault["name"] for fault in found} == {
        "weights",
        "launch file",
        "krita plugin (native)",
    }
    assert len(found) == 4
    assert all(fault["mend"] for fault in found)
    text = installed.install("--check")
    assert text.status == 1
    assert text.output.count("WRONG") == 4

    mended = installed.install()
    assert mended.status == 0, mended.output
    assert mended.output.count("already there") == 3
    assert check(installed)["ok"] is True
    assert installed.kritarc.read_text() == "[python]\nenable_deepsim_krita=true\n"


def test_a_lost_environment_is_told_and_made_again(installed: Scratch) -> None:
    installed.python.unlink()
    assert [fault["name"] for fault in wrongs(installed)] == ["environment"]
    mended = installed.install()
    assert mended.status == 0, mended.output
    assert check(installed)["ok"] is True


def test_nothing_is_left_in_the_checkout(installed: Scratch) -> None:
    assert sorted(path.name for path in installed.checkout.iterdir()) == sorted(SHIPPED)


def test_changed_sources_are_told_and_only_they_are_installed_again(installed: Scratch) -> None:
    source = installed.checkout / "deepsim_engine" / "errors.py"
    source.write_text(source.read_text() + "\nCHANGED = True\n")
    assert [fault["name"] for fault in wrongs(installed)] == ["command"]
    updated = installed.install()
    assert updated.status == 0, updated.output
    assert updated.output.count("already there") == 5
    asked = "from deepsim_engine.errors import CHANGED; print(CHANGED)"
    command = [str(installed.python), "-c", asked]
    subprocess.run(command, cwd=installed.home, env=installed.environment(), check=True)


def test_check_of_nothing_says_so_and_how_to_begin(scratch: Scratch) -> None:
    done = scratch.install("--check")
    assert done.status == 1
    assert "not installed" in done.output
    assert "install.py" in done.output
    assert not scratch.prefix.exists()


def test_uninstalling_nothing_is_fine_and_leaves_nothing(scratch: Scratch) -> None:
    done = scratch.install("--uninstall")
    assert done.status == 0
    assert "not installed" in done.output
    assert not scratch.prefix.exists()


def test_a_strange_virtual_environment_is_left_alone(scratch: Scratch) -> None:
    mine = scratch.home / "project" / "venv"
    mine.mkdir(parents=True)
    done = scratch.install("--prefix", str(mine.parent))
    assert done.status == 1
    assert "another folder with --prefix" in done.output
    assert list(mine.parent.iterdir()) == [mine]
