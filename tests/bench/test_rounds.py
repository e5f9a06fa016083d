"""Laws of the rounds of times, on made-up records."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.plan import Settings
from bench.registry import NULL, Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.statistics import MIN_PROCESSES
from bench.results.summary import BASE
from bench.results.turns import estimate_ratio
from bench.results.workload import GPU_PHASES, PHASES
from bench.rounds import (
    expected_precision,
    plan_next,
    plan_round,
    timed,
)
from tests.bench.example_records import (
    SETTINGS,
    fail,
    make_job,
    make_record,
)
from tests.bench.made_up_rounds import (
    LONG,
    NETWORKS,
    SUDORMRF,
    answer,
    base_of,
    numbers_of,
    rounds_of,
    run_rounds,
    steady,
    subsets,
)

whole_runs = settings(max_examples=30)


@whole_runs
@given(entries=subsets)
def test_every_network_has_three_rounds_in_both_phases(entries: list[Entry]) -> None:
    records = run_rounds(entries)
    for phase in PHASES:
        assert numbers_of(records, phase) == {entry.name: MIN_PROCESSES for entry in entries}
    assert len({record.job.cell for record in records}) == len(records)
    assert {record.job.workload.keeps_pages for record in records} == {True}


@whole_runs
@given(entries=subsets)
def test_the_base_is_the_first_of_every_round(entries: list[Entry]) -> None:
    """Also in rounds that the others alone need."""
    effort = replace(LONG, max_rounds=5)
    records = run_rounds(entries, effort)
    for phase in PHASES:
        assert {names[0] for names in rounds_of(records, phase)} == {base_of(entries)}


@whole_runs
@given(entries=subsets)
def test_with_a_gpu_every_network_has_three_rounds_of_inference_there_too(
    entries: list[Entry],
) -> None:
    records = run_rounds(entries, settings=SETTINGS.on("cuda"))
    for phase in GPU_PHASES:
        assert numbers_of(records, phase) == {entry.name: MIN_PROCESSES for entry in entries}
    places = {(r.job.workload.phase, r.job.workload.device) for r in records}
    assert places == {("inference", "cpu"), ("update", "cuda"), ("gpu_inference", "cuda")}


def test_a_round_is_of_one_phase_so_that_one_device_is_at_work() -> None:
    records = run_rounds(NETWORKS, settings=SETTINGS.on("cuda"))
    rounds = [key for key, _ in groupby((r.job.workload.phase, r.job.round) for r in records)]
    assert rounds == [(phase, index) for index in range(3) for phase in GPU_PHASES]


def test_on_a_gpu_the_harness_itself_is_timed_beside_the_contexts_of_all_networks() -> None:
    """It has nothing to train, and so no part in rounds of training steps."""
    records = run_rounds(NETWORKS, settings=SETTINGS.on("cuda"))
    own = [record.job for record in records if record.job.model == NULL.name]
    expected = [(phase, k) for k in range(3) for phase in ("inference", "gpu_inference")]
    assert [(job.workload.phase, job.round) for job in own] == expected
    assert {job.budget_s for job in own} == {0.0}
    with_own = [r for r in records if (r.job.workload.phase, r.job.round) == ("gpu_inference", 0)]
    assert [r.job.model for r in with_own] == [
        BASE,
        *(e.name for e in NETWORKS if e.name != BASE),
        NULL.name,
    ]


@whole_runs
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


def test_what_was_interrupted_is_tried_again() -> None:
    first = plan_round(NETWORKS, replace(SETTINGS, effort=LONG), [])
    known = [fail(answer(job), Status.INTERRUPTED, "Ctrl-C.") for job in first]
    records = run_rounds(NETWORKS, known=known)
    done = [record for record in records if record.status == Status.OK]
    assert set(numbers_of(done, "inference").values()) == {MIN_PROCESSES}
    assert len({record.job.cell for record in records}) == len(records)


@whole_runs
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


@pytest.mark.parametrize("roofline", [True, False])
def test_ceilings_are_measured_after_the_round_of_the_networks_that_they_are_of(
    roofline: bool,
) -> None:
    settings = replace(SETTINGS, roofline=roofline)
    jobs = plan_round(NETWORKS, settings, [])
    timed_ones = [job.model for job in jobs if job.probe == "latency" and job.model != NULL.name]
    ceilings = [job for job in jobs if job.probe == "ceilings"]
    assert [job.model for job in ceilings] == (timed_ones if roofline else [])
    assert {job.workload.phase for job in ceilings} <= {"inference"}
    assert [job.probe for job in jobs] == sorted((job.probe for job in jobs), reverse=True)
