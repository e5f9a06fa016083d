"""What a user's test asks of a network: the gate's verdicts, on made-up measurements."""

from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from bench import check, command
from bench.errors import UsageError
from bench.gate.rounds import LOOKS
from bench.interface.budget import check_budget, describe_failures
from bench.results.environment import Environment
from bench.results.record import Job, Record
from bench.results.verdict import Check, Verdict
from tests.bench.example_records import ENVIRONMENT, make_record
from tests.bench.example_results import measured


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Those that were asked for; inference takes about 0.1 s."""
    asked: list[Job] = []

    def run_jobs(jobs: Iterable[Job], environment: Environment) -> Generator[Record, None, None]:
        for job in jobs:
            asked.append(job)
            yield make_record(job, measured(1.0, job), environment)

    monkeypatch.setattr(command, "run_jobs", run_jobs)
    monkeypatch.setattr(check, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    return asked


def test_each_limit_has_its_verdict(jobs: list[Job], tmp_path: Path) -> None:
    table = {"samples": 400, "macs": 1e9, "n_params": 1e9, "latency_s": 0.2}
    found = check_budget("dprnn", table, 1e9, tmp_path)
    assert [(c.quantity, c.verdict) for c in found] == [
        ("inference macs", Verdict.FAIL),
        ("n_params", Verdict.PASS),
        ("inference median_s", Verdict.PASS),
    ]
    assert {job.workload.n_samples for job in jobs} == {400}
    assert list(tmp_path.rglob("*.jsonl"))


def test_an_open_verdict_says_how_much_time_it_needs(jobs: list[Job], tmp_path: Path) -> None:
    """In the words of a test: no round but the first fits into no time."""
    (found,) = check_budget("dprnn", {"latency_s": 0.2}, 0.0, tmp_path)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert f"it takes {LOOKS[0]} rounds at least" in found.reason
    assert "(time_s=" in found.reason


def test_a_network_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no module 'nowhere_to_be_found'"):
        check_budget("nowhere_to_be_found:build", {"macs": 1}, 1.0, tmp_path)


def test_each_failure_is_a_line() -> None:
    checks = [Check("net", verdict.lower(), verdict, "so it is") for verdict in Verdict]
    assert describe_failures(checks, accept_inconclusive=False).splitlines() == [
        "FAIL net fail: so it is",
        "INCONCLUSIVE net inconclusive: so it is",
    ]
    assert describe_failures(checks, accept_inconclusive=True) == "FAIL net fail: so it is"
