"""What to measure for a set of budgets, and for how long."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from bench.errors import UsageError
from bench.gate.budgets import Budget, Budgets
from bench.gate.outlook import Allowance, Progress, advise, advise_first
from bench.gate.verdict import Certainty, judge, rounds_to_settle
from bench.registry import Entry
from bench.results.probes import PROBES
from bench.results.record import Job, Record
from bench.results.verdict import Check, Verdict
from bench.results.workload import Workload

LOOKS = (5, 10, 20, 40)
"""After so many rounds of one process of each network, times are looked at; then it ends."""

RESIDENT_PROCESSES = 3
"""That measure a resident set, which differs a little between processes."""

CALLS_S = 1.0
DEADLINE_S = 600.0
Cell = tuple[Entry, Workload, str]


class CheckRun:
    """A check that measures: what comes next, and the verdicts so far.

    Each look at times has an equal share of the chance of a wrong verdict (Bonferroni). A look
    also comes when the time is spent, and then is the last.
    """

    def __init__(self, budgets: Budgets, allowance: Allowance) -> None:
        self._budgets = budgets
        self._allowance = allowance
        self._certainty = Certainty(budgets.confidence, len(LOOKS))
        self._open = [budget for budget in budgets.budgets if budget.takes_time]
        self._counted = [budget for budget in budgets.budgets if not budget.takes_time]
        self._checks: dict[Budget, Check] = {}
        self._n_rounds = 0
        self._round_began_s = 0.0
        self._round_s = 0.0  # what the last round took

    def next_jobs(self, records: Sequence[Record]) -> list[Job]:
        """What to measure after these records; nothing when all is settled or time is spent.

        Raises:
            UsageError: the records are of another machine than the budgets name.
        """
        if records:
            require_machine(self._budgets, records)
        elif self._counted:
            return exact_jobs(self._counted)
        now_s = self._allowance.spent_s
        self._round_s, self._round_began_s = now_s - self._round_began_s, now_s
        is_last = self._n_rounds > 0 and not self._allowance.is_left
        if self._n_rounds in LOOKS or is_last:
            self._look(records)
        if not self._open or is_last or self._n_rounds == LOOKS[-1]:
            return []
        self._n_rounds += 1
        return round_jobs(self._open, self._n_rounds - 1)

    def _look(self, records: Sequence[Record]) -> None:
        self._checks |= {budget: judge(budget, records, self._certainty) for budget in self._open}
        is_open = Verdict.INCONCLUSIVE
        self._open = [b for b in self._open if self._checks[b].verdict == is_open]

    def checks(self, records: Sequence[Record]) -> list[Check]:
        """All verdicts, in the order of the budgets, once there is nothing more to measure."""
        counts = {budget: judge(budget, records, self._certainty) for budget in self._counted}
        times = {budget: self._advised(budget) for budget in self._checks}
        return [(counts | times)[budget] for budget in self._budgets.budgets]

    def _advised(self, budget: Budget) -> Check:
        """A verdict on a time; an open one says how much longer it would need."""
        check = self._checks[budget]
        if check.verdict != Verdict.INCONCLUSIVE or check.value is None:
            return check
        progress = Progress(
            self._n_rounds,
            LOOKS[-1],
            self._allowance.spent_s,
            self._round_s,
            self._allowance.option,
        )
        n_needed = rounds_to_settle(check, self._n_rounds)
        if n_needed is not None:
            advice = advise(progress, n_needed)
        elif self._n_rounds < LOOKS[0]:
            advice = advise_first(progress, LOOKS[0])
        else:
            return check
        return replace(check, reason=f"{check.reason}; {advice}")


def check_records(budgets: Budgets, records: Sequence[Record]) -> list[Check]:
    """The verdicts on stored records, as at one of the looks of a run.

    Raises:
        UsageError: there are none, or they are of other machines than the budgets.
    """
    require_machine(budgets, records)
    certainty = Certainty(budgets.confidence, len(LOOKS))  # the run may have ended at any look
    return [judge(budget, records, certainty) for budget in budgets.budgets]


def require_machine(budgets: Budgets, records: Sequence[Record]) -> None:
    """Refuse records whose times these budgets say nothing about.

    Raises:
        UsageError: no records, records of several machines, or of another than the budgets name.
    """
    if not records:
        raise UsageError("There are no complete records to check.")
    machines = {r.environment.machine.identity for r in records if r.environment}
    if not machines:
        return  # all processes crashed, which is for the verdicts to say
    if len(machines) > 1:
        raise UsageError(
            f"These records come from different machines: {'; '.join(sorted(machines))}. "
            "Check them one at a time."
        )
    (machine,) = machines
    if not fnmatchcase(machine, budgets.machine + "*"):
        raise UsageError(
            f"The budgets hold for {budgets.machine!r}, and the records come from {machine}."
        )


def exact_jobs(budgets: Iterable[Budget]) -> list[Job]:
    """Each cell once; resident sets in several processes."""
    n_processes: dict[Cell, int] = {}
    for budget in budgets:
        cell = (budget.entry, budget.workload, budget.probe)
        wanted = RESIDENT_PROCESSES if budget.quantity == "peak_rss_bytes" else 1
        n_processes[cell] = max(wanted, n_processes.get(cell, 0))
    cells = sorted(n_processes, key=lambda cell: (PROBES[cell[2]].untouched_memory, cell[2]))
    return [_job(cell, process) for cell in cells for process in range(n_processes[cell])]


def round_jobs(budgets: Iterable[Budget], round_index: int) -> list[Job]:
    """One process of each network that a verdict waits for, after those that it is compared with.

    Those of one phase and number of threads live side by side and take turns, in which the first
    takes part to the end.
    """
    waiting = list(budgets)
    compared = [budget for budget in waiting if budget.reference is not None]
    cells = dict.fromkeys(
        [
            *((budget.reference, budget.workload, budget.probe) for budget in compared),
            *((budget.entry, budget.workload, budget.probe) for budget in waiting),
        ]
    )
    together = sorted(cells, key=lambda cell: (cell[1].phase, cell[1].threads))
    return [_job((e, workload, probe), round_index) for e, workload, probe in together if e]


def _job(cell: Cell, round_index: int) -> Job:
    entry, workload, probe = cell
    return Job(
        model=entry.name,
        factory=entry.factory,
        workload=replace(workload.at(entry.sample_rate), keeps_pages=probe == "latency"),
        probe=probe,
        round=round_index,
        budget_s=CALLS_S,
        deadline_s=DEADLINE_S,
        n_src=entry.n_src,
    )
