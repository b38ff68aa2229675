"""A model's description in words, for `deepsim models show`."""

from typing import Any

_KINDS = {"both": "segments and edges", "painting": "a painting"}
_SHOWN = ("size", "palette", "unpainted", "generator", "losses", "versions")


def describe(model: dict[str, Any]) -> list[str]:
    """One line per thing that is known; `model` as ModelStore.find gives it.

    What a newer version knows besides is shown as it is.
    """
    size = " x ".join(map(str, model.get("size", ())))
    working = " x ".join(map(str, model.get("working_size", ())))
    told = {
        "name": model.get("name"),
        "id": model.get("id"),
        "drawing": _KINDS.get(str(model.get("kind")), model.get("kind")),
        "picture": f"{size} pixels, learned at {working}",
        "colours": _colours(model),
        "preset": model.get("preset"),
        "training": _training(model),
        "network": _network(model.get("generator")),
        "features": model.get("backbone"),
        "losses": _pairs(model.get("losses")),
        "made": model.get("created"),
        "with": _pairs(model.get("versions")),
        "file": f"{model.get('bytes', 0) / 1e6:.1f} MB",
        "pair": model.get("pair_sha256"),
    }
    known = {"kind", "working_size", "created", "bytes", "backbone", "steps", "seconds", "seed"}
    rest = {k: v for k, v in model.items() if k not in {*told, *known, *_SHOWN, "pair_sha256"}}
    return [f"{key + ':':<10} {value}" for key, value in {**told, **rest}.items() if value]


def _colours(model: dict[str, Any]) -> str:
    colours = ["#%02x%02x%02x" % tuple(colour) for colour in model.get("palette") or ()]  # noqa: UP031
    return ", ".join([*colours, "unpainted"] if model.get("unpainted") else colours)


def _training(model: dict[str, Any]) -> str:
    if not model.get("generator"):
        return "none: patches of the picture are put together anew"
    return f"{model.get('steps')} steps in {model.get('seconds')} s, seed {model.get('seed')}"


def _network(generator: Any) -> str:
    if not isinstance(generator, dict):
        return ""
    return _pairs(generator)


def _pairs(values: Any) -> str:
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{key} {value}" for key, value in values.items())
