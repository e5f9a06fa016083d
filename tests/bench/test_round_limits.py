"""What keeps a network from a round of times: time, memory, and a failure."""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.plan import plan_job
from bench.registry import NULL, Entry
from bench.results.environment import GpuDevice
from bench.results.measurements import LatencyTimes, MemoryPeaks
from bench.results.record import Job, Record, Status
from bench.results.statistics import MIN_PROCESSES
from bench.results.summary import BASE
from bench.results.workload import PHASES
from bench.rounds import (
    GRACE,
    MEMORY_SHARE,
    UNKNOWN_BYTES,
    charged_s,
    plan_round,
    timed,
)
from tests.bench.example_records import (
    GPU,
    SETTINGS,
    STATE,
    environment,
    fail,
    make_job,
    make_record,
)
from tests.bench.made_up_rounds import (
    LONG,
    NETWORKS,
    answer,
    failing,
    lasting,
    numbers_of,
    rounds_of,
    run_rounds,
)

whole_runs = settings(max_examples=30)


def total_s(records: Iterable[Record]) -> float:
    return sum(record.elapsed_s for record in records)


@whole_runs
@given(elapsed_s=st.floats(0.1, 100))
def test_no_round_is_begun_that_would_end_beyond_the_time(elapsed_s: float) -> None:
    """The harness's own process comes on top; the first three have ``GRACE`` times the time."""
    effort = replace(LONG, max_rounds=50, time_s=200.0)
    records = run_rounds(NETWORKS, effort, lasting(elapsed_s))
    rounds = [list(group) for _, group in groupby(records, key=lambda r: r.job.workload.phase)]
    for index, group in enumerate(rounds[2:], start=2):  # before the first nothing is known
        own = [record for record in group if record.job.model != NULL.name]
        before_s = total_s(record for earlier in rounds[:index] for record in earlier)
        limit = GRACE if own[0].job.round < MIN_PROCESSES else 1.0
        assert before_s + total_s(own) <= limit * effort.time_s * (1 + 1e-9)


def test_time_that_is_left_is_spent() -> None:
    """Rounds of 3 s and, of inference, 1 s of the harness: 7 s for one of both."""
    effort = replace(LONG, max_rounds=50, time_s=70.0)
    records = run_rounds(NETWORKS, effort, lasting(1.0))
    assert total_s(records) == 70.0


@pytest.mark.parametrize(("time_s", "n_rounds"), [(18.0, (3, 3)), (1.0, (1, 1))])
def test_first_rounds_have_grace_and_no_more(time_s: float, n_rounds: tuple[int, int]) -> None:
    """Rounds of all networks in both phases, which take 4 s and 3 s in turns: 21 s for three."""
    records = run_rounds(NETWORKS, replace(LONG, time_s=time_s), lasting(1.0))
    found = [sum(len(names) == 3 for names in rounds_of(records, phase)) for phase in PHASES]
    assert tuple(found) == n_rounds


def test_where_not_all_fit_the_cheap_have_their_three_rounds_and_the_dear_one_has_one() -> None:
    dear = NETWORKS[-1].name

    def measure(job: Job) -> Record:
        return replace(answer(job), elapsed_s=20.0 if job.model == dear else 1.0)

    effort = replace(LONG, max_rounds=3, time_s=60.0)
    records = run_rounds(NETWORKS, effort, measure)
    for phase in PHASES:
        numbers = numbers_of(records, phase)
        assert numbers.pop(dear) == 1
        assert set(numbers.values()) == {MIN_PROCESSES}


def test_a_network_that_can_not_have_three_has_one_beside_the_third_of_the_others() -> None:
    """How long its memory took says so before the first round; 15 s for all others, with grace."""
    dear = NETWORKS[-1].name
    seconds = {entry.name: 40.0 if entry.name == dear else 1.0 for entry in NETWORKS}
    memory = [
        replace(make_record(plan_job(entry, phase, "memory", SETTINGS)), elapsed_s=s)
        for entry, s in zip(NETWORKS, seconds.values(), strict=True)
        for phase in PHASES
    ]

    def measure(job: Job) -> Record:
        return replace(answer(job), elapsed_s=seconds.get(job.model, 1.0))

    for time_s, expected in ((60.0, [2]), (1.0, [0]), (300.0, [0, 1, 2])):
        effort = replace(LONG, max_rounds=3, time_s=time_s)
        records = run_rounds(NETWORKS, effort, measure, known=memory)
        for phase in PHASES:
            assert [record.job.round for record in timed(records, phase, dear)] == expected


@pytest.mark.parametrize("time_s", [100.0, 200.0])
def test_what_a_gpu_needs_to_start_takes_no_round_from_the_cpu(time_s: float) -> None:
    """Each process takes no or 30 s to start CUDA, or to ask the driver, beside its calls."""
    effort = replace(LONG, max_rounds=50, time_s=time_s)
    found, with_gpu = [], environment(machine={"gpu": GPU})
    for start_s in (0.0, 30.0):

        def measure(job: Job, start_s: float = start_s) -> Record:
            times = answer(job).result
            if job.workload.device == "cuda":
                times = LatencyTimes((0.1,), host_times_s=(0.2,), turns=(0,), waited_s=0.3)
            return replace(make_record(job, times, with_gpu), elapsed_s=5.0 + start_s)

        records: list[Record] = []
        settings = replace(SETTINGS, effort=effort).on("cuda")
        while jobs := plan_round(NETWORKS, settings, records):
            records += map(measure, jobs)
        found.append([rounds_of(records, phase) for phase in PHASES])
    assert found[0] == found[1]
    assert len(found[0][0]) > MIN_PROCESSES


@pytest.mark.parametrize(
    ("device", "gpu", "expected_s"),
    [("cpu", None, 60.0), ("cpu", GPU, 4.0 + 1.5 + 0.5), ("cuda", GPU, 1.5 + 0.5)],
)
def test_what_is_charged_by_hand(device: str, gpu: GpuDevice | None, expected_s: float) -> None:
    times = LatencyTimes((0.5, 1.0), load_s=4.0, waited_s=0.5, cold_cache_times_s=(7.0,))
    made_on = environment(machine={"gpu": gpu})
    record = replace(make_record(make_job(device=device), times, made_on), elapsed_s=60.0)
    assert charged_s(record) == expected_s


def test_a_process_on_a_gpu_that_failed_is_charged_with_all_that_it_took() -> None:
    """Of a timeout nobody knows what was measured."""
    job = make_job(device="cuda", phase="update")
    record = replace(fail(make_record(job), Status.TIMEOUT, "So it is."), elapsed_s=60.0)
    assert charged_s(record) == 60.0


def memory_of(job: Job, n_bytes: int, free_bytes: int) -> Record:
    peaks = MemoryPeaks(1, 1, 0, 0, 0, peak_rss_bytes=n_bytes)
    state = replace(STATE, memory_available_bytes=free_bytes)
    return replace(make_record(job, peaks), state=state)


def with_peaks(peaks: dict[str, int], free_bytes: int) -> list[Record]:
    return [
        memory_of(
            replace(make_job(name, "memory"), workload=SETTINGS.workload(phase)),
            n_bytes,
            free_bytes,
        )
        for name, n_bytes in peaks.items()
        for phase in PHASES
    ]


@pytest.mark.parametrize("large", NETWORKS)
def test_a_network_too_large_beside_others_has_rounds_of_its_own(large: Entry) -> None:
    """It meets the base only; where it is the base, the others meet it one at a time."""
    peaks = {entry.name: 9 if entry == large else 1 for entry in NETWORKS}
    known = with_peaks({name: size * 10**8 for name, size in peaks.items()}, 10**9)
    records = run_rounds(NETWORKS, known=known)
    for phase in PHASES:
        numbers, rounds = numbers_of(records, phase), rounds_of(records, phase)
        assert set(numbers) == set(peaks)
        assert min(numbers.values()) == MIN_PROCESSES
        assert all(numbers[name] == MIN_PROCESSES for name in peaks if name != BASE)
        assert {names[0] for names in rounds} == {BASE}
        assert all(len(names) <= 2 for names in rounds if large.name in names)


@given(
    sizes=st.lists(st.integers(1, 2 * 10**9), min_size=3, max_size=3),
    free_bytes=st.integers(1, 4 * 10**9),
)
def test_all_have_their_three_whatever_the_memory(sizes: list[int], free_bytes: int) -> None:
    """And a round of more than the base and one other fits into the share that is used."""
    peaks = dict(zip((entry.name for entry in NETWORKS), sizes, strict=True))
    records = run_rounds(NETWORKS, known=with_peaks(peaks, free_bytes))
    for phase in PHASES:
        assert min(numbers_of(records, phase)[name] for name in peaks) >= MIN_PROCESSES
        for names in rounds_of(records, phase):
            needed = sum(peaks[name] for name in names)
            assert len(names) <= 2 or needed <= MEMORY_SHARE * free_bytes


def test_a_peak_that_was_not_measured_is_guessed() -> None:
    fitting = math.ceil(3 * UNKNOWN_BYTES / MEMORY_SHARE)
    for free_bytes, n_together in ((fitting, 3), (fitting - 2, 2)):
        (known,) = with_peaks({"another": 1}, free_bytes)[:1]
        records = run_rounds(NETWORKS, known=[known])
        assert max(map(len, rounds_of(records, "inference"))) == n_together


def test_training_steps_on_a_gpu_share_its_memory() -> None:
    """Of 24 GB; the peak is of the whole first step, and inference has the machine's memory."""
    settings = replace(SETTINGS, effort=LONG).on("cuda")
    made_on = environment(machine={"gpu": GPU})
    known = [
        replace(
            make_record(
                replace(make_job(e.name, "memory"), workload=settings.workload("update")),
                MemoryPeaks(1, 1, 0, 0, 0, peak_rss_bytes=1, cold_process_bytes=9 * 10**9),
                made_on,
            ),
            state=replace(STATE, memory_available_bytes=10**12),
        )
        for e in NETWORKS
    ]
    records = list(known)
    while jobs := plan_round(NETWORKS, settings, records):
        records += map(answer, jobs)
    assert set(map(len, rounds_of(records, "update"))) == {2}
    assert set(map(len, rounds_of(records, "inference"))) == {3}
    assert set(map(len, rounds_of(records, "gpu_inference"))) == {3}  # its peak is guessed, 0.5 GB


@pytest.mark.parametrize("broken", NETWORKS)
@pytest.mark.parametrize("status", [Status.OOM, Status.TIMEOUT, Status.ERROR])
def test_what_failed_is_not_tried_again_and_leaves_the_others_alone(
    broken: Entry, status: Status
) -> None:
    records = run_rounds(NETWORKS, measure=failing([broken.name], status, ["update"]))
    expected = {entry.name: MIN_PROCESSES for entry in NETWORKS}
    assert numbers_of(records, "inference") == expected
    assert numbers_of(records, "update") == expected | {broken.name: 1}


def test_where_the_base_fails_another_takes_its_place() -> None:
    records = run_rounds(NETWORKS, measure=failing([BASE], Status.KILLED))
    first, *later = rounds_of(records, "inference")
    assert first[0] == BASE
    assert {names[0] for names in later} == {NETWORKS[0].name}


def test_where_all_fail_it_ends() -> None:
    broken = failing([entry.name for entry in NETWORKS], Status.OOM)
    assert len(run_rounds(NETWORKS, measure=broken)) == 2 * len(NETWORKS) + 1


def test_a_failure_of_the_harness_ends_nothing() -> None:
    records = run_rounds(NETWORKS, measure=failing([NULL.name], Status.TIMEOUT))
    assert set(numbers_of(records, "inference").values()) == {MIN_PROCESSES}
