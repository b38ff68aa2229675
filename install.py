#!/usr/bin/env python3
"""Set up DeepSIM on this machine: `python3 install.py --help` says how."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036  (it tells owners of older Pythons)
    sys.exit(
        "DeepSIM's installer needs Python 3.10 or newer; this is Python "
        + ".".join(map(str, sys.version_info[:2]))
        + ". Run it with a newer one, for example: python3.11 install.py"
    )

from installer.cli import main

if __name__ == "__main__":
    sys.exit(main())
