"""Laws of the rounds of times, on made-up records."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.plan import Effort, Settings
from bench.registry import NULL, REGISTRY, TABLE1, Entry
from bench.results.measurements import LatencyTimes, MemoryPeaks
from bench.results.record import Job, Record, Status
from bench.results.statistics import MIN_PROCESSES
from bench.results.summary import BASE
from bench.results.turns import estimate_ratio
from bench.results.workload import PHASES, Phase
from bench.rounds import (
    GRACE,
    MEMORY_SHARE,
    UNKNOWN_BYTES,
    expected_precision,
    plan_next,
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

Answer = Callable[[Job], Record]
SUDORMRF = REGISTRY[BASE]
NETWORKS = (TABLE1[0], SUDORMRF, TABLE1[2])
LONG = Effort(3, 1e9, 0.0, budget_s=0.5, deadline_s=60.0)
subsets = st.lists(st.sampled_from(TABLE1), min_size=1, max_size=5, unique=True)


def answer(job: Job) -> Record:
    """Calls that scatter by five percent, another way in each process."""
    noise = Random(f"{job.model} {job.workload.phase} {job.round}")
    times_s = tuple(math.exp(noise.gauss(0, 0.05)) for _ in range(3))
    return make_record(job, LatencyTimes(times_s, turns=(0, 1, 2)))


def steady(job: Job) -> Record:
    """Equal in all rounds."""
    return make_record(job, LatencyTimes((1.0, 1.0), turns=(0, 1)))


def lasting(elapsed_s: float) -> Answer:
    return lambda job: replace(answer(job), elapsed_s=elapsed_s)


def failing(models: Iterable[str], status: Status, phases: Sequence[Phase] = PHASES) -> Answer:
    def measure(job: Job) -> Record:
        is_failing = job.model in models and job.workload.phase in phases
        return fail(answer(job), status, "So it is.") if is_failing else answer(job)

    return measure


def run_rounds(
    entries: Sequence[Entry],
    effort: Effort = LONG,
    measure: Answer = answer,
    known: Iterable[Record] = (),
) -> list[Record]:
    """All rounds of a run, each job answered at once."""
    records = list(known)
    while jobs := plan_round(entries, replace(SETTINGS, effort=effort), records):
        records += map(measure, jobs)
        assert len(records) < 400, "it does not end"
    return records


def rounds_of(records: Iterable[Record], phase: Phase) -> list[list[str]]:
    """The networks of each round of a phase, in their order; those of the harness left out."""
    return [
        [record.job.model for record in group if record.job.model != NULL.name]
        for _, group in groupby(timed(records, phase), key=lambda record: record.job.round)
    ]


def numbers_of(records: Iterable[Record], phase: Phase) -> Counter[str]:
    return Counter(name for names in rounds_of(records, phase) for name in names)


def base_of(entries: Sequence[Entry]) -> str:
    return BASE if SUDORMRF in entries else entries[0].name


@given(entries=subsets)
def test_every_network_has_three_rounds_in_both_phases(entries: list[Entry]) -> None:
    records = run_rounds(entries)
    for phase in PHASES:
        assert numbers_of(records, phase) == {entry.name: MIN_PROCESSES for entry in entries}
    assert len({record.job.cell for record in records}) == len(records)
    assert {record.job.workload.keeps_pages for record in records} == {True}


@given(entries=subsets)
def test_the_base_is_the_first_of_every_round(entries: list[Entry]) -> None:
    """Also in rounds that the others alone need."""
    effort = replace(LONG, max_rounds=5)
    records = run_rounds(entries, effort)
    for phase in PHASES:
        assert {names[0] for names in rounds_of(records, phase)} == {base_of(entries)}


@given(entries=subsets)
def test_planning_is_pure(entries: list[Entry]) -> None:
    before = list(entries)
    assert run_rounds(entries) == run_rounds(entries)
    assert entries == before


def test_the_phase_with_fewer_rounds_comes_next() -> None:
    records = run_rounds(NETWORKS, replace(LONG, max_rounds=5))
    rounds = [key for key, _ in groupby((r.job.workload.phase, r.job.round) for r in records)]
    assert rounds == [(phase, index) for index in range(5) for phase in PHASES]
    two_ahead = [r for r in records if r.job.workload.phase == "inference" and r.job.round < 2]
    (first, *_) = plan_round(NETWORKS, replace(SETTINGS, effort=LONG), two_ahead)
    assert (first.workload.phase, first.round) == ("update", 0)


def test_what_is_exact_comes_before_any_round() -> None:
    settings = replace(SETTINGS, effort=LONG)
    records: list[Record] = []
    while jobs := plan_next(NETWORKS, settings, records):
        records += map(make_record, jobs)
    takes_time = [record.job.spec.takes_time for record in records]
    assert takes_time == sorted(takes_time)
    assert set(takes_time) == {False, True}


def test_a_network_that_broke_its_contract_has_no_round() -> None:
    broken, *others = NETWORKS
    records: list[Record] = []
    while jobs := plan_next(NETWORKS, replace(SETTINGS, effort=LONG), records):
        for job in jobs:
            is_broken = (job.model, job.probe) == (broken.name, "contract")
            made = make_record(job)
            records.append(fail(made, Status.ERROR, "No.") if is_broken else made)
    for phase in PHASES:
        assert set(numbers_of(records, phase)) == {entry.name for entry in others}


def test_the_harness_itself_is_in_each_round_of_inference_without_a_budget() -> None:
    records = run_rounds(NETWORKS, replace(LONG, max_rounds=4))
    own = [record.job for record in records if record.job.model == NULL.name]
    assert [(job.workload.phase, job.round) for job in own] == [("inference", k) for k in range(4)]
    assert {job.budget_s for job in own} == {0.0}
    assert {r.job.budget_s for r in records if r.job.model != NULL.name} == {LONG.budget_s}


def scattered(job: Job) -> Record:
    """The first network moves by a fifth from round to round, the others do not."""
    time_s = 1.2**job.round if job.model == NETWORKS[0].name else 1.0
    return make_record(job, LatencyTimes((time_s, time_s), turns=(0, 1)))


def test_a_network_leaves_when_its_ratio_is_known_and_others_stay_to_the_last_round() -> None:
    effort = replace(LONG, max_rounds=7, precise_within=0.05)
    numbers = numbers_of(run_rounds(NETWORKS, effort, scattered), "inference")
    assert numbers == {NETWORKS[0].name: 7, BASE: 7, NETWORKS[2].name: MIN_PROCESSES}


@pytest.mark.parametrize("factor", [0.999, 1.0, 1.001])
def test_it_leaves_at_exactly_the_width_that_is_asked_for(factor: float) -> None:
    """That which its three rounds have."""
    name = NETWORKS[0].name
    records = run_rounds(NETWORKS[:2])
    found = estimate_ratio(
        timed(records, "inference", name), timed(records, "inference", SUDORMRF.name)
    )
    assert found is not None
    effort = replace(LONG, max_rounds=4, precise_within=factor * found.half_width)
    numbers = numbers_of(run_rounds(NETWORKS[:2], effort, known=records), "inference")
    assert numbers[name] == (4 if factor < 1 else 3)


def test_equal_rounds_are_enough_after_three() -> None:
    effort = replace(LONG, max_rounds=9)
    assert set(numbers_of(run_rounds(NETWORKS, effort, steady), "update").values()) == {3}


def test_of_a_network_alone_the_time_itself_decides() -> None:
    effort = replace(LONG, max_rounds=6, precise_within=0.001)
    (name, number) = numbers_of(run_rounds(NETWORKS[:1], effort), "inference").popitem()
    assert (name, number) == (NETWORKS[0].name, 6)
    effort = replace(effort, precise_within=0.5)
    assert numbers_of(run_rounds(NETWORKS[:1], effort), "inference") == {name: MIN_PROCESSES}


def total_s(records: Iterable[Record]) -> float:
    return sum(record.elapsed_s for record in records)


@given(elapsed_s=st.floats(0.1, 100))
def test_no_round_is_begun_that_would_end_beyond_the_time(elapsed_s: float) -> None:
    """The harness's own process comes on top of what is planned; 1.3 for the first three."""
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


@pytest.mark.parametrize(("time_s", "n_rounds"), [(17.0, (3, 3)), (1.0, (1, 0))])
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


def test_what_was_interrupted_is_tried_again() -> None:
    first = plan_round(NETWORKS, replace(SETTINGS, effort=LONG), [])
    known = [fail(answer(job), Status.INTERRUPTED, "Ctrl-C.") for job in first]
    records = run_rounds(NETWORKS, known=known)
    done = [record for record in records if record.status == Status.OK]
    assert set(numbers_of(done, "inference").values()) == {MIN_PROCESSES}
    assert len({record.job.cell for record in records}) == len(records)


@given(n_known=st.integers(0, 21))
def test_a_run_that_was_cut_off_goes_on(n_known: int) -> None:
    """Wherever it was cut off: no cell twice, and three rounds of each at the base's side."""
    known = run_rounds(NETWORKS)[:n_known]
    records = run_rounds(NETWORKS, known=known)
    assert records[:n_known] == known
    assert len({record.job.cell for record in records}) == len(records)
    for phase in PHASES:
        rounds = rounds_of(records, phase)
        for entry in NETWORKS:
            assert sum({entry.name, BASE} <= set(names) for names in rounds) >= MIN_PROCESSES


def test_a_whole_run_needs_nothing() -> None:
    records = run_rounds(NETWORKS)
    assert run_rounds(NETWORKS, known=records) == records


OTHERS = (
    replace(SETTINGS, n_samples=4000),
    replace(SETTINGS, threads=1),
    replace(SETTINGS, dtype="float64"),
    SETTINGS.on("cuda"),
)


@pytest.mark.parametrize("other", OTHERS)
def test_times_of_another_workload_are_no_rounds_of_this_one(other: Settings) -> None:
    known = run_rounds(NETWORKS)
    jobs = plan_round(NETWORKS, replace(other, effort=LONG), known)
    phase = "update" if other.update_device == "cuda" else "inference"
    assert {(job.workload.phase, job.round) for job in jobs} == {(phase, 0)}


def test_times_of_processes_that_gave_pages_back_are_no_rounds() -> None:
    known = [
        replace(r, job=replace(r.job, workload=SETTINGS.workload(r.job.workload.phase)))
        for r in run_rounds(NETWORKS)
    ]
    assert {job.round for job in plan_round(NETWORKS, SETTINGS, known)} == {0}


def turned(model: str, times_s: Sequence[float]) -> Record:
    turns = tuple(range(len(times_s)))
    return make_record(make_job(model), LatencyTimes(tuple(times_s), turns=turns))


def test_the_expected_precision_is_students_of_three_rounds_of_medians() -> None:
    """The deviation of a median of n normal values is sqrt(pi / 2) that of their mean."""
    rng = np.random.default_rng(3)
    base_s = rng.normal(1.0, 0.05, 20)
    records, expected = [turned(BASE, list(base_s)), turned(NULL.name, [1e-6] * 20)], []
    for model, n_turns in (("a", 5), ("b", 20), ("c", 12)):
        times_s = rng.normal(0.5, 0.05, n_turns)
        records.append(turned(model, list(times_s)))
        ratios = times_s / base_s[:n_turns]
        of_median = math.sqrt(math.pi / 2) * stats.variation(ratios, ddof=1) / math.sqrt(n_turns)
        expected.append(float(stats.t(2).ppf(0.975) * of_median / math.sqrt(MIN_PROCESSES)))
    assert expected_precision(records, BASE) == pytest.approx(median(expected), rel=0.01)


def test_before_two_turns_of_two_networks_nothing_is_expected() -> None:
    assert expected_precision([], BASE) is None
    assert expected_precision([turned(BASE, [1.0, 1.0])], BASE) is None
    assert expected_precision([turned(BASE, [1.0, 1.0]), turned("a", [1.0])], BASE) is None
    assert expected_precision([turned("a", [1.0, 1.0]), turned("b", [1.0, 1.0])], BASE) is None
    assert expected_precision([turned(BASE, [1.0, 1.0]), turned("a", [1.0, 1.0])], BASE) == 0
