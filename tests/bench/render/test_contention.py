"""What disturbed a call, in words: one phrase for each threshold that was passed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.render.contention import describe_contention
from bench.results.contention import (
    OTHERS_SHARE,
    PRESSURE_SHARE,
    TICK_S,
    WAIT_SHARE,
    Contention,
)

QUIET = Contention(
    wall_s=0.1,
    threads=2,
    n_cpus=2,
    wait_s=0.0,
    involuntary_switches=0,
    others_cpu_s=0.0,
    steal_s=0.0,
    pressure_s=0.0,
    n_others_running=0,
)
SECONDS = st.none() | st.floats(0, 10)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"wait_s": 0.031, "threads": 1}, "waited 31 ms of 100 ms for a processor"),
        ({"wait_s": 0.131}, "2 threads together waited 131 ms of 100 ms for a processor"),
        ({"others_cpu_s": 0.09}, "others used 0.9 of 2 processors"),
        ({"others_cpu_s": 0.23}, "others used 2.0 of 2 processors"),
        ({"steal_s": 0.02}, "the hypervisor took 20 ms in 100 ms"),
        (
            {"wait_s": None, "pressure_s": 0.025},
            "some process waited 25 ms of 100 ms for a processor",
        ),
        (
            {"wait_s": 0.05001, "others_cpu_s": 0.1, "threads": 1},
            "waited 50 ms of 100 ms for a processor; others used 1.0 of 2 processors",
        ),
        ({"wait_s": WAIT_SHARE * 0.1}, ""),
        ({"others_cpu_s": 3 * TICK_S + OTHERS_SHARE * 0.2}, ""),
        ({"steal_s": TICK_S + WAIT_SHARE * 0.1}, ""),
        ({"pressure_s": 0.1}, ""),  # others waited; this process did not
        ({"wait_s": None, "pressure_s": PRESSURE_SHARE * 0.1}, ""),
        ({"involuntary_switches": 1000}, ""),
    ],
)
def test_a_verdict_and_its_reason(changed: dict[str, float | None], reason: str) -> None:
    sample = replace(QUIET, **changed)  # type: ignore[arg-type]
    assert describe_contention(sample) == reason
    assert sample.is_contended == bool(reason)


@pytest.mark.parametrize(
    ("n_others", "n_cpus", "reason"),
    [
        (1, 2, "1 other process running right before or after"),
        (3, 2, "3 other processes running right before or after"),
        (7, 64, "7 other processes running right before or after"),
        (6, 64, ""),  # below a tenth of the processors
        (1, None, "1 other process running right before or after"),
        (0, None, ""),
        (None, 2, ""),
    ],
)
def test_what_ran_at_its_ends_disturbs_a_call_and_is_no_contention(
    n_others: int | None, n_cpus: int | None, reason: str
) -> None:
    sample = replace(QUIET, wall_s=0.004, n_others_running=n_others, n_cpus=n_cpus)
    assert describe_contention(sample) == reason
    assert sample.is_disturbed == bool(reason)
    assert not sample.is_contended


@pytest.mark.parametrize(("wall_s", "is_disturbed"), [(0.14, True), (0.16, False)])
def test_two_moments_say_nothing_of_a_call_that_ticks_can_tell_of(
    wall_s: float, is_disturbed: bool
) -> None:
    """Two threads leave three ticks open, which are a tenth of two processors for 150 ms."""
    assert replace(QUIET, wall_s=wall_s, n_others_running=1).is_disturbed == is_disturbed


@pytest.mark.parametrize("waiting", [{"wait_s": 0.3}, {"wait_s": None, "pressure_s": 0.09}])
def test_own_threads_that_wait_for_each_other_are_not_blamed_on_others(
    waiting: dict[str, Any],
) -> None:
    crowd = replace(QUIET, threads=4, **waiting)
    assert describe_contention(crowd) == "4 threads on 2 processors"
    assert describe_contention(replace(crowd, n_cpus=1)) == "4 threads on 1 processor"
    assert "waited" in describe_contention(replace(crowd, n_cpus=4))
    assert "waited" in describe_contention(replace(crowd, n_cpus=None))
    beside = describe_contention(replace(crowd, n_others_running=1))
    assert beside == "4 threads on 2 processors; 1 other process running right before or after"


@settings(max_examples=50)
@given(
    wall_s=st.floats(1e-3, 10),
    threads=st.integers(1, 64),
    n_cpus=st.none() | st.integers(1, 64),
    seconds=st.tuples(*[SECONDS] * 4),
    n_others=st.none() | st.integers(0, 9),
)
def test_there_are_words_exactly_where_something_disturbed(
    wall_s: float,
    threads: int,
    n_cpus: int | None,
    seconds: tuple[float | None, ...],
    n_others: int | None,
) -> None:
    wait_s, others_cpu_s, steal_s, pressure_s = seconds
    sample = Contention(
        wall_s, threads, n_cpus, wait_s, 3, others_cpu_s, steal_s, pressure_s, n_others
    )
    assert bool(describe_contention(sample)) == sample.is_disturbed
    assert sample.is_disturbed or not sample.is_contended
