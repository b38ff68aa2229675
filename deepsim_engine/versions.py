"""Which versions of DeepSIM and its libraries are at work."""

from importlib import metadata


def library_versions() -> dict[str, str]:
    """Versions of DeepSIM and of the libraries that decide what a model does."""
    found = {}
    for package in ("deepsim", "torch", "numpy", "safetensors"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a checkout without installation
            found[package] = "unknown"
    return found
