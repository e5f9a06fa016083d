"""The order of the jobs: what is exact first, then latency in rounds over all networks."""

from collections import Counter
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.plan import DTYPES, EFFORTS, PHASES, Effort, Settings, plan_jobs
from bench.registry import REGISTRY, Entry
from bench.results.record import Job
from tests.bench.example_records import SETTINGS

plans = given(
    entries=st.lists(st.sampled_from(list(REGISTRY.values())), min_size=1, unique=True),
    n_rounds=st.integers(1, 12),
)


def plan(entries: list[Entry], n_rounds: int) -> list[Job]:
    return plan_jobs(entries, replace(SETTINGS, effort=Effort(n_rounds, 0.5, 60.0)))


@plans
def test_every_cell_once_and_latency_once_a_round(entries: list[Entry], n_rounds: int) -> None:
    cells = Counter((j.model, j.probe, j.workload.phase, j.round) for j in plan(entries, n_rounds))
    expected = {(e.name, "parameters", "inference", 0) for e in entries}
    for entry in entries:
        for phase in PHASES:
            expected |= {(entry.name, probe, phase, 0) for probe in ("operations", "memory")}
            expected |= {(entry.name, "latency", phase, index) for index in range(n_rounds)}
    assert set(cells) == expected
    assert set(cells.values()) == {1}
    assert sum(cells.values()) == len(entries) * (5 + 2 * n_rounds)


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
        ({"seed": -1}, "--seed must be at least 0, not -1"),
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
    assert quick.n_rounds < standard.n_rounds < thorough.n_rounds
    assert quick.budget_s <= standard.budget_s <= thorough.budget_s
    assert all(effort.deadline_s > 2 * effort.budget_s for effort in EFFORTS.values())
