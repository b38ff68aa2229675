"""The mean figures of an evaluation as a table: for a terminal, and for documents."""

from collections.abc import Sequence
from typing import Any

Rows = list[list[str]]


def mean_rows(summary: dict[str, Any]) -> Rows:
    """Head and a row per method, from what evaluation.json holds; "-" where no figure is."""
    judges = [judge["name"] for judge in summary["judges"]]
    rows = [["", "trained s", "apply s", *judges, "flicker"]]
    for name, found in summary["methods"].items():
        mean, steady = found["mean"], found["steadiness"]
        rows.append(
            [
                name,
                f"{found['facts'].get('seconds', 0):.1f}",
                f"{found['apply_seconds']:.2f}",
                *(f"{mean[judge]:.4g}" if judge in mean else "-" for judge in judges),
                "-" if steady is None else f"{steady['excess']:.2f}",
            ]
        )
    return rows


def plain(rows: Rows) -> str:
    """Columns brought to one width, figures at their right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def markdown(rows: Rows) -> str:
    """The same as Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return "\n".join([line(rows[0]), f"|{'---|' * len(rows[0])}", *map(line, rows[1:])]) + "\n"
