"""Which of the bundled libraries each Krita's Python gets."""

import subprocess
import sys
from pathlib import Path

import pytest
from deepsim_krita import vendoring


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ((3, 8), "pyzmq-cp38"),
        ((3, 11), "pyzmq-cp311"),
        ((3, 12), "pyzmq-abi3"),
        ((3, 14), "pyzmq-abi3"),
    ],
)
def test_each_python_gets_its_wheel(version: tuple[int, int], folder: str) -> None:
    assert vendoring.pyzmq_folder(version) == folder


def test_the_folders_are_inside_the_plugin(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    assert vendoring.vendor_paths(tmp_path, (3, 9)) == [vendor, vendor / "pyzmq-cp39"]


def test_missing_libraries_become_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from deepsim_krita import vendoring\n"
        "try: vendoring.activate(Path(sys.argv[2]))\n"
        "except vendoring.VendorError as e: print(e)\n"
    )
    package = Path(vendoring.__file__).parent.parent
    # -S -I: no site-packages, as inside Krita.
    command = [sys.executable, "-S", "-I", "-c", code, str(package), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("The pyzmq library does not load in Krita's Python 3.")
    assert "Run the DeepSIM installer again" in said
    assert said.count("\n") == 1


def test_the_launch_file_lies_beside_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPSIM_LAUNCH", raising=False)
    assert vendoring.launch_file(tmp_path) is None
    (tmp_path / "launch.json").write_text("{}")
    assert vendoring.launch_file(tmp_path) == tmp_path / "launch.json"
    monkeypatch.setenv("DEEPSIM_LAUNCH", "elsewhere.json")
    assert vendoring.launch_file(tmp_path) is None
