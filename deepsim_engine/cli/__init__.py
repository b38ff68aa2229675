"""The `deepsim` command: what a person or a script types, and what comes back.

Exit statuses: 0 done, 1 the work failed, 2 the user's input is wrong, 130 interrupted.
"""

from deepsim_engine.cli.app import main

__all__ = ["main"]
