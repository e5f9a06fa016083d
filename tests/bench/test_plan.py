"""The order of the jobs: what is exact first, then latency in rounds until it is precise."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.plan import DTYPES, EFFORTS, Effort, Settings, plan_next
from bench.registry import NULL, REGISTRY, TABLE1, Entry
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.workload import PHASES
from tests.bench.example_records import SETTINGS, fail, make_record

plans = given(
    entries=st.lists(st.sampled_from(list(REGISTRY.values())), min_size=1, unique=True),
    n_rounds=st.integers(1, 6),
)
Answer = Callable[[Job], Record]


def answer(job: Job) -> Record:
    return make_record(job, LatencyTimes((1.0 + 0.1 * job.round,)))


def run(entries: list[Entry], effort: Effort, measure: Answer = answer) -> list[Record]:
    """A whole run, its jobs answered at once."""
    records: list[Record] = []
    while jobs := plan_next(entries, replace(SETTINGS, effort=effort), records):
        records += map(measure, jobs)
    return records


def exactly(n_rounds: int) -> Effort:
    return Effort(n_rounds, n_rounds, 1e9, 0.0, budget_s=0.5, deadline_s=60.0)


def plan(entries: list[Entry], n_rounds: int) -> list[Job]:
    """The jobs of networks; those of the harness's own cost are in the tests of it."""
    jobs = [record.job for record in run(entries, exactly(n_rounds))]
    return [job for job in jobs if job.model != NULL.name]


@plans
def test_every_cell_once_and_latency_once_a_round(entries: list[Entry], n_rounds: int) -> None:
    cells = Counter((j.model, j.probe, j.workload.phase, j.round) for j in plan(entries, n_rounds))
    once = ("contract", "parameters")
    expected = {(e.name, probe, "inference", 0) for e in entries for probe in once}
    for entry in entries:
        for phase in PHASES:
            expected |= {(entry.name, probe, phase, 0) for probe in ("operations", "memory")}
            expected |= {(entry.name, "latency", phase, index) for index in range(n_rounds)}
    assert set(cells) == expected
    assert set(cells.values()) == {1}
    assert sum(cells.values()) == len(entries) * (6 + 2 * n_rounds)


@plans
def test_the_contract_of_every_network_comes_before_anything_else(
    entries: list[Entry], n_rounds: int
) -> None:
    first = [(job.model, job.probe) for job in plan(entries, n_rounds)[: len(entries)]]
    assert first == [(entry.name, "contract") for entry in entries]


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_network_that_breaks_its_contract_by_itself_is_measured_no_further(
    status: Status,
) -> None:
    """What may be the machine's doing, such as a full memory, is tried elsewhere all the same."""
    broken, sound = TABLE1[:2]

    def measure(job: Job) -> Record:
        is_broken = (job.model, job.probe) == (broken.name, "contract")
        return fail(answer(job), status, "So it is.") if is_broken else answer(job)

    numbers = Counter(record.job.model for record in run([broken, sound], exactly(2), measure))
    own = {Status.ERROR, Status.BAD_SHAPE, Status.NON_FINITE, Status.MISSING_DEPENDENCY}
    assert numbers[broken.name] == (1 if status in own else numbers[sound.name])
    assert numbers[sound.name] == 6 + 2 * 2


@plans
def test_what_is_exact_comes_first(entries: list[Entry], n_rounds: int) -> None:
    is_latency = [job.probe == "latency" for job in plan(entries, n_rounds)]
    assert is_latency == sorted(is_latency)


@plans
def test_rounds_are_interleaved(entries: list[Entry], n_rounds: int) -> None:
    """Round r visits every network once, in the order of round 0, before round r + 1 begins."""
    latency = [job for job in plan(entries, n_rounds) if job.probe == "latency"]
    visits = {
        index: [name for name, _ in groupby(job.model for job in jobs)]
        for index, jobs in groupby(latency, key=lambda job: job.round)
    }
    assert list(visits) == list(range(n_rounds))
    assert all(visit == [entry.name for entry in entries] for visit in visits.values())


@plans
def test_planning_is_pure(entries: list[Entry], n_rounds: int) -> None:
    before = list(entries)
    assert plan(entries, n_rounds) == plan(entries, n_rounds)
    assert entries == before


@plans
def test_jobs_carry_the_settings_and_the_factory(entries: list[Entry], n_rounds: int) -> None:
    factories = {entry.name: entry.factory for entry in entries}
    for job in plan(entries, n_rounds):
        assert job.factory == factories[job.model]
        assert job.workload == SETTINGS.workload(job.workload.phase)
        assert (job.budget_s, job.deadline_s) == (0.5, 60.0)


@plans
def test_a_run_that_was_cut_off_goes_on_where_it_was(entries: list[Entry], n_rounds: int) -> None:
    whole = [record.job.cell for record in run(entries, exactly(n_rounds))]
    half = run(entries, exactly(n_rounds))[: len(whole) // 2]
    settings = replace(SETTINGS, effort=exactly(n_rounds))
    records = list(half)
    while jobs := plan_next(entries, settings, records):
        records += map(answer, jobs)
    cells = [record.job.cell for record in records]
    assert len(cells) == len(set(cells))
    assert set(cells) == set(whole)


LATENCY = (TABLE1[0].name, "latency", "inference")


def without_round(index: int, effort: Effort) -> list[Record]:
    """A run whose records lack one round of one latency, as where it failed before a resume."""
    return [
        record
        for record in run(list(TABLE1[:1]), effort)
        if (record.job.model, record.job.probe, record.job.workload.phase) != LATENCY
        or record.job.round != index
    ]


@pytest.mark.parametrize("index", range(4))
def test_a_round_that_failed_before_a_resume_is_measured_again(index: int) -> None:
    """Even where the others would be enough; no other round is."""
    settings = replace(SETTINGS, effort=exactly(4))
    (job,) = plan_next(TABLE1[:1], settings, without_round(index, exactly(4)))
    assert (job.model, job.probe, job.workload.phase, job.round) == (*LATENCY, index)


def test_a_missing_round_is_measured_again_where_the_others_are_enough() -> None:
    settings = replace(SETTINGS, effort=exactly(3))
    (job,) = plan_next(TABLE1[:1], settings, without_round(1, exactly(4)))
    assert job.round == 1


def test_times_at_another_size_are_no_rounds_of_this_one() -> None:
    settings = replace(SETTINGS, n_samples=4000, effort=exactly(2))
    records = run(list(TABLE1[:1]), exactly(2))
    counted = [
        replace(record, job=replace(record.job, workload=settings.workload(phase)))
        for record in records
        if record.job.probe != "latency"
        for phase in [record.job.workload.phase]
    ]
    rounds = {job.round for job in plan_next(TABLE1[:1], settings, [*counted, *records])}
    assert rounds == {0}


def n_processes(effort: Effort, measure: Answer) -> int:
    records = run(list(TABLE1[:1]), effort, measure)
    return sum((r.job.model, r.job.probe, r.job.workload.phase)
               == (TABLE1[0].name, "latency", "inference") for r in records)  # fmt: skip


def test_equal_processes_are_enough_as_soon_as_they_can_give_the_level() -> None:
    """Six values are the fewest whose range covers their median in 95 % of all cases."""
    same = lambda job: make_record(job, LatencyTimes((1.0,)))  # noqa: E731
    assert n_processes(Effort(2, 10, 1e9, 0.01, 0.5, 60.0), same) == 6


@pytest.mark.parametrize(("within", "expected"), [(0.02, 10), (0.2, 6)])
def test_rounds_end_when_the_interval_is_narrow_enough(within: float, expected: int) -> None:
    """Values that differ by a tenth: never within two hundredths, within two tenths at once."""
    spread = lambda job: make_record(job, LatencyTimes((1.0 + 0.1 * (job.round % 2),)))  # noqa: E731
    assert n_processes(Effort(2, 10, 1e9, within, 0.5, 60.0), spread) == expected


@pytest.mark.parametrize(("budget_s", "expected"), [(12.0, 3), (11.0, 2), (1.0, 2), (20.0, 5)])
def test_no_process_begins_that_would_end_beyond_the_budget(budget_s: float, expected: int) -> None:
    """Each takes 4 s; two are the least."""
    slow = lambda job: replace(answer(job), elapsed_s=4.0)  # noqa: E731
    assert n_processes(Effort(2, 10, budget_s, 0.0, 0.5, 60.0), slow) == expected


def test_what_failed_is_not_tried_again() -> None:
    broken = lambda job: fail(answer(job), Status.TIMEOUT, "Slow.")  # noqa: E731
    assert n_processes(exactly(5), broken) == 1


def test_one_failure_among_others_does_not_end_a_latency() -> None:
    def once(job: Job) -> Record:
        return fail(answer(job), Status.OOM, "Full.") if job.round == 2 else answer(job)

    assert n_processes(exactly(5), once) == 5


def test_the_harness_itself_is_timed_first_in_every_round() -> None:
    jobs = [r.job for r in run(list(TABLE1), exactly(3)) if r.job.probe == "latency"]
    for index, group in groupby(jobs, key=lambda job: job.round):
        models = [job.model for job in group]
        assert models[0] == NULL.name, index
        assert models.count(NULL.name) == 1


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_inference_stays_on_the_cpu(device: str) -> None:
    settings = SETTINGS.on(device)
    assert settings.workload("inference").device == "cpu"
    assert settings.workload("update").device == device
    assert settings.on("cpu") == SETTINGS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_samples": 0}, "--samples must be at least 1, not 0"),
        ({"batch": -1}, "--batch must be at least 1, not -1"),
        ({"threads": 0}, "--threads must be at least 1, not 0"),
        ({"seed": -1}, "--seed must lie between 0 and 9223372036854775807, not -1"),
        ({"dtype": "int8"}, "--dtype must be one of float32, .*, not 'int8'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(SETTINGS, **changes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_smallest_settings_are_allowed(dtype: str) -> None:
    assert Settings("cpu", 1, 1, dtype, 1, 0, EFFORTS["quick"]).workload("update").dtype == dtype


def test_more_effort_is_more_rounds_and_more_time() -> None:
    quick, standard, thorough = EFFORTS.values()
    assert quick.max_rounds < standard.max_rounds < thorough.max_rounds
    assert quick.budget_s <= standard.budget_s <= thorough.budget_s
    assert quick.precise_within > standard.precise_within > thorough.precise_within
    assert all(effort.deadline_s > 2 * effort.budget_s for effort in EFFORTS.values())
