"""Whether a GPU is busy: what is counted, the share, the word, and what nobody saw."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.kernels import Work
from bench.measuring.probes import launches
from bench.measuring.probes.launches import NOT_REPLAYED, describe_work, time_calls
from bench.measuring.replay import Replay
from bench.measuring.step import no_mark
from bench.results.measurements import LAUNCH_BOUND_BELOW, Launches
from bench.results.record import CellError, Status
from tests import fault_models
from tests.bench.example_records import make_job
from tests.bench.measuring.clock import Clock

WORKS = [Work("kernel", 0, 2_000_000), Work("kernel", 1_000_000, 4_000_000)]


def run(mark: object = no_mark) -> torch.Tensor:
    return torch.zeros(1)


def test_the_share_is_of_the_calls_time_without_the_profiler() -> None:
    found = describe_work(WORKS, 0.016, Replay(0.004))
    assert (found.n_launches, found.busy_s, found.busy_share) == (2, 0.004, 0.25)
    assert (found.replay_s, found.replay_status, found.replay_reason) == (0.004, "ok", "")
    assert found.notes == {}


@given(busy_s=st.floats(1e-6, 10), call_s=st.floats(1e-6, 10))
def test_a_call_is_launch_bound_where_less_than_half_of_it_is_busy(
    busy_s: float, call_s: float
) -> None:
    """And the share is one at most: the profiled call may have been the slower one."""
    found = Launches(call_s, n_launches=1, busy_s=busy_s)
    assert found.busy_share == min(1.0, busy_s / call_s)
    assert found.is_launch_bound == (busy_s / call_s < 0.5)
    assert LAUNCH_BOUND_BELOW == 0.5


@pytest.mark.parametrize(("works", "word"), [(None, "sees no GPU"), ([], "saw nothing")])
def test_what_the_profiler_did_not_see_is_none_and_has_a_note(
    works: list[Work] | None, word: str
) -> None:
    found = describe_work(works, 0.016, NOT_REPLAYED)
    assert (found.n_launches, found.busy_s) == (None, None)
    assert (found.busy_share, found.is_launch_bound) == (None, None)
    for name in ("n_launches", "busy_share"):
        assert word in found.notes[name]
    assert (found.call_s, found.replay_status) == (0.016, "skipped")


@pytest.mark.parametrize(
    ("cost_s", "budget_s", "n_calls"),
    [(10.0, 1.0, 3), (0.25, 1.0, 4), (0.25, 0.0, 3), (1e-6, 1, 50)],
)
def test_calls_are_made_until_the_budget_is_spent(
    cost_s: float, budget_s: float, n_calls: int
) -> None:
    """At least three, at most fifty, and three before them that do not count."""
    clock = Clock([100.0, 100.0, 100.0, cost_s])
    assert time_calls(run, budget_s, clock.stopwatch) == cost_s
    assert clock.n_runs == 3 + n_calls


def test_the_median_counts() -> None:
    assert time_calls(run, 0.0, Clock([9.0, 9.0, 9.0, 1.0, 5.0, 2.0]).stopwatch) == 2.0


def test_on_the_cpu_there_is_nothing_to_launch() -> None:
    with pytest.raises(CellError, match="Only on a GPU") as raised:
        launches.measure(fault_models.healthy, make_job(probe="launches").workload, 0.0)
    assert raised.value.status == Status.UNSUPPORTED
