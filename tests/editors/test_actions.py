"""The table of actions, and Krita's file about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deepsim_krita.actions import action_file

if TYPE_CHECKING:
    from tests.editors.scenes import Scene
else:
    from scenes import Scene

DOCS = Path(__file__).parents[2] / "docs" / "krita.md"
ACTION_FILE = Path(__file__).parents[2] / "plugin" / "krita" / "actions" / "deepsim.action"


def test_kritas_file_says_what_the_table_says(scene: Scene) -> None:
    """After a change of the table: run this with DEEPSIM_WRITE_ACTIONS=1 to write the file anew."""
    wanted = action_file(list(scene.studio.actions.values()))
    if os.environ.get("DEEPSIM_WRITE_ACTIONS"):
        ACTION_FILE.write_text(wanted, encoding="utf-8")
    assert ACTION_FILE.read_text(encoding="utf-8") == wanted


def test_the_docs_tell_every_action_with_its_shortcut(scene: Scene) -> None:
    table = DOCS.read_text(encoding="utf-8").partition("| action in")[2]
    rows = [line for line in table.splitlines() if line[:2] == "| "]
    for action in scene.studio.actions.values():
        if action.menu:
            row = next(line for line in rows if action.text in line.split("|")[1])
            key = action.shortcut.rpartition("+")[2].upper() or "none"
            assert row.split("|")[2].strip() == key


def test_no_two_actions_share_a_shortcut(scene: Scene) -> None:
    shortcuts = [a.shortcut for a in scene.studio.actions.values() if a.shortcut]
    assert len(shortcuts) == len(set(shortcuts))


def test_each_action_is_enabled_when_it_has_something_to_work_on(scene: Scene) -> None:
    def enabled() -> set[str]:
        return {a.id for a in scene.studio.actions.values() if a.enabled()}

    assert {"train", "apply", "edges", "segment"} < enabled()
    assert "cancel" not in enabled()
    scene.do("segment")
    assert "cancel" in enabled()
    scene.editor.open = []
    scene.session.observe()
    assert enabled().isdisjoint({"train", "apply", "edges", "segment", "choose_image"})


def test_an_error_of_our_own_becomes_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("no such thing")

    monkeypatch.setattr(scene.document, "reading", broken)
    scene.do("train")
    said = "Something went wrong inside the plugin (TypeError: no such thing)."
    assert scene.said == said
    assert "no such thing" in capsys.readouterr().err


def test_every_mend_that_a_notice_can_name_is_an_action(scene: Scene) -> None:
    from deepsim_krita.jobs import mend_of  # noqa: PLC0415

    named = {mend_of(code) for code in ("engine-lost", "worker-died", "protocol", "failed")}
    assert named <= set(scene.studio.actions)
