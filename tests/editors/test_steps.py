"""Long work in slices: it ends, it can be dropped, and no slice is longer than it must be."""

from collections.abc import Iterator
from itertools import count

import pytest
from deepsim_krita.steps import Steps, Work


class Clock:
    """Every look at it is a millisecond later than the last."""

    def __init__(self) -> None:
        self._ticks = count()

    def __call__(self) -> float:
        return next(self._ticks) / 1000


def counting(done: list[int], number: int) -> Work:
    for i in range(number):
        done.append(i)
        yield


def test_work_is_interrupted_at_the_end_of_a_slice_and_goes_on() -> None:
    steps, done = Steps(0.004, Clock()), []
    begun = []
    steps.begun.connect(lambda: begun.append(True))
    steps.begin("count", counting(done, 10))
    assert 0 < len(done) < 10
    assert begun == [True]
    while steps.go_on():
        pass
    assert done == list(range(10))
    assert not steps.busy


def test_short_work_is_done_at_once() -> None:
    steps, done = Steps(float("inf")), []
    steps.begin("count", counting(done, 3))
    assert (done, steps.busy) == ([0, 1, 2], False)


def test_works_are_done_one_after_the_other() -> None:
    steps, first, second = Steps(0.002, Clock()), [], []
    steps.begin("first", counting(first, 9))
    steps.begin("second", counting(second, 1))
    assert not second
    while steps.go_on():
        pass
    assert (len(first), len(second)) == (9, 1)


def test_a_work_of_the_same_name_takes_the_place_of_the_old_one() -> None:
    steps, old, new = Steps(0.002, Clock()), [], []
    steps.begin("read", counting(old, 99))
    begun = len(old)
    steps.begin("read", counting(new, 2))
    while steps.go_on():
        pass
    assert (len(old), len(new)) == (begun, 2)


def test_a_dropped_work_can_tidy_up() -> None:
    steps, tidied = Steps(0.001, Clock()), []

    def work() -> Iterator[None]:
        try:
            while True:
                yield
        finally:
            tidied.append(True)

    steps.begin("endless", work())
    steps.drop("endless")
    assert (tidied, steps.busy) == ([True], False)


def test_a_timer_that_fires_inside_of_a_work_does_not_enter_it_again() -> None:
    steps, done = Steps(float("inf")), []

    def nested() -> Iterator[None]:
        done.append(steps.go_on())  # a call into the editor that lets the event loop have its turn
        yield
        done.append(steps.go_on())

    steps.begin("nested", nested())
    assert done == [True, True]
    assert not steps.busy


def test_an_error_ends_its_work_only() -> None:
    steps, done = Steps(0.001, Clock()), []

    def broken() -> Iterator[None]:
        yield
        raise ValueError("no")

    steps.begin("broken", broken())
    steps.begin("count", counting(done, 2))
    with pytest.raises(ValueError, match="no"):
        while steps.go_on():
            pass
    while steps.go_on():
        pass
    assert done == [0, 1]


def test_a_work_may_drop_itself_and_ends_at_its_next_step() -> None:
    steps, done = Steps(float("inf")), []

    def work() -> Iterator[None]:
        try:
            steps.drop("work")
            done.append("dropped")
            yield
            done.append("went on")
        finally:
            done.append("tidied")

    steps.begin("work", work())
    assert (done, steps.busy) == (["dropped", "tidied"], False)


def test_a_work_may_begin_another_in_its_own_place() -> None:
    steps, done, new = Steps(float("inf")), [], []

    def work() -> Iterator[None]:
        try:
            steps.begin("work", counting(new, 3))
            yield
            done.append("went on")
        finally:
            done.append("tidied")

    steps.begin("work", work())
    assert (done, new, steps.busy) == (["tidied"], [0, 1, 2], False)


def test_what_a_work_began_before_its_first_step_failed_is_gone_on_with() -> None:
    steps, done, begun = Steps(float("inf")), [], []
    steps.begun.connect(lambda: begun.append(True))

    def broken() -> Iterator[None]:
        steps.begin("count", counting(done, 2))
        raise ValueError("no")
        yield

    with pytest.raises(ValueError, match="no"):
        steps.begin("broken", broken())
    assert begun[-1:] == [True]
    assert not done
    while steps.go_on():
        pass
    assert done == [0, 1]
