"""What an evaluation found, as one HTML page that needs nothing beside itself."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from deepsim_engine.evaluation.table import mean_rows

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #282828; background: #fafaf8;
       max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .3em .7em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.best { font-weight: bold; }
img, svg { max-width: 100%; height: auto; }
summary { cursor: pointer; }
dt { font-weight: bold; } dd { margin: 0 0 .4em 1.5em; }
"""


def page(summary: dict[str, Any], sheet: bytes, curve: str | None) -> str:
    """The page for what evaluation.json holds; `sheet` is a PNG, `curve` an SVG document."""
    width, height = summary["size"]
    names = ", ".join(summary["methods"])
    settings = ", ".join(f"{key} {value}" for key, value in summary["settings"].items())
    machine = ", ".join(f"{key} {value}" for key, value in summary["machine"].items() if value)
    versions = ", ".join(f"{key} {value}" for key, value in summary["versions"].items())
    parts = [
        f"<h1>{escape(summary['folder'])}</h1>",
        f"<p>{escape(names)} on {len(summary['frames'])} held-out frames, {width} x {height} "
        f"pixels, {escape(summary['kind'])}.</p>",
        *(f"<p>Note: {escape(note)}</p>" for note in summary["notes"]),
        _means(summary),
        *([] if curve is None else ["<h2>Quality over time</h2>", _inline(curve)]),
        "<h2>Frames</h2>",
        f'<img alt="truth, primitive and results" src="data:image/png;base64,'
        f'{base64.b64encode(sheet).decode()}">',
        *(_frames(name, found, summary) for name, found in summary["methods"].items()),
        _judges(summary),
        f"<h2>How it was made</h2><p>{escape(settings)}.<br>{escape(machine)}.<br>"
        f"{escape(versions)}.</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(summary['folder'])}: {escape(names)}</title><style>{_STYLE}</style>"
        "</head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _means(summary: dict[str, Any]) -> str:
    judges, methods = summary["judges"], summary["methods"]
    best = [_best(judge, methods) for judge in judges]
    head = ["", "trained s", "apply s", *(_headed(j) for j in judges), "flicker ↓"]
    rows = []
    for found, told in zip(methods.values(), mean_rows(summary)[1:], strict=True):
        figures = [found["mean"].get(judge["name"]) for judge in judges]
        bold = [f is not None and f == b for f, b in zip(figures, best, strict=True)]
        marks = [False, False, False, *bold, False]
        rows.append([_cell(escape(t), m) for t, m in zip(told, marks, strict=True)])
    return "<h2>Means</h2>" + _table(head, rows)


def _best(judge: dict[str, Any], methods: dict[str, Any]) -> float | None:
    figures = [m["mean"][judge["name"]] for m in methods.values() if judge["name"] in m["mean"]]
    pick = min if judge["better"] == "lower" else max
    return pick(figures) if figures and len(methods) > 1 else None


def _frames(name: str, found: dict[str, Any], summary: dict[str, Any]) -> str:
    judges = summary["judges"]
    rows = [
        [
            _cell(escape(frame)),
            *(_cell(f"{figures[j['name']]:.4g}" if j["name"] in figures else "-") for j in judges),
        ]
        for frame, figures in found["frames"].items()
    ]
    facts = ", ".join(f"{k} {v}" for k, v in found["facts"].items() if not isinstance(v, dict))
    return (
        f"<details><summary>{escape(name)}: {escape(found['about'])}</summary>"
        f"<p>{escape(facts)}</p>" + _table(["frame", *map(_headed, judges)], rows) + "</details>"
    )


def _judges(summary: dict[str, Any]) -> str:
    about = [(j["name"], j["about"]) for j in summary["judges"]]
    about.append(
        (
            "flicker",
            "Change from frame to frame beyond the truth's own at the same pixel, in levels of "
            "0 to 255; a picture that never changes has none.",
        )
    )
    about += [(name, f"Missing: {why}") for name, why in summary["missing"].items()]
    items = "".join(f"<dt>{escape(n)}</dt><dd>{escape(text)}</dd>" for n, text in about)
    return f"<h2>What the figures say</h2><dl>{items}</dl>"


def _headed(judge: dict[str, Any]) -> str:
    return f"{escape(judge['name'])} {'↓' if judge['better'] == 'lower' else '↑'}"


def _cell(text: str, best: bool = False) -> str:
    return f'<td class="best">{text}</td>' if best else f"<td>{text}</td>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`head` and the cells of `rows` are HTML already."""
    first = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table><tr>{first}</tr>{body}</table>"


def _inline(svg: str) -> str:
    """An SVG document without its XML prologue, which HTML does not want."""
    return svg[svg.index("<svg") :]
