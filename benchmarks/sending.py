"""What does it save to send only what changed of a drawing, as Live does?

    python benchmarks/sending.py --side 512 --side 2048

An engine and one client, on this machine. Requests that bring the whole drawing (scikit-image's
astronaut in segments) and requests that bring a part of 64 x 64 pixels take turns. The drawing is
the one that the model was trained on, so nothing is painted: what is left is the way there and
back, and understanding the drawing. Printed for each side, in milliseconds: the time from request
to answer, the processor time that engine and client took for it, and how long the plugin compares
two drawings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from deepsim_client.wire import new_id
from PIL import Image
from skimage import data

import deepsim_engine as ds
from deepsim_engine.folders import weights_dir
from tests.server.conftest import Engine, ask, frame

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin" / "krita"))

from deepsim_krita.features.sending import differing
from deepsim_krita.state import Picture
from deepsim_krita.steps import at_once

if TYPE_CHECKING:
    from deepsim_client import EngineClient, Reply

PATIENCE = 1800.0
PART = 64
"""Side of the part that changed, in pixels."""


def measure(engine: Engine, client: EngineClient, side: int, rounds: int) -> dict[str, Any]:
    """Train at one size, and ask in both ways in turn."""
    original = Image.fromarray(data.astronaut())
    small = np.asarray(original.resize((256, 256), Image.Resampling.LANCZOS))
    found = Image.fromarray(ds.segment(small, 12)[:, :, :3])
    image = original.resize((side, side), Image.Resampling.LANCZOS).convert("RGBA")
    drawn = np.asarray(found.resize((side, side), Image.Resampling.NEAREST).convert("RGBA"))
    layers = [frame("image", np.asarray(image)), frame("segments", drawn)]
    settings = {"preset": "instant", "name": f"{side}"}
    trained = ask(client, "train", settings, layers, patience=PATIENCE)
    assert trained.kind == "result", trained.body
    body = {"model": trained.body["model"]["id"], "crop": True, "document": "benchmark"}
    whole, base = frame("segments", drawn), new_id()
    part = frame("segments-part", drawn[:PART, :PART])
    since = {**body, "base": base, "places": {"segments": [0, 0]}}
    ways: dict[str, Callable[[], Reply]] = {
        "whole": lambda: ask(client, "apply", body, [whole], patience=PATIENCE),
        "part": lambda: ask(client, "apply", since, [part], patience=PATIENCE),
    }
    ask(client, "apply", {**body, "keep": True}, [whole], patience=PATIENCE, rid=base)
    programs = [engine.process(), engine.worker(), psutil.Process()]
    walls: dict[str, list[float]] = {name: [] for name in ways}
    computed: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            before, begun = _computed(programs), time.perf_counter()
            reply = way()
            took = time.perf_counter() - begun
            assert reply.kind == "result", reply.body
            if number:  # the first ones warm caches up
                walls[name].append(1000 * took)
                computed[name].append(1000 * (_computed(programs) - before))
    told: dict[str, Any] = {"side": side}
    for name in ways:
        told[name] = {
            "best": round(min(walls[name])),
            "median": round(median(walls[name])),
            "processor": round(sum(computed[name]) / rounds),
        }
    changed = drawn.copy()
    changed[side // 2 : side // 2 + PART, :PART] ^= 1
    old, new = (Picture(side, side, each.tobytes()) for each in (drawn, changed))
    begun = time.perf_counter()
    assert at_once(differing(old, new)) == (0, side // 2, PART, PART)
    told["compared"] = round(1000 * (time.perf_counter() - begun))
    return told


def _computed(programs: list[psutil.Process]) -> float:
    times = [program.cpu_times() for program in programs]
    return sum(time.user + time.system for time in times)


def main() -> None:
    """Measure and print, a JSON line for each side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, action="append", help="of the drawing (default 512)")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        path.mkdir()
        (path / "weights").symlink_to(weights_dir())
        engine = Engine(path, patience=PATIENCE)
        try:
            client = engine.ready()
            for side in options.side or [512]:
                print(json.dumps(measure(engine, client, side, options.rounds)), flush=True)
        finally:
            engine.end()


if __name__ == "__main__":
    main()
