"""The README is true: its commands exist, its Python runs, its links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deepsim_engine.demo.coffee import DRAWN, EDITED
from deepsim_engine.folders import weights_dir
from installer.cli import parse

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INSTALLING = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
SIZE = (96, 64)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture
def demo_files(tmp_path: Path) -> Path:
    """The files that the demo leaves, small."""
    from PIL import Image  # noqa: PLC0415
    from skimage import data  # noqa: PLC0415

    Image.fromarray(data.coffee()).resize(SIZE).save(tmp_path / "image.png")
    for prefix, drawing in (("", DRAWN), ("edited-", EDITED)):
        segments, edges = drawing.render(SIZE)
        segments.save(tmp_path / f"{prefix}segments.png")
        edges.save(tmp_path / f"{prefix}edges.png")
    return tmp_path


@pytest.mark.parametrize("line", [c for c in commands() if c.startswith("python3 ")])
def test_its_first_commands_are_ones_that_the_installer_takes(line: str) -> None:
    program, script, *arguments = shlex.split(line)
    assert (program, script) == ("python3", "install.py")
    assert parse(arguments)


def test_the_options_told_in_docs_are_ones_that_the_installer_takes() -> None:
    told = set(re.findall(r"`(--[a-z][^`]*)`", INSTALLING))
    assert len(told) >= 8
    for options in told - {"--prefix DIR"}:
        arguments = shlex.split(options)
        if arguments[0] in ("--json", "--purge", "--without-editors"):
            continue  # told together with the command that they go with
        assert parse(arguments)


def test_its_deepsim_commands_run_in_the_order_told(demo_files: Path) -> None:
    told = [shlex.split(line) for line in commands() if line.startswith("deepsim ")]
    assert {arguments[1] for arguments in told} == {"train", "apply", "edges", "segment", "doctor"}
    for arguments in told:
        if arguments[1] == "doctor":
            continue  # it tells of the machine, and may well find something wrong
        done = subprocess.run(
            [sys.executable, "-m", "deepsim_engine", *arguments[1:]],
            cwd=demo_files,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (demo_files / arguments[arguments.index("--out") + 1]).is_file()


@pytest.mark.skipif(
    not (weights_dir() / "hed-vgg16.safetensors").is_file(),
    reason="training needs the weights that python3 install.py brings",
)
def test_its_python_example_runs(demo_files: Path) -> None:
    (example,) = blocks("python")
    assert "seconds=120" in example
    quick = example.replace("seconds=120", "steps=2")
    done = subprocess.run(
        [sys.executable, "-c", quick], cwd=demo_files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (demo_files / "cup.safetensors").is_file()
    assert (demo_files / "edited.png").is_file()


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_its_links_and_pictures_are_there(page: str) -> None:
    path = REPOSITORY / page
    targets = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    here = [target for target in targets if "://" not in target]
    assert here
    for target in here:
        assert (path.parent / target).exists(), target


def test_the_folders_it_names_are_there() -> None:
    table = README[README.index("## Where things are") :]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = re.findall(r"`([a-z_/]+(?:\.py)?)`", " ".join(rows))
    assert len(named) >= 8
    for name in named:
        assert (REPOSITORY / name).exists(), name
