"""Budgets in steps and seconds, and the learning rates that are planned for their end."""

import pytest

from deepsim_engine.budget import Budget, rate_factor


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spend(budget: Budget, clock: Clock, durations: list[float]) -> None:
    for duration in durations:
        if budget.used_up:
            break
        clock.now += duration
        budget.count_step()


def test_a_budget_of_steps_ends_after_them() -> None:
    clock = Clock()
    budget = Budget(steps=7, seconds=None, clock=clock)
    spend(budget, clock, [3.0] * 20)
    assert budget.step == 7
    assert budget.fraction == 1.0


@pytest.mark.parametrize("duration", [0.1, 0.7, 3.0])
def test_a_budget_of_seconds_is_kept_within_five_percent(duration: float) -> None:
    clock = Clock()
    budget = Budget(steps=None, seconds=120.0, clock=clock)
    clock.now += 4  # loading
    spend(budget, clock, [2 * duration] + [duration] * 5000)
    assert budget.elapsed == pytest.approx(120, rel=0.05)


@pytest.mark.parametrize(("duration", "closing"), [(0.1, 3.0), (0.7, 11.0), (3.0, 0.5)])
def test_what_comes_after_the_last_step_is_kept_free(duration: float, closing: float) -> None:
    """Loading, examples of patches now and then, steps, and a last look at what was learned."""
    clock = Clock()
    budget = Budget(steps=None, seconds=120.0, clock=clock)
    clock.now += 6
    budget.closing = closing
    for step in range(5000):
        if budget.used_up:
            break
        clock.now += duration + (5.0 if step % 40 == 0 else 0.0)
        budget.count_step()
    assert budget.fraction == pytest.approx(1, abs=0.05)
    clock.now += closing
    assert budget.elapsed == pytest.approx(120, rel=0.05)


def test_closing_never_takes_more_than_half() -> None:
    clock = Clock()
    budget = Budget(steps=None, seconds=10.0, clock=clock)
    budget.closing = 60.0
    spend(budget, clock, [1.0] * 20)
    assert budget.step == 5


def test_the_smallest_budget_is_good_for_one_step() -> None:
    clock = Clock()
    budget = Budget(steps=None, seconds=0.5, clock=clock)
    clock.now += 10  # loading took longer than all there was
    spend(budget, clock, [1.0] * 3)
    assert budget.step == 1


def test_the_first_limit_that_is_reached_counts() -> None:
    clock = Clock()
    budget = Budget(steps=1000, seconds=10.0, clock=clock)
    spend(budget, clock, [1.0] * 100)
    assert budget.step == 10


def test_time_left_is_unknown_then_estimated_from_the_steps_after_the_slow_first() -> None:
    clock = Clock()
    budget = Budget(steps=11, seconds=None, clock=clock)
    assert budget.seconds_left is None
    spend(budget, clock, [60.0, 2.0, 2.0])
    assert budget.seconds_left == pytest.approx(16)


def test_time_used_before_a_resumption_counts() -> None:
    clock = Clock()
    budget = Budget(steps=None, seconds=100.0, clock=clock)
    budget.step, budget.before = 40, 99.9
    clock.now += 1
    assert budget.used_up


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_rates_end_at_nothing_and_never_exceed_the_presets(schedule: str) -> None:
    factors = [rate_factor(schedule, share / 100) for share in range(101)]  # type: ignore[arg-type]
    assert factors[-1] == pytest.approx(0)
    assert 0 < max(factors) <= 1
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_the_papers_rate_is_constant_for_the_first_half() -> None:
    assert rate_factor("linear", 0.49) == 1
    assert rate_factor("linear", 0.75) == pytest.approx(0.5)
