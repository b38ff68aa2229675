"""Is every damage to a model or checkpoint file detected? Flips, cuts and fills at every kind of
place, read by the engine's check without torch and by the reader that loads with torch.

    python benchmarks/damage.py --count 5000
"""

import argparse
import json
import random
import shutil
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from deepsim_engine import checkpoint, container
from deepsim_engine.errors import DamagedError


def damages(whole: bytes, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged versions of a file, each with what was done to it and where."""
    rng = random.Random(seed)  # noqa: S311  (not for secrets)
    places = list(_places(whole).items())
    for number in range(count):
        name, (begin, end) = places[number % len(places)]
        at = rng.randrange(begin, end)
        kind = rng.choice(("flip", "flip", "byte", "cut", "zeros", "noise", "insert", "drop"))
        size = rng.randint(1, min(64, len(whole) - at))
        before, after = whole[:at], whole[at + size :]
        damaged = {
            "flip": lambda at=at: _put(whole, at, bytes([whole[at] ^ 1 << rng.randrange(8)])),
            "byte": lambda at=at: _put(whole, at, bytes([(whole[at] + rng.randint(1, 255)) % 256])),
            "cut": lambda before=before: before,
            "zeros": lambda b=before, a=after, s=size: b + bytes(s) + a,
            "noise": lambda b=before, a=after, s=size: b + rng.randbytes(s) + a,
            "insert": lambda b=before, s=size: b + rng.randbytes(s) + whole[len(b) :],
            "drop": lambda b=before, a=after: b + a,
        }[kind]()
        if damaged != whole:
            yield f"{kind} in {name} at {at}", damaged


def undetected(path: Path, key: str, damaged: bytes) -> list[str]:
    """Who takes the file for right: `verify`, `load`. Leaves the damaged bytes at `path`."""
    path.write_bytes(damaged)
    fooled = []
    for who, read in (
        ("verify", lambda: container.verify(path, key)),
        ("load", lambda: checkpoint.read_file(path, key, "a file")),
    ):
        try:
            read()
        except DamagedError:
            continue
        fooled.append(who)
    return fooled


def _places(whole: bytes) -> dict[str, tuple[int, int]]:
    """Kinds of places in a safetensors file: (begin, end) of each."""
    (length,) = struct.unpack("<Q", whole[:8])
    start = 8 + length
    found = {"length": (0, 8), "header": (8, start), "end of header": (start - 8, start)}
    metadata = json.loads(whole[8:start])["__metadata__"]
    for name in metadata:
        at = whole.index(json.dumps(name).encode())
        found[name] = (at, min(start, at + len(json.dumps(metadata[name])) + len(name)))
    if start < len(whole):
        found["first tensor"] = (start, min(len(whole), start + 16))
        found["tensors"] = (start, len(whole))
        found["end"] = (len(whole) - 1, len(whole))
    return found


def _put(whole: bytes, at: int, byte: bytes) -> bytes:
    return whole[:at] + byte + whole[at + 1 :]


def main() -> None:
    """Train a small model, damage it and its checkpoint, count what is detected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    count = parser.parse_args().count
    folder = Path(tempfile.mkdtemp(prefix="deepsim-damage-"))
    try:
        files = _make_files(folder)
        for path, key in files:
            whole, tally, misses = path.read_bytes(), Counter[str](), []
            for what, damaged in damages(whole, count // len(files)):
                tally[what.split(" at ")[0]] += 1
                misses += [f"{who}: {what}" for who in undetected(path, key, damaged)]
            print(
                f"{path.name} ({len(whole)} bytes): {tally.total()} damaged, {len(misses)} missed"
            )
            print("  " + ", ".join(f"{n} {what}" for what, n in sorted(tally.items())))
            for miss in misses:
                print(f"  MISSED {miss}")
    finally:
        shutil.rmtree(folder)


def _make_files(folder: Path) -> list[tuple[Path, str]]:
    import numpy as np  # noqa: PLC0415
    from skimage import data  # noqa: PLC0415

    import deepsim_engine as ds  # noqa: PLC0415
    from deepsim_engine import presets  # noqa: PLC0415

    picture = data.astronaut()[::8, ::8]
    segments = np.full((64, 64, 3), (200, 180, 160), np.uint8)
    segments[16:, 16:48] = (220, 80, 30)
    primitive = ds.Primitive.from_layers(segments=segments)
    ds.train(picture, primitive, "instant", name="Instant").save(folder / "instant.safetensors")
    saved = folder / "checkpoint.safetensors"
    # As draft, but with few channels, so that files can be damaged thousands of times.
    narrow = replace(
        presets.DRAFT,
        generator=presets.GeneratorConfig(widths=(4, 4), depth=1, patches=True),
        discriminator=presets.DiscriminatorConfig(base=4, layers=1, scales=1),
    )
    trained = ds.train(
        picture, primitive, narrow, steps=2, checkpoint=saved, checkpoint_seconds=0, name="Narrow"
    )
    trained.save(folder / "trained.safetensors")
    return [
        (folder / "instant.safetensors", "deepsim"),
        (folder / "trained.safetensors", "deepsim"),
        (saved, "deepsim-checkpoint"),
    ]


if __name__ == "__main__":
    main()
