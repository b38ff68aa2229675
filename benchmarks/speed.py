"""How fast is each preset, and how much memory does it take? A table, as JSON and Markdown.

    python benchmarks/speed.py                                     # every preset, 256 and 512 px
    python benchmarks/speed.py --presets instant,draft --sizes 256,1024 --device cuda --out gpu.json

Every row is measured in a process of its own, so that memory is that row's alone. Machines are
noisy: compare rows of one run, by the ratios to the first preset of the same size.
"""

import argparse
import dataclasses
import itertools
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from pairs import astronaut

import deepsim_engine as ds
from deepsim_engine import devices, presets
from deepsim_engine.training import Progress

COLUMNS = {
    "preset": "preset",
    "size": "size",
    "first_preview": "first preview s",
    "step": "step s",
    "model": "model s",
    "apply": "apply s",
    "peak_mb": "peak MB",
    "gpu_peak_mb": "GPU peak MB",
}
_APPLIED = 3


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default="instant,draft,standard,paper")
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--steps", type=int, default=4, help="steps to time (default 4)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="JSON file; the Markdown goes beside it")
    parser.add_argument("--row", nargs=2, metavar=("PRESET", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        preset, size = options.row
        print(json.dumps(measure(preset, int(size), options.device, options.steps)))
        return 0
    rows = []
    for size in options.sizes.split(","):
        for preset in options.presets.split(","):
            print(f"{preset} at {size} px ...", file=sys.stderr, flush=True)
            rows.append(in_own_process(preset, size, options))
    with_ratios(rows)
    table = markdown(rows)
    print(table)
    if options.out:
        described = {"machine": rows[0].get("machine") if rows else None, "rows": rows}
        options.out.write_text(json.dumps(described, indent=1), encoding="utf-8")
        options.out.with_suffix(".md").write_text(table + "\n", encoding="utf-8")
    return 0


def in_own_process(preset: str, size: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row; where it fails, the reason instead of figures."""
    command = [sys.executable, __file__, "--row", preset, size]
    command += ["--device", options.device, "--steps", str(options.steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return {"preset": preset, "size": int(size), "failed": last}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(preset: str, size: int, device: str, steps: int) -> dict[str, Any]:
    """Train for `steps` timed steps after a first one, then apply an edited drawing."""
    where = devices.pick(device)
    picture, primitive, edited = astronaut(size)
    started = time.monotonic()
    times: list[float] = []
    previews: list[float] = []

    def on_progress(progress: Progress) -> None:
        times.append(time.monotonic() - started)
        if progress.preview is not None:
            previews.append(times[-1])

    recipe = presets.find(preset)
    model = ds.train(
        picture,
        primitive,
        recipe,
        steps=steps + 1 if recipe.trains else None,
        size=size,
        device=device,
        on_progress=on_progress,
    )
    trained = time.monotonic() - started
    # what a finished training of this preset would paint with
    model.description = dataclasses.replace(model.description, trust=1.0)
    applied = []
    for _ in range(_APPLIED):
        begun = time.monotonic()
        model.apply(edited)
        applied.append(time.monotonic() - begun)
    # the preview of the first step lies between its report and the next, so steps are the rest
    gaps = [after - before for before, after in itertools.pairwise(times)]
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    on_card = where.type == "cuda"
    return {
        "preset": preset,
        "size": size,
        "device": str(where),
        "first_preview": previews[0] if previews else None,
        "step": statistics.median(gaps) if gaps else None,
        "model": trained if not recipe.trains else None,
        "apply": statistics.median(applied),
        "peak_mb": peak / 2**20,
        "gpu_peak_mb": torch.cuda.max_memory_allocated(where) / 2**20 if on_card else None,
        "machine": {
            "system": platform.platform(),
            "threads": torch.get_num_threads(),
            "card": torch.cuda.get_device_name(where) if on_card else None,
            "torch": torch.__version__,
        },
    }


def with_ratios(rows: list[dict[str, Any]]) -> None:
    """Add to each row how its apply time compares with the first row of its size."""
    first: dict[int, float] = {}
    for row in rows:
        if "apply" in row:
            row["apply_ratio"] = row["apply"] / first.setdefault(row["size"], row["apply"])


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as a table; a dash where there is nothing to measure."""
    names = {**COLUMNS, "apply_ratio": "apply, ratio"}
    lines = ["| " + " | ".join(names.values()) + " |", "|" + "---|" * len(names)]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['preset']} | {row['size']} | failed: {row['failed']} |")
            continue
        cells = (told(row.get(key)) for key in names)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def told(value: object) -> str:
    """A figure with three digits that count."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
