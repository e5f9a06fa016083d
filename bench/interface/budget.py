"""A network held to a budget by a test of the user's own."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from bench.check import measure_and_check
from bench.gate.budgets import make_budgets
from bench.gate.outlook import Allowance
from bench.interface.factories import Factory, entry_of, fresh_processes_look_here
from bench.render.terminal.progress import Silence
from bench.results.verdict import Check, Verdict

OPTION = "time_s={}"
OTHER_NAMES = {"latency_s": "median_s"}
"""A quantity's name in results, where a budget has another."""


def check_budget(
    factory: Factory, table: Mapping[str, object], time_s: float, folder: Path
) -> list[Check]:
    """The gate's verdict on each limit of a table with the keys of a ``[[budget]]``.

    Records go to ``folder``. A verdict on a time may take ``time_s`` seconds.

    Raises:
        UsageError: an unknown key, a limit that is no number above 0, a network that can't be
            built, or another run measures on this machine.
    """
    named = {OTHER_NAMES.get(key, key): value for key, value in table.items()}
    budgets = make_budgets({**named, "models": entry_of(factory).name})
    with fresh_processes_look_here():
        allowance = Allowance(time_s, option=OPTION)
        return measure_and_check(budgets, folder, allowance, nullcontext(Silence()))


def describe_failures(checks: list[Check], accept_inconclusive: bool) -> str:
    """A line for each verdict that fails a test; empty where none does."""
    accepted = {Verdict.PASS} | ({Verdict.INCONCLUSIVE} if accept_inconclusive else set())
    return "\n".join(
        f"{check.verdict} {check.name}: {check.reason}"
        for check in checks
        if check.verdict not in accepted
    )
