"""What needs no clock: contracts first, then every probe once; and settings that mean something."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.plan import (
    DTYPES,
    EFFORTS,
    ENERGY_ROUNDS,
    ENERGY_WINDOW_S,
    Settings,
    plan_energy,
    plan_exact,
)
from bench.registry import REGISTRY, TABLE1, Entry
from bench.results.probes import PROBES
from bench.results.record import Job, Record, Status
from bench.results.statistics import MIN_PROCESSES
from bench.results.workload import PHASES, Phase
from tests.bench.example_records import SETTINGS, fail, make_record

OWN_FAULTS = {Status.ERROR, Status.BAD_SHAPE, Status.NON_FINITE, Status.MISSING_DEPENDENCY}
plans = given(
    entries=st.lists(st.sampled_from(list(REGISTRY.values())), min_size=1, max_size=4, unique=True)
)


def run(
    entries: list[Entry], n_known: int | None = None, settings: Settings = SETTINGS
) -> list[Job]:
    """All jobs in their order, each answered at once; with the first records known before."""
    jobs = [] if n_known is None else run(entries, settings=settings)[:n_known]
    records = [make_record(job) for job in jobs]
    while jobs := plan_exact(entries, settings, records):
        records += map(make_record, jobs)
    return [record.job for record in records]


@plans
def test_every_cell_once(entries: list[Entry]) -> None:
    found = Counter((job.model, job.probe, job.workload.phase) for job in run(entries))
    expected = {
        (e.name, probe, "inference") for e in entries for probe in ("contract", "parameters")
    }
    expected |= {
        (entry.name, probe, phase)
        for entry in entries
        for phase in PHASES
        for probe in ("operations", "memory")
    }
    assert found == Counter(expected)


@plans
def test_a_gpu_adds_cells_of_its_own_and_takes_none_away(entries: list[Entry]) -> None:
    """Inference there, and what is launched; where only the place differs, counts do not."""
    jobs = run(entries, settings=SETTINGS.on("cuda"))
    found = Counter((job.model, job.probe, job.workload.phase) for job in jobs)
    without = Counter((job.model, job.probe, job.workload.phase) for job in run(entries))
    added: set[tuple[str, Phase]] = {
        ("memory", "gpu_inference"),
        ("launches", "gpu_inference"),
        ("launches", "update"),
    }
    assert found - without == Counter((e.name, *cell) for e in entries for cell in added)
    assert not without - found
    devices = {(job.workload.phase, job.workload.device) for job in jobs}
    assert devices == {("inference", "cpu"), ("update", "cuda"), ("gpu_inference", "cuda")}


@plans
def test_the_contract_of_every_network_comes_before_anything_else(entries: list[Entry]) -> None:
    first = [(job.model, job.probe) for job in run(entries)[: len(entries)]]
    assert first == [(entry.name, "contract") for entry in entries]


@plans
def test_what_takes_time_is_no_part_of_it_and_untouched_memory_comes_last(
    entries: list[Entry],
) -> None:
    specs = [job.spec for job in run(entries)]
    assert not any(spec.takes_time for spec in specs)
    assert [spec.untouched_memory for spec in specs] == sorted(s.untouched_memory for s in specs)


@plans
def test_planning_is_pure(entries: list[Entry]) -> None:
    before = list(entries)
    assert run(entries) == run(entries)
    assert entries == before


@given(n_known=st.integers(0, 12))
def test_what_was_cut_off_goes_on_where_it_was(n_known: int) -> None:
    entries = list(TABLE1[:2])
    assert run(entries, n_known) == run(entries)


@plans
def test_jobs_carry_the_settings_and_the_factory(entries: list[Entry]) -> None:
    entry_of = {entry.name: entry for entry in entries}
    for job in run(entries):
        assert (job.factory, job.n_src) == (entry_of[job.model].factory, entry_of[job.model].n_src)
        assert job.workload == SETTINGS.workload(job.workload.phase)
        assert (job.budget_s, job.deadline_s, job.round) == (0.5, 60.0, 0)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_network_that_breaks_its_contract_by_itself_is_measured_no_further(
    status: Status,
) -> None:
    """What may be the machine's doing, such as a full memory, is tried elsewhere all the same."""
    broken, sound = TABLE1[:2]

    def measure(job: Job) -> Record:
        is_broken = (job.model, job.probe) == (broken.name, "contract")
        return fail(make_record(job), status, "So it is.") if is_broken else make_record(job)

    records: list[Record] = []
    while jobs := plan_exact([broken, sound], SETTINGS, records):
        records += map(measure, jobs)
    numbers = Counter(record.job.model for record in records)
    assert numbers[broken.name] == (1 if status in OWN_FAULTS else numbers[sound.name])
    assert numbers[sound.name] == 6


def energies(entries: list[Entry], device: str, answer: Callable[[Job], Record]) -> list[Job]:
    """All jobs of energy in their order, each answered at once."""
    records: list[Record] = []
    while jobs := plan_energy(entries, SETTINGS.on(device), records):
        records += map(answer, jobs)
    return [record.job for record in records]


@pytest.mark.parametrize(("device", "n_phases"), [("cpu", 2), ("cuda", 3)])
def test_energy_is_of_fresh_processes_in_rounds_over_all_networks(
    device: str, n_phases: int
) -> None:
    """So that what drifts slower than a round is in all of them."""
    entries = list(TABLE1[:3])
    jobs = energies(entries, device, make_record)
    cells = Counter((job.model, job.workload.phase) for job in jobs)
    assert len(cells) == 3 * n_phases
    assert set(cells.values()) == {ENERGY_ROUNDS} == {MIN_PROCESSES}
    assert [job.round for job in jobs] == sorted(job.round for job in jobs)
    assert [job.model for job in jobs] == [entry.name for entry in entries] * 3 * n_phases
    assert {job.budget_s for job in jobs} == {ENERGY_WINDOW_S}
    assert all(job.workload.keeps_pages for job in jobs)


def test_a_network_that_failed_has_no_further_round_in_that_phase() -> None:
    first, second = TABLE1[:2]

    def answer(job: Job) -> Record:
        is_failing = (job.model, job.workload.phase) == (first.name, "update")
        record = make_record(job)
        return fail(record, Status.TIMEOUT, "So it is.") if is_failing else record

    cells = Counter(
        (job.model, job.workload.phase) for job in energies([first, second], "cpu", answer)
    )
    assert cells.pop((first.name, "update")) == 1
    assert set(cells.values()) == {ENERGY_ROUNDS}


def test_processes_that_take_turns_are_the_only_ones_of_a_run_that_take_time() -> None:
    """So that one plan has what is exact, and the other all that has a clock."""
    timed = [spec for spec in PROBES.values() if spec.takes_time and spec.phases]
    assert [spec.name for spec in timed] == ["latency"]
    assert all(spec.takes_turns for spec in timed)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_inference_stays_on_the_cpu(device: str) -> None:
    settings = SETTINGS.on(device)
    assert settings.workload("inference").device == "cpu"
    assert settings.workload("update").device == device
    assert settings.workload("gpu_inference").device == "cuda"
    assert ("gpu_inference" in settings.phases) == (device == "cuda")
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
    assert list(EFFORTS) == ["quick", "standard", "thorough"]
    for less, more in (list(EFFORTS.values())[:2], list(EFFORTS.values())[1:]):
        assert less.max_rounds < more.max_rounds
        assert less.time_s < more.time_s
        assert less.budget_s < more.budget_s
        assert less.precise_within > more.precise_within
    assert all(effort.deadline_s > 2 * effort.budget_s for effort in EFFORTS.values())
