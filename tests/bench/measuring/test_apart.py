"""Jobs without a clock: side by side where they can be, and none pays for its neighbour."""

import os
import signal
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measuring.apart import how_many_at_once, run_apart
from bench.results.record import Job, Status
from tests import fault_models
from tests.bench.example_records import ENVIRONMENT, make_job
from tests.bench.processes import remaining

ROOT = Path(__file__).parents[3]


def exact_job(name: str, probe: str = "parameters", deadline_s: float = 60.0) -> Job:
    job = make_job(
        name, factory=f"tests.fault_models:{name}", probe=probe, n_samples=400, threads=1
    )
    return replace(job, budget_s=0.0, deadline_s=deadline_s, n_src=None)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where networks say that they run; workers can import the tests."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(fault_models.STARTED, str(tmp_path / "started"))
    return tmp_path / "started"


def test_two_processes_live_at_once(started: Path) -> None:
    """Each ends only when the other one lives; alone, neither would."""
    os.mkfifo(started)
    jobs = [exact_job("waits_for_a_reader"), exact_job("reads")]
    assert [record.status for record in run_apart(jobs, ENVIRONMENT, 2)] == [Status.OK] * 2


def test_one_at_a_time_is_one_at_a_time(started: Path) -> None:
    os.mkfifo(started)
    jobs = [exact_job("waits_for_a_reader", deadline_s=1.0), exact_job("healthy")]
    records = list(run_apart(jobs, ENVIRONMENT, 1))
    assert [record.status for record in records] == [Status.TIMEOUT, Status.OK]


def test_who_ran_out_of_memory_beside_another_is_measured_again_alone(started: Path) -> None:
    jobs = [exact_job("out_of_memory_at_first", "operations"), exact_job("healthy")]
    records = {record.job.model: record.status for record in run_apart(jobs, ENVIRONMENT, 2)}
    assert records == {"out_of_memory_at_first": Status.OK, "healthy": Status.OK}


@pytest.mark.parametrize("n_at_once", [1, 2])
def test_every_job_has_one_record_whatever_happens_beside_it(started: Path, n_at_once: int) -> None:
    names = ("crashes", "healthy", "hangs", "kills_its_server", "null", "raises")
    jobs = [exact_job(name, "contract", 2.0 if name == "hangs" else 60.0) for name in names]
    records = {record.job.model: record for record in run_apart(jobs, ENVIRONMENT, n_at_once)}
    assert sorted(records) == sorted(names)
    assert n_at_once > 1 or tuple(records) == names
    assert {name: record.status for name, record in records.items()} == {
        "crashes": Status.SEGFAULT,
        "healthy": Status.OK,
        "hangs": Status.TIMEOUT,
        "kills_its_server": Status.KILLED,
        "null": Status.OK,
        "raises": Status.ERROR,
    }
    assert remaining([int(process) for process in started.read_text().split()]) == []


def test_interrupted_all_that_run_have_a_record_and_are_ended(started: Path) -> None:
    os.mkfifo(started)
    processes: list[int] = []

    def interrupt_once_both_run() -> None:
        with started.open() as lines:
            while len(processes) < 4:
                processes.extend(int(process) for process in lines.readline().split())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    reader = threading.Thread(target=interrupt_once_both_run)
    reader.start()
    jobs = [exact_job("hangs", "contract"), exact_job("hangs", "contract"), exact_job("healthy")]
    with closing(run_apart(jobs, ENVIRONMENT, 2)) as measured:
        assert [next(measured).status for _ in range(2)] == [Status.INTERRUPTED] * 2
        with pytest.raises(KeyboardInterrupt):
            next(measured)
    reader.join()
    assert remaining(processes) == []


def test_a_record_is_there_as_soon_as_its_job_is_done(started: Path) -> None:
    """However long the one before it takes; and whoever stops listening ends what still runs."""
    os.mkfifo(started)
    jobs = [exact_job("hangs", "contract"), exact_job("null"), exact_job("null", "operations")]
    measured = run_apart(jobs, ENVIRONMENT, 2)
    records = [next(measured) for _ in range(2)]
    assert [record.job.model for record in records] == ["null", "null"]
    with started.open() as lines:
        processes = [int(process) for process in lines.readline().split()]
    measured.close()
    assert processes
    assert remaining(processes) == []


def test_a_process_that_does_not_start_costs_one_record_and_not_the_later_ones(
    started: Path,
) -> None:
    late = "bench.measuring.forkserver.START_DEADLINE_S"
    jobs = [exact_job(name) for name in ("healthy", "null")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late, 0.001)
        measuring = run_apart(jobs, ENVIRONMENT, 1)
        first = next(measuring)
    assert first.status == Status.TIMEOUT
    assert first.reason == "The measuring process did not start within 120 s."
    assert [record.status for record in measuring] == [Status.OK]


@pytest.mark.parametrize(
    ("probe", "device", "threads", "n_cpus", "n"),
    [
        ("memory", "cpu", 1, 2, 2),
        ("memory", "cpu", 1, 64, 2),  # memory is what they share
        ("memory", "cpu", 2, 2, 1),
        ("memory", "cpu", 8, 2, 1),
        ("memory", "cpu", 1, 1, 1),
        ("memory", "cuda", 1, 16, 1),
        ("streaming", "cpu", 1, 16, 1),  # reads a clock
    ],
)
def test_how_many_at_once(
    probe: str, device: str, threads: int, n_cpus: int, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.measuring.apart.MOST_AT_ONCE", 2)  # tests have one
    job = exact_job("healthy", probe)
    job = replace(job, workload=replace(job.workload, device=device, threads=threads))
    machine = replace(ENVIRONMENT.machine, n_available_cpus=n_cpus)
    assert how_many_at_once([job], replace(ENVIRONMENT, machine=machine)) == n
