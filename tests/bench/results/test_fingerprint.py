"""Equal fingerprints for what may stand for each other, and for nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from bench.results.fingerprint import fingerprint
from tests.bench.example_records import ENVIRONMENT, GPU, environment, make_job

JOB = make_job()
OTHER_JOBS = {
    "model": make_job("demucs"),
    "factory": make_job(factory="tests.fault_models:null"),
    "phase": make_job(phase="update"),
    "length": make_job(n_samples=16000),
    "threads": make_job(threads=1),
    "probe": make_job(probe="memory"),
    "round": make_job(round_index=1),
    "chunk": make_job(chunk_samples=160),
}
OTHER_ENVIRONMENTS: dict[str, Any] = {
    "processor": environment(machine={"cpu": "Other CPU"}),
    "torch": environment(versions={"torch": "2.11.0"}),
    "code": environment(code={"sources_sha256": "ff"}),
    "precision": environment(torch={"matmul_precision": "high"}),
    "variables": environment(variables={"OMP_NUM_THREADS": "1"}),
    "GPU": environment(machine={"gpu": GPU}),
    "newer precision": environment(torch={"fp32_precision": {"conv": "tf32"}}),
}


@pytest.mark.parametrize("case", OTHER_JOBS)
def test_another_job_has_another_one(case: str) -> None:
    assert fingerprint(OTHER_JOBS[case], ENVIRONMENT) != fingerprint(JOB, ENVIRONMENT)


@pytest.mark.parametrize("case", OTHER_ENVIRONMENTS)
def test_another_environment_has_another_one(case: str) -> None:
    assert fingerprint(JOB, OTHER_ENVIRONMENTS[case]) != fingerprint(JOB, ENVIRONMENT)


def test_what_two_processes_of_one_machine_may_find_is_no_part_of_it() -> None:
    """How much memory there is, what could not be read, and which of several equal cards it was."""
    first = environment(machine={"gpu": replace(GPU, uuid="ab")})
    machine = {"gpu": replace(GPU, uuid="cd"), "memory_bytes": 1}
    other = replace(environment(machine=machine), problems={"cudnn": "It raised."})
    assert fingerprint(JOB, other) == fingerprint(JOB, first)


def test_time_limits_and_expected_sources_are_no_part_of_it() -> None:
    patient = replace(JOB, budget_s=99.0, deadline_s=999.0, n_src=2)
    assert fingerprint(patient, ENVIRONMENT) == fingerprint(JOB, ENVIRONMENT)


def test_the_same_environment_read_again_has_the_same_one() -> None:
    """By what it says, whatever order a file has its names in."""
    again = replace(ENVIRONMENT, versions=dict(reversed([*ENVIRONMENT.versions.items()])))
    assert list(again.versions) != list(ENVIRONMENT.versions)
    assert fingerprint(JOB, again) == fingerprint(JOB, ENVIRONMENT)
