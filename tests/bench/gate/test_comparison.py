"""Rounds and looks of a comparison, with times that are made up."""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bench.gate.comparison import Duel, settle
from bench.gate.effect import LOOKS
from bench.gate.outlook import Allowance
from bench.gate.sides import Side
from bench.measuring.conductor import Player
from bench.plan import plan_job
from bench.registry import Entry
from bench.results.codec import RecordError, decode_result
from bench.results.measurements import LatencyTimes, Result
from bench.results.record import Job, Record, Status
from bench.results.verdict import Check, Verdict
from tests.bench.example_records import ENVIRONMENT, SETTINGS, fail, make_job, make_record
from tests.bench.example_results import measured
from tests.bench.gate.live import in_turns

ROUND_S = 10.0


class Machine:
    """Measures rounds: the head takes ``ratio`` times as long, each process deviates a little.

    Its clock goes on by ROUND_S in every round. ``spoil`` changes the record of a process, given
    the label of its side.
    """

    def __init__(self, ratio: float, spread: float = 0.01) -> None:
        self.ratio, self.spread = ratio, spread
        self.rng = np.random.default_rng(0)
        self.rounds: list[list[Player]] = []
        self.spoil: Callable[[str, Record], Record] = lambda label, record: record

    def clock(self) -> float:
        return ROUND_S * len(self.rounds)

    def __call__(self, players: Sequence[Player]) -> list[Record]:
        self.rounds.append(list(players))
        return [self.play(player) for player in players]

    def play(self, player: Player) -> Record:
        label = str(player.root)
        true_s = 0.05 * (self.ratio if label == "new" else 1)
        time_s = true_s * math.exp(self.rng.normal(0, self.spread))
        calls = in_turns((9.0 * time_s, time_s, time_s, 8.0), disturbed=(0, 3))
        return self.spoil(label, make_record(player.job, calls))


def duels(*names: str) -> list[Duel]:
    entries = [Entry(name, name, "tests.fault_models:healthy") for name in names]
    return [Duel(side("old", entry), side("new", entry)) for entry in entries]


def side(label: str, entry: Entry) -> Side:
    return Side(label, entry, Path(label), ENVIRONMENT)


def plan(entry: Entry, index: int) -> Job:
    return plan_job(entry, "inference", "latency", SETTINGS, index)


def run(machine: Machine, *names: str, n_rounds: float = math.inf) -> Sequence[Check]:
    """``n_rounds`` is for how many of one network there is time."""
    allowance = Allowance(n_rounds * ROUND_S, machine.clock)
    return settle(duels(*(names or ("dprnn",))), plan, machine, 0.05, allowance)


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, Verdict.PASS), (0.8, Verdict.PASS), (1.1, Verdict.FAIL)]
)
def test_a_clear_case_is_settled_at_the_first_look(ratio: float, verdict: Verdict) -> None:
    machine = Machine(ratio, spread=0.003)
    (check,) = run(machine)
    assert check.verdict == verdict
    assert check.value == pytest.approx(ratio - 1, abs=0.01)
    assert check.lower is not None
    assert check.upper is not None
    assert check.lower < ratio - 1 < check.upper
    assert len(machine.rounds) == LOOKS[0]
    assert "the same code against itself" in check.reason
    assert check.reason.endswith(f"({LOOKS[0]} rounds)")


def test_a_round_is_two_processes_of_each_side_each_by_a_server_of_its_own() -> None:
    machine = Machine(1.0)
    run(machine, n_rounds=2)
    for index, players in enumerate(machine.rounds):
        assert [str(player.root) for player in players] == ["old", "new", "new", "old"]
        assert [player.server for player in players] == [0, 1, 2, 3]
        first, second = 2 * index, 2 * index + 1
        assert [player.job.round for player in players] == [first, first, second, second]
        assert all(player.job.workload.keeps_pages for player in players)


def test_only_turns_that_both_made_undisturbed_are_compared() -> None:
    """The machine doubles its pace in each turn; the ratio of a turn is 1.1, that of medians not.

    The first turn of A is disturbed, the last of B, and one made a turn more.
    """

    def spoil(label: str, record: Record) -> Record:
        pace = [0.1, 0.2, 0.4, 0.8]
        if label == "old":
            return make_record(record.job, in_turns([*pace, 1.6], disturbed=(0,)))
        return make_record(record.job, in_turns([1.1 * p for p in pace], disturbed=(3,)))

    machine = Machine(1.0)
    machine.spoil = spoil
    (check,) = run(machine)
    assert check.verdict == Verdict.FAIL
    assert check.value == pytest.approx(0.1)


def test_what_stays_open_is_measured_to_the_last_look_and_no_further() -> None:
    machine = Machine(1.03, spread=0.4)
    (check,) = run(machine)
    assert check.verdict == Verdict.INCONCLUSIVE
    assert len(machine.rounds) == LOOKS[-1]
    assert "more time would hardly settle it" in check.reason


@pytest.mark.parametrize("n_rounds", [1, 4, 5, 20])
def test_when_the_time_is_spent_the_look_is_the_last(n_rounds: int) -> None:
    machine = Machine(1.03, spread=0.2)
    (check,) = run(machine, n_rounds=n_rounds)
    assert check.verdict == Verdict.INCONCLUSIVE
    assert len(machine.rounds) == n_rounds
    assert f"({n_rounds} round" in check.reason


def test_without_time_nothing_is_measured() -> None:
    machine = Machine(1.0)
    (check,) = run(machine, n_rounds=0)
    assert (check.verdict, machine.rounds) == (Verdict.INCONCLUSIVE, [])
    assert check.reason == "the time was spent before a round began"


def test_an_open_verdict_says_how_much_longer_it_would_need() -> None:
    """The same machine, given twice the time that was said, comes to a verdict."""
    (check,) = run(Machine(1.0, spread=0.03), n_rounds=5)
    assert check.verdict == Verdict.INCONCLUSIVE
    found = re.search(r"about (.*) more would settle it \(--time (\d+)\)", check.reason)
    assert found
    more_s = float(found[2]) - 5 * ROUND_S
    assert found[1] == f"{more_s:.0f} s"
    machine = Machine(1.0, spread=0.03)
    (settled,) = run(machine, n_rounds=2 * float(found[2]) / ROUND_S)
    assert settled.verdict == Verdict.PASS


def test_an_open_slow_down_that_is_likely_is_named() -> None:
    """By 4 %, with a spread that ten rounds can't tell from the 5 % that matter nor from none."""
    machine = Machine(1.04, spread=0.0)
    around = iter(np.repeat(np.linspace(-0.05, 0.05, 10)[[0, 9, 1, 8, 2, 7, 3, 6, 4, 5]], 2))

    def spoil(label: str, record: Record) -> Record:
        if label == "old":
            return record
        times_s = 0.05 * 1.04 * math.exp(next(around))
        return make_record(record.job, in_turns((times_s,) * 3))

    machine.spoil = spoil
    (check,) = run(machine, n_rounds=10)
    assert (check.verdict, check.is_probably_slower) == (Verdict.INCONCLUSIVE, True)
    assert "; not settled, probably slower: about " in check.reason
    (open_check,) = run(Machine(1.0, spread=0.2), n_rounds=10)
    assert not open_check.is_probably_slower
    assert "probably" not in open_check.reason


def test_a_round_without_an_undisturbed_turn_does_not_count() -> None:
    machine = Machine(1.0, spread=0.003)

    def spoil(label: str, record: Record) -> Record:
        is_bad = label == "new" and len(machine.rounds) in (1, 3)
        return make_record(record.job, in_turns((0.05,) * 2, (0, 1))) if is_bad else record

    machine.spoil = spoil
    (check,) = run(machine)
    assert check.verdict == Verdict.PASS
    assert len(machine.rounds) == LOOKS[0] + 2
    assert f"({LOOKS[0]} rounds, and 2 without an undisturbed turn)" in check.reason


def test_where_no_round_counts_the_time_ends_it() -> None:
    machine = Machine(1.0)
    machine.spoil = lambda label, record: make_record(record.job, in_turns((0.05,) * 2, (0, 1)))
    (check,) = run(machine, n_rounds=6)
    assert check.verdict == Verdict.INCONCLUSIVE
    assert check.value is None
    assert "(0 rounds, and 6 without an undisturbed turn)" in check.reason


def test_only_open_networks_are_measured_on() -> None:
    machine = Machine(1.0, spread=0.2)

    def steady(label: str, record: Record) -> Record:
        is_steady = record.job.model == "dprnn"
        return make_record(record.job, in_turns((0.05,))) if is_steady else record

    machine.spoil = steady
    checks = run(machine, "dprnn", "demucs")
    assert [check.model for check in checks] == ["dprnn", "demucs"]
    assert checks[0].verdict == Verdict.PASS
    order = [players[0].job.model for players in machine.rounds]
    assert order[: 2 * LOOKS[0]] == ["dprnn", "demucs"] * LOOKS[0]
    assert set(order[2 * LOOKS[0] :]) == {"demucs"}


def test_several_networks_share_the_chance_of_a_wrong_verdict() -> None:
    """The same times of a network, alone and among eight: its interval is wider there."""
    n_rounds = 5

    def width(*names: str) -> float:
        machine = Machine(1.0)

        def repeat(label: str, record: Record) -> Record:
            copy = 1.0 if label == "old" else 1 + 0.3 * (record.job.round // 2 % 3)
            return make_record(record.job, in_turns((0.05 * copy,)))

        machine.spoil = repeat
        check = run(machine, *names, n_rounds=n_rounds * len(names))[0]
        assert check.lower is not None
        assert check.upper is not None
        return math.log1p(check.upper) - math.log1p(check.lower)

    alone, among = width("dprnn"), width("dprnn", *(f"other-{k}" for k in range(7)))
    t_alone, t_among = (stats.t.isf(0.01 / len(LOOKS) / n, n_rounds - 1) for n in (1, 8))
    assert among / alone == pytest.approx(t_among / t_alone, rel=1e-6)


SPOILT: dict[str, tuple[Result, str]] = {
    "NaN": (LatencyTimes((0.05, math.nan)), "a time of round 0 is nan"),
    "infinite": (LatencyTimes((math.inf,)), "a time of round 0 is inf"),
    "no time": (LatencyTimes(()), "its record has no times_s"),
    "another result": (
        measured(1.0, make_job(probe="parameters")),
        "its record has no times_s",
    ),
    "zero": (LatencyTimes((0.0,)), "a time of round 0 is 0.0"),
    "a turn missing": (LatencyTimes((1.0, 1.0), turns=(0,)), "its record has 1 turns and 2 times"),
}


@pytest.mark.parametrize(
    ("spoilt", "verdict"), [("new", Verdict.FAIL), ("old", Verdict.INCONCLUSIVE)]
)
@pytest.mark.parametrize("case", SPOILT)
def test_a_missing_time_never_passes(case: str, spoilt: str, verdict: Verdict) -> None:
    result, reason = SPOILT[case]
    machine = Machine(1.0)
    machine.spoil = lambda label, record: (
        make_record(record.job, result) if label == spoilt else record
    )
    (check,) = run(machine)
    assert check.verdict == verdict
    assert check.reason == f"no time of {spoilt}: {reason}"
    assert len(machine.rounds) == 1


def test_a_crash_of_the_head_fails_with_its_reason() -> None:
    machine = Machine(1.0)
    machine.spoil = lambda label, record: (
        fail(record, Status.SEGFAULT, "It crashed.") if label == "new" else record
    )
    (check,) = run(machine)
    assert (check.verdict, check.reason) == (Verdict.FAIL, "no time of new: segfault: It crashed.")


@pytest.mark.parametrize("fields", [{}, {"times_s": ["1"]}, {"times_s": [True]}, {"times_s": 0.05}])
def test_what_is_no_list_of_numbers_never_becomes_a_time(fields: object) -> None:
    """A process that answers so has failed, and its record is one that never passes."""
    with pytest.raises(RecordError, match="times_s"):
        decode_result("latency", fields)
