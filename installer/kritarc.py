"""kritarc, Krita's settings file: one line set or removed, every other byte kept."""

from pathlib import Path

from installer.files import write_text

GROUP = "[python]"
KEY = "enable_deepsim_krita"


def with_plugin_enabled(text: str) -> str:
    """The settings with `enable_deepsim_krita=true` in the group `[python]`."""
    lines = text.splitlines(keepends=True)
    start, end = _group(lines)
    wanted = f"{KEY}=true\n"
    if start is None:
        gap = "" if not lines else "\n" if lines[-1].endswith("\n") else "\n\n"
        return text + f"{gap}{GROUP}\n{wanted}"
    for index in range(start + 1, end):
        if _is_ours(lines[index]):
            lines[index] = wanted
            return "".join(lines)
    lines.insert(start + 1, wanted)
    if not lines[start].endswith("\n"):
        lines[start] += "\n"
    return "".join(lines)


def without_plugin(text: str) -> str:
    """The settings without our line, and without the group `[python]` if nothing else is in it."""
    lines = text.splitlines(keepends=True)
    start, end = _group(lines)
    if start is None:
        return text
    inside = [line for line in lines[start + 1 : end] if not _is_ours(line)]
    if len(inside) == end - start - 1:
        return text
    if any(line.strip() for line in inside):
        return "".join(lines[: start + 1] + inside + lines[end:])
    before = lines[:start]
    if end == len(lines):
        while before and not before[-1].strip():
            before.pop()
    return "".join(before + lines[end:])


def is_plugin_enabled(text: str) -> bool:
    """Whether Krita would load the plugin."""
    lines = text.splitlines()
    start, end = _group(lines)
    if start is None:
        return False
    ours = [line for line in lines[start + 1 : end] if _is_ours(line)]
    return bool(ours) and ours[-1].partition("=")[2].strip().lower() == "true"


def enable(path: Path) -> None:
    """Enable the plugin in the settings file `path`; it is made if missing."""
    before = read(path)
    after = with_plugin_enabled(before)
    if after != before:
        write_text(path, after)


def disable(path: Path) -> None:
    """Take our line out of the settings file `path`; a file with nothing else in it goes."""
    before = read(path)
    after = without_plugin(before)
    if after == before:
        return
    if after.strip():
        write_text(path, after)
    else:
        path.unlink()


def read(path: Path) -> str:
    """The settings as they are; a missing file is empty. Bytes that are no UTF-8 survive."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def _group(lines: list[str]) -> tuple[int | None, int]:
    """Index of the group's header, and of the first line after the group."""
    start = None
    for index, line in enumerate(lines):
        text = line.strip()
        if text.startswith("["):
            if start is not None:
                return start, index
            if text == GROUP:
                start = index
    return start, len(lines)


def _is_ours(line: str) -> bool:
    return line.partition("=")[0].strip() == KEY
