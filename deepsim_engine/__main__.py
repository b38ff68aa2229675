"""`python -m deepsim_engine` is the `deepsim` command."""

import sys

from deepsim_engine.cli import main

if __name__ == "__main__":  # worker processes that are spawned import this module again
    sys.exit(main())
