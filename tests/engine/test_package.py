"""The library's front door: every name is there, and none costs anything before it is used."""

import subprocess
import sys

import deepsim_engine


def test_every_promised_name_is_there_and_says_what_it_is() -> None:
    for name in deepsim_engine.__all__:
        assert getattr(deepsim_engine, name).__doc__
        assert name in dir(deepsim_engine)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(deepsim_engine, "generate")


def test_importing_the_package_imports_neither_torch_nor_numpy() -> None:
    look = "import sys, deepsim_engine; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", look], check=False, timeout=60).returncode == 0
