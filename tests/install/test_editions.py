"""Which Kritas the tests run in, and when a chroot is built anew."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from installer import editions, testing
from installer.cli import parse
from installer.console import Console
from installer.places import Places, this_system
from installer.state import InstallState
from installer.steps import Context


def test_editions_are_named_with_commas_and_counted_once() -> None:
    chosen = editions.chosen_editions("krita-6.0, krita-5.2,krita-6.0")
    assert [edition.name for edition in chosen] == ["krita-6.0", "krita-5.2"]
    assert [edition.version for edition in chosen] == ["6.0", "5.2"]


@pytest.mark.parametrize("text", ["krita-4.4", "", "krita-5.2;krita-6.0"])
def test_an_unknown_edition_is_refused_with_those_there_are(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--test", "--editors", text])
    assert ended.value.code == 2
    assert "krita-5.1, krita-5.2, krita-5.3, krita-6.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--editors", "krita-5.2"], ["--test", "--editors", "krita-5.2", "--without-editors"]],
)
def test_editions_make_sense_only_for_tests_with_editors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2


def test_a_tarball_is_another_one_when_it_would_be_made_otherwise() -> None:
    edition = editions.EDITIONS["krita-5.2"]
    other = dataclasses.replace(edition, suites="forky")
    assert edition.tarball.startswith("krita-5.2-")
    assert edition.tarball != other.tarball
    assert edition.tarball == dataclasses.replace(edition).tarball


@pytest.mark.parametrize(
    ("package", "version", "same"),
    [
        ("1:5.1.5+dfsg-2+deb12u1", "5.1", True),
        ("1:5.2.9+dfsg-1", "5.2", True),
        ("6.0.4-1", "6.0", True),
        ("1:5.10.0-1", "5.1", False),
        ("", "5.1", False),
    ],
)
def test_a_package_is_of_an_edition_by_its_first_two_numbers(
    package: str, version: str, same: bool
) -> None:
    assert editions.is_version(package, version) is same


def test_chroots_are_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert str(editions.cache_folder()) == "/somewhere/cache/deepsim/chroots"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert editions.cache_folder().parts[-3:] == (".cache", "deepsim", "chroots")


def test_only_kept_chroots_of_other_kritas_are_tested_without_being_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, kept, *others = editions.EDITIONS.values()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(editions, "is_own", lambda edition: edition == own)
    monkeypatch.setattr(editions.apt, "can_install", lambda: True)
    monkeypatch.setattr(editions.shutil, "which", lambda program: f"/usr/bin/{program}")
    assert editions.others_kept() == ([], [kept, *others])
    editions.cache_folder().mkdir(parents=True)
    (editions.cache_folder() / kept.tarball).touch()
    (editions.cache_folder() / f"{others[0].name}-madeotherwise.tar.zst").touch()
    assert editions.others_kept() == ([kept], others)
    monkeypatch.setattr(editions.apt, "can_install", lambda: False)
    assert editions.others_kept() == ([], [kept, *others])


def test_after_long_no_further_krita_is_begun_with_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, late, *_ = editions.EDITIONS.values()
    called: list[str] = []

    def call(_context: Context, name: str, *_: object) -> int:
        called.append(name)
        return 0

    monkeypatch.setattr(testing, "_call", call)
    monkeypatch.setattr(testing, "unpacked", lambda *_: pytest.fail("it is begun with"))
    places, said = Places(tmp_path, this_system()), io.StringIO()
    context = Context(places, InstallState(places.marker), Console(said))
    assert testing.run_tests(context, editors=True, chroots=[late], patience=-1) == 0
    assert called[-1] == "pytest"
    assert f"Not tested in {late.name}" in said.getvalue()
    assert own.name not in said.getvalue()
