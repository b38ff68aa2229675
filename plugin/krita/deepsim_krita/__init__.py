"""DeepSIM for Krita: teach a small network to turn your drawing into your picture.

Krita imports this package at its start; elsewhere (in tests) the import does nothing.
"""

from importlib.util import find_spec

if find_spec("krita") is not None:
    from krita import Krita

    from .plugin import Plugin

    # Krita keeps extension and factory; the plugin object is kept by the application object.
    plugin = Plugin(Krita.instance())
    plugin.register()
