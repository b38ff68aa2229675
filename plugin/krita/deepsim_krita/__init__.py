"""DeepSIM for Krita: teach a small network to turn your drawing into your picture.

Krita imports this package at its start; elsewhere (in tests) the import does nothing.
"""

from importlib.util import find_spec

if find_spec("krita") is not None:
    from krita import Krita

    from .plugin import Plugin

    # Kept here, because Krita keeps only the extension and the docker's factory.
    running = Plugin(Krita.instance())
    running.register()
