"""kritarc: our line is set and removed; every other byte stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.kritarc import (
    disable,
    enable,
    is_plugin_enabled,
    read,
    with_plugin_enabled,
    without_plugin,
)

OURS = "enable_deepsim_krita=true\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"[python]\n{OURS}"),
        ("[General]\na=1\n", f"[General]\na=1\n\n[python]\n{OURS}"),
        ("[General]\na=1", f"[General]\na=1\n\n[python]\n{OURS}"),
        ("[python]\nenable_x=true\n", f"[python]\n{OURS}enable_x=true\n"),
        ("[python]", f"[python]\n{OURS}"),
        ("[python]\nenable_deepsim_krita=false\nb=2\n", f"[python]\n{OURS}b=2\n"),
        (
            "[python]\n\n[z]\nenable_deepsim_krita=1\n",
            f"[python]\n{OURS}\n[z]\nenable_deepsim_krita=1\n",
        ),
    ],
)
def test_enabling_sets_one_line_in_the_right_group(before: str, after: str) -> None:
    assert with_plugin_enabled(before) == after
    assert is_plugin_enabled(after)


def test_enabling_twice_changes_nothing() -> None:
    once = with_plugin_enabled("[General]\r\na=1\r\n")
    assert with_plugin_enabled(once) == once


@pytest.mark.parametrize("text", ["", "[python]\nenable_deepsim_krita=false\n", "[a]\n" + OURS])
def test_what_krita_would_not_load_is_not_enabled(text: str) -> None:
    assert not is_plugin_enabled(text)


settings_line = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20
).filter(lambda line: not line.lstrip().startswith("[") and "deepsim" not in line)
group = st.tuples(
    st.sampled_from(["[General]", "[theme][x]", "[python]"]),
    st.lists(settings_line.filter(str.strip), min_size=1, max_size=4),
)


@given(st.lists(group, max_size=4, unique_by=lambda g: g[0]))
def test_disabling_gives_back_what_was_there(groups: list[tuple[str, list[str]]]) -> None:
    text = "\n".join(f"{name}\n" + "".join(f"{line}\n" for line in lines) for name, lines in groups)
    enabled = with_plugin_enabled(text)
    assert is_plugin_enabled(enabled)
    assert without_plugin(enabled) == text


def test_a_file_that_only_we_filled_goes_again(tmp_path: Path) -> None:
    path = tmp_path / "config" / "kritarc"
    enable(path)
    assert is_plugin_enabled(read(path))
    disable(path)
    assert not path.exists()


def test_bytes_that_are_no_text_and_links_survive(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "kritarc"
    kept.parent.mkdir()
    kept.write_bytes(b"[General]\nname=K\xe4the\r\n")
    link = tmp_path / "kritarc"
    link.symlink_to(kept)
    enable(link)
    assert link.is_symlink()
    disable(link)
    assert kept.read_bytes() == b"[General]\nname=K\xe4the\r\n"
