"""What a check measures, and when it stops, with records that are made up."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from bench.errors import UsageError
from bench.gate.budgets import LIMITS, Budget, Budgets
from bench.gate.outlook import Allowance
from bench.gate.rounds import LOOKS, CheckRun, check_records, exact_jobs, round_jobs
from bench.measuring.isolate import _server_of as server_of
from bench.registry import NULL, REGISTRY, Entry
from bench.results.measurements import LatencyTimes, OperationCount, Result
from bench.results.record import Job, Record, Status
from bench.results.verdict import Check, Verdict
from bench.results.workload import Workload
from tests.bench.example_records import GPU, environment, fail, make_job, make_record
from tests.bench.example_results import measured

WORKLOAD = make_job().workload
ROUND_S = 3.0


def budget(
    name: str, quantity: str, limit: float, reference: str = "", workload: Workload = WORKLOAD
) -> Budget:
    return Budget(REGISTRY[name], workload, quantity, limit, REGISTRY.get(reference))


class Lab:
    """Answers jobs; each network's time is its own, with a deviation for each process.

    Its clock goes on by ROUND_S in every batch of jobs.
    """

    def __init__(self, times_s: dict[str, float], spread: float = 0.01) -> None:
        self.times_s, self.spread = times_s, spread
        self.rng = np.random.default_rng(0)
        self.batches: list[list[str]] = []
        self.records: list[Record] = []

    def clock(self) -> float:
        return ROUND_S * len(self.batches)

    def __call__(self, jobs: Sequence[Job]) -> None:
        self.batches.append([f"{job.model} {job.probe} {job.round}" for job in jobs])
        self.records += [make_record(job, self.answer(job)) for job in jobs]

    def answer(self, job: Job) -> Result:
        if job.probe != "latency":
            return measured(1.0, job)
        time_s = self.times_s[job.model] * float(np.exp(self.rng.normal(0, self.spread)))
        return LatencyTimes((time_s,) * 5)


def check(lab: Lab, *budgets: Budget, n_rounds: float = 1000) -> list[Check]:
    """``n_rounds`` is for how many there is time."""
    check_run = CheckRun(Budgets(budgets, 0.99, "*"), Allowance(n_rounds * ROUND_S, lab.clock))
    while jobs := check_run.next_jobs(lab.records):
        lab(jobs)
    checks = check_run.checks(lab.records)
    assert [(c.model, c.limit) for c in checks] == [(b.entry.name, b.limit) for b in budgets]
    return checks


def run(lab: Lab, *budgets: Budget, n_rounds: float = 1000) -> list[Verdict]:
    return [check.verdict for check in check(lab, *budgets, n_rounds=n_rounds)]


def test_only_what_the_budgets_need_is_measured_and_counts_once() -> None:
    lab = Lab({})
    budgets = [
        budget("dprnn", "macs", 1e12),
        budget("dprnn", "flops", 1.0),
        budget("demucs", "n_params", 1e12),
        budget("demucs", "peak_rss_bytes", 1e12),
        budget("demucs", "peak_allocated_bytes", 1e12),
    ]
    verdicts = run(lab, *budgets)
    assert verdicts == [Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.PASS, Verdict.PASS]
    (jobs,) = lab.batches
    assert sorted(jobs) == [
        *(f"demucs memory {process}" for process in range(3)),
        "demucs parameters 0",
        "dprnn operations 0",
    ]
    assert "memory" in jobs[-1]  # all of them last, so that they share a server


def test_every_job_says_how_many_sources_its_network_must_return() -> None:
    entries = [REGISTRY["dprnn"], NULL, Entry("own", "own", "a:b")]
    numbers = {entry.name: entry.n_src for entry in entries}
    assert set(numbers.values()) == {2, 1, None}
    budgets = [
        Budget(entry, WORKLOAD, quantity, 1.0, reference)
        for entry in entries
        for quantity, reference in (("macs", None), ("ratio", NULL))
    ]
    jobs = [*exact_jobs(budgets[::2]), *round_jobs(budgets[1::2], 0)]
    assert len(jobs) == 6
    assert {job.model: job.n_src for job in jobs} == numbers


def test_clear_times_end_at_the_first_look_and_references_come_first() -> None:
    lab = Lab({"dprnn": 0.02, "demucs": 0.01})
    verdicts = run(
        lab,
        budget("dprnn", "median_s", 0.03),
        budget("dprnn", "ratio", 1.5, "demucs"),
        budget("demucs", "rtf", 0.001),
    )
    assert verdicts == [Verdict.PASS, Verdict.FAIL, Verdict.FAIL]
    assert len(lab.batches) == LOOKS[0]
    for number, jobs in enumerate(lab.batches):
        assert jobs == [f"{name} latency {number}" for name in ("demucs", "dprnn")]


def test_only_what_is_open_is_measured_on_to_the_last_look() -> None:
    lab = Lab({"dprnn": 0.02, "demucs": 0.01}, spread=0.1)
    verdicts = run(lab, budget("dprnn", "median_s", 0.0201), budget("demucs", "median_s", 0.1))
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.PASS]
    assert len(lab.batches) == LOOKS[-1]
    assert {len(jobs) for jobs in lab.batches[LOOKS[0] :]} == {1}


@pytest.mark.parametrize("n_rounds", [1, 3, 7])
def test_when_the_time_is_spent_no_round_begins(n_rounds: int) -> None:
    lab = Lab({"dprnn": 0.02}, spread=0.1)
    verdicts = run(lab, budget("dprnn", "median_s", 0.0201), n_rounds=n_rounds)
    assert verdicts == [Verdict.INCONCLUSIVE]
    assert len(lab.batches) == n_rounds


def test_an_open_time_says_how_much_longer_it_would_need() -> None:
    """And the same network, given twice that time, comes to a verdict."""
    limits = budget("dprnn", "median_s", 0.0205)
    (found,) = check(Lab({"dprnn": 0.02}, spread=0.03), limits, n_rounds=5)
    assert found.verdict == Verdict.INCONCLUSIVE
    said = re.search(r"; about (.*) more would settle it \(--time (\d+)\)$", found.reason)
    assert said
    n_rounds = 2 * float(said[2]) / ROUND_S
    assert run(Lab({"dprnn": 0.02}, spread=0.03), limits, n_rounds=n_rounds) == [Verdict.PASS]


def test_an_open_time_at_its_limit_or_after_few_rounds_says_so() -> None:
    (found,) = check(Lab({"dprnn": 0.02}, spread=0.1), budget("dprnn", "median_s", 0.02))
    assert found.reason.endswith("; more time would hardly settle it")
    (found,) = check(Lab({"dprnn": 0.02}), budget("dprnn", "median_s", 0.1), n_rounds=2)
    assert found.reason.endswith("; it takes 5 rounds at least, about 10 s more (--time 20)")


def test_times_are_of_processes_that_keep_their_pages_and_counts_are_not() -> None:
    timed, counted = budget("dprnn", "median_s", 1.0), budget("dprnn", "peak_rss_bytes", 1.0)
    assert all(job.workload.keeps_pages for job in round_jobs([timed], 0))
    assert not any(job.workload.keeps_pages for job in exact_jobs([counted]))


def test_what_a_ratio_is_of_takes_turns_with_it() -> None:
    """In each phase and with each number of threads, of which processes have servers of their own.

    Turns of different servers are seconds apart, and what slowed one of them slowed one side.
    """
    small, large = "sudormrf-0.25x", "sudormrf-1.0x"
    workloads = [
        replace(WORKLOAD, phase=phase, threads=threads)
        for threads in (1, 2)
        for phase in ("inference", "update")
    ]
    jobs = round_jobs([budget(small, "ratio", 0.6, large, one) for one in workloads], 0)
    groups = [[job.model for job in group] for _, group in groupby(jobs, key=server_of)]
    assert groups == [[large, small]] * 4


def test_a_network_of_another_rate_is_measured_on_as_long_audio() -> None:
    """Of one second; real time is a second whatever the rate."""
    fast = replace(REGISTRY["dprnn"], name="fast", sample_rate=16_000)
    one = Budget(fast, WORKLOAD, "rtf", 0.05, None)
    (job,) = round_jobs([one], 0)
    assert (job.workload.n_samples, job.workload.sample_rate) == (16_000, 16_000)
    record = make_record(job, LatencyTimes((0.04,) * 5))
    records = [replace(record, job=replace(job, round=number)) for number in range(10)]
    (found,) = check_records(Budgets((one,), 0.99, "*"), records)
    assert found.verdict == Verdict.PASS
    assert found.value == pytest.approx(0.04)


def test_a_slow_network_is_called_slow_as_seldom_as_is_said() -> None:
    """300 runs whose network keeps its budget just so: 1 % FAIL, four standard errors more."""
    fails, rng = 0, np.random.default_rng(3)
    for _ in range(300):
        lab = Lab({"dprnn": 0.02}, spread=0.02)
        lab.rng = rng
        fails += run(lab, budget("dprnn", "median_s", 0.02)).count(Verdict.FAIL)
    assert fails / 300 <= 0.01 + 4 * np.sqrt(0.01 * 0.99 / 300)


def stored(**sections: dict[str, Any]) -> Record:
    job = make_job("dprnn", "operations")
    return make_record(job, OperationCount(5, 10, {}, "meta"), environment(**sections))


ONE = Budgets((budget("dprnn", "macs", 5),), 0.99, "Example*")


def test_stored_records_are_judged() -> None:
    (check,) = check_records(ONE, [stored()])
    assert check.verdict == Verdict.PASS


def test_a_network_that_crashes_every_process_fails() -> None:
    """Whether its records say where they were made or not."""
    crashed = fail(make_record(make_job("dprnn", "operations")), Status.SEGFAULT, "Bad.")
    for record in (crashed, replace(crashed, environment=None)):
        (check,) = check_records(ONE, [record])
        assert (check.verdict, check.reason) == (Verdict.FAIL, "no value: segfault: Bad.")


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "There are no complete records to check."),
        ([stored(), stored(machine={"cpu": "Other"})], "come from different machines: "),
        ([stored(), stored(machine={"gpu": GPU})], "come from different machines: "),
        ([stored(machine={"cpu": "Other"})], "hold for 'Example*', and the records come from Ot"),
    ],
)
def test_records_of_no_or_another_machine_are_refused(records: list[Record], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_records(ONE, records)
    assert message in str(caught.value)


def test_records_of_a_machine_that_was_given_memory_meanwhile_are_judged() -> None:
    (check,) = check_records(ONE, [stored(), stored(machine={"memory_bytes": 1})])
    assert check.verdict == Verdict.PASS


def test_every_limit_has_a_probe_that_measures_it() -> None:
    assert set(LIMITS.values()) <= {"parameters", "operations", "memory", "latency"}
