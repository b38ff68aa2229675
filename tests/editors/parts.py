"""Which of many cases run in every Krita, whenever that costs little time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def of_which_in_every_krita(cases: Iterable[Any], chosen: Collection[Any]) -> list[Any]:
    """Cases for parametrize, of which the chosen ones are marked `every_krita`."""
    cases = list(cases)
    assert all(case in cases for case in chosen)
    mark = pytest.mark.every_krita
    return [pytest.param(case, marks=mark) if case in chosen else case for case in cases]
