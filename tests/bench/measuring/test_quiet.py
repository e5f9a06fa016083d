"""Waiting for quiet moments, on a clock of its own."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.quiet import LONGEST_S, POLL_S, QuietMoments


class Machine:
    """How many want a processor at each look, the last number for ever; this process is one."""

    def __init__(self, others: Sequence[int | None]) -> None:
        self.now_s = 0.0
        *first, last = (None if n is None else n + 1 for n in others)
        self._running: Iterator[int | None] = chain(first, repeat(last))

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def moments(self, budget_s: float, n_cpus: int = 2) -> QuietMoments:
        return QuietMoments(
            budget_s,
            n_running=lambda: next(self._running),
            sleep=self.sleep,
            clock=lambda: self.now_s,
            n_cpus=n_cpus,
        )


@pytest.mark.parametrize(
    ("others", "n_cpus", "n_polls"),
    [
        ([0], 2, 1),  # others' threads stop to spin meanwhile
        ([1, 2, 0], 2, 3),
        ([None], 2, 1),  # this machine does not tell
        ([6], 64, 1),  # below a tenth of the processors
        ([7, 0], 64, 2),
    ],
)
def test_it_waits_until_nobody_else_wants_a_processor(
    others: list[int | None], n_cpus: int, n_polls: int
) -> None:
    waited_s = Machine(others).moments(10.0, n_cpus).wait()
    assert waited_s == pytest.approx(n_polls * POLL_S)


def test_a_neighbour_that_never_rests_is_measured_beside() -> None:
    assert Machine([1]).moments(10.0).wait() == pytest.approx(LONGEST_S, abs=POLL_S)


@given(budget_s=st.floats(0, 20), n_calls=st.integers(1, 30))
def test_the_waits_of_a_round_keep_to_their_budget(budget_s: float, n_calls: int) -> None:
    """But for the one poll of each call."""
    moments = Machine([1]).moments(budget_s)
    waited_s = sum(moments.wait() for _ in range(n_calls))
    assert waited_s <= budget_s + 2 * POLL_S * n_calls
