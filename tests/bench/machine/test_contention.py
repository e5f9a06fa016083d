"""Contention: counters from made-up files, laws of their differences, and what is not available."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.machine.contention import TICK_S, Counters, contention_between, read_counters
from bench.results import contention as verdicts
from bench.results.contention import WAIT_SHARE, CallContention, Contention

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
SECONDS = st.floats(0, 1e6)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine of two processors, made up; each figure is another."""
    for thread, wait_ns in {11: 1_000_000, 12: 2_500_000_000}.items():
        (tmp_path / f"self/task/{thread}").mkdir(parents=True)
        (tmp_path / f"self/task/{thread}/schedstat").write_text(f"77 {wait_ns} 5\n")
    (tmp_path / "stat").write_text(
        "cpu  100 20 3000 40000 50000 60 700 8 900 1000\n"
        "cpu0 1 1 1 1 1 1 1 1 1 1\n"
        "cpu1 1 1 1 1 1 1 1 1 1 1\n"
        "intr 12345 0 0\nctxt 1\n"
    )
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text(
        "some avg10=0.66 avg60=0.95 avg300=0.27 total=5262409\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
    )
    (tmp_path / "loadavg").write_text("0.10 0.20 0.30 4/97 5744\n")
    return tmp_path


def test_counters_are_read_in_seconds(proc: Path) -> None:
    counters = read_counters(proc)
    assert counters.thread_waits_s == {11: 0.001, 12: 2.5}
    # guest time is part of user time already; idle and waiting for input is not work
    assert counters.busy_s == pytest.approx((100 + 20 + 3000 + 60 + 700) * TICK_S)
    assert counters.steal_s == pytest.approx(8 * TICK_S)
    assert counters.pressure_s == pytest.approx(5.262409)
    assert (counters.n_running, counters.n_cpus) == (4, 2)


@pytest.mark.parametrize("content", [None, "", "nonsense\n", "cpu x\n"])
def test_what_is_not_there_is_none(proc: Path, content: str | None) -> None:
    for file in [path for path in proc.rglob("*") if path.is_file()]:
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
    counters = read_counters(proc)
    assert counters.thread_waits_s is None
    assert counters.busy_s is counters.steal_s is counters.n_cpus is None
    assert counters.pressure_s is counters.n_running is None
    between = contention_between(counters, counters, 1.0, 1)
    assert between.wait_s is between.others_cpu_s is between.steal_s is between.pressure_s is None
    assert between.n_others_running is None
    assert between.is_contended is None


def test_a_thread_that_ends_while_it_is_read_is_left_out(proc: Path) -> None:
    (proc / "self/task/11/schedstat").unlink()
    assert read_counters(proc).thread_waits_s == {12: 2.5}


def test_the_wait_is_summed_by_thread_over_those_that_began_and_ended(proc: Path) -> None:
    before = replace(read_counters(proc), thread_waits_s={1: 5.0, 2: 7.0})
    after = replace(before, thread_waits_s={1: 5.25, 3: 0.5})
    assert contention_between(before, after, 1.0, 2).wait_s == pytest.approx(0.75)


def test_a_wait_that_began_before_the_call_counts_only_within_it(proc: Path) -> None:
    before = replace(read_counters(proc), thread_waits_s={1: 0.0, 2: 0.0})
    after = replace(before, thread_waits_s={1: 3.0, 2: 0.25})
    assert contention_between(before, after, 0.5, 2).wait_s == pytest.approx(0.75)


def test_the_own_work_is_not_that_of_others(proc: Path) -> None:
    before = replace(read_counters(proc), own_cpu_s=1.0, busy_s=10.0)
    after = replace(before, own_cpu_s=2.5, busy_s=12.0)
    assert contention_between(before, after, 1.0, 2).others_cpu_s == pytest.approx(0.5)


def test_switches_are_those_of_the_call(proc: Path) -> None:
    before = replace(read_counters(proc), involuntary_switches=40)
    after = replace(before, involuntary_switches=43)
    assert contention_between(before, after, 1.0, 2).involuntary_switches == 3


def test_running_threads_beyond_the_own_are_others(proc: Path) -> None:
    before = replace(read_counters(proc), n_running=2)
    after = replace(before, n_running=5)
    assert contention_between(before, after, 1.0, 2).n_others_running == 3
    assert contention_between(before, before, 1.0, 2).n_others_running == 0


COUNTERS = st.builds(
    Counters,
    thread_waits_s=st.none() | st.dictionaries(st.integers(1, 5), SECONDS),
    involuntary_switches=st.integers(0, 10**6),
    own_cpu_s=SECONDS,
    busy_s=st.none() | SECONDS,
    steal_s=st.none() | SECONDS,
    pressure_s=st.none() | SECONDS,
    n_running=st.none() | st.integers(0, 100),
    n_cpus=st.none() | st.integers(1, 64),
)


@settings(max_examples=50)
@given(before=COUNTERS, after=COUNTERS, wall_s=st.floats(1e-6, 1e3), threads=st.integers(1, 64))
def test_no_difference_is_negative_and_none_is_invented(
    before: Counters, after: Counters, wall_s: float, threads: int
) -> None:
    between = contention_between(before, after, wall_s, threads)
    pairs = {
        "wait_s": "thread_waits_s",
        "others_cpu_s": "busy_s",
        "steal_s": "steal_s",
        "pressure_s": "pressure_s",
    }
    for difference, counter in pairs.items():
        value = getattr(between, difference)
        is_missing = getattr(before, counter) is None or getattr(after, counter) is None
        assert (value is None) == is_missing
        assert value is None or value >= 0


@settings(max_examples=50)
@given(counters=COUNTERS, wall_s=st.floats(1e-6, 1e3), threads=st.integers(1, 64))
def test_where_nothing_grew_nothing_is_contended(
    counters: Counters, wall_s: float, threads: int
) -> None:
    assert not contention_between(counters, counters, wall_s, threads).is_contended


@settings(max_examples=50)
@given(
    wall_s=st.floats(1e-3, 10),
    shares=st.tuples(*[st.floats(0, 2)] * 3),
    factor=st.floats(1, 1000),
)
def test_a_longer_sample_with_the_same_shares_stays_contended(
    wall_s: float, shares: tuple[float, float, float], factor: float
) -> None:
    """Ticks hide less of a longer sample, and never more."""
    wait, others, steal = shares

    def sample(wall_s: float) -> Contention:
        return replace(
            QUIET,
            wall_s=wall_s,
            wait_s=wait * wall_s,
            others_cpu_s=others * wall_s,
            steal_s=steal * wall_s,
        )

    if sample(wall_s).is_contended:
        assert sample(factor * wall_s * (1 + 1e-9)).is_contended


@settings(max_examples=50)
@given(wall_s=st.floats(1e-6, 1e3), share=st.floats(0, 1).filter(lambda x: abs(x - 0.05) > 1e-6))
def test_the_verdict_on_the_own_wait_is_one_of_shares(wall_s: float, share: float) -> None:
    assert replace(QUIET, wall_s=wall_s, wait_s=share * wall_s).is_contended == (share > WAIT_SHARE)


@pytest.mark.parametrize(("wall_s", "n_threads"), [(0.001, 1), (0.01, 1), (0.01, 2), (0.1, 4)])
def test_ticks_alone_accuse_nobody(wall_s: float, n_threads: int) -> None:
    """A sample in which every own thread is charged a whole tick too many, and steal likewise."""
    sample = replace(
        QUIET,
        wall_s=wall_s,
        threads=n_threads,
        n_cpus=4,
        others_cpu_s=n_threads * TICK_S,
        steal_s=TICK_S,
    )
    assert not sample.is_contended


def test_threads_beyond_the_processors_add_no_uncertainty() -> None:
    assert replace(QUIET, threads=64).others_uncertainty_s == QUIET.others_uncertainty_s


@settings(max_examples=50)
@given(
    counters=st.lists(COUNTERS, min_size=2, max_size=6),
    wall_s=st.floats(1e-6, 1e3),
    threads=st.integers(1, 64),
)
def test_columns_give_every_call_back(
    counters: list[Counters], wall_s: float, threads: int
) -> None:
    """Of one process: the number of processors does not change."""
    counters = [replace(counter, n_cpus=2) for counter in counters]
    walls_s = [wall_s * (1 + index) for index in range(len(counters) - 1)]
    calls = [
        contention_between(before, after, wall_s, threads)
        for (before, after), wall_s in zip(pairwise(counters), walls_s, strict=True)
    ]
    columns = CallContention.of(calls)
    assert columns is not None
    assert columns.calls(walls_s) == calls
    assert CallContention.of([]) is None


def test_the_verdict_knows_the_kernels_tick() -> None:
    """Records may be judged on another machine than the one that counted."""
    assert verdicts.TICK_S == TICK_S


def test_this_machine_counts_upwards() -> None:
    before = read_counters()
    after = read_counters()
    between = contention_between(before, after, 1.0, 1)
    if before.busy_s is not None and after.busy_s is not None:
        assert 0 < before.busy_s <= after.busy_s
    assert after.own_cpu_s >= before.own_cpu_s > 0
    assert between.wait_s is None or between.wait_s >= 0
