"""Rounds and looks of a comparison, with times that are made up."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from bench.gate.comparison import ROUND, Duel, settle
from bench.gate.effect import LOOKS
from bench.gate.sides import Side
from bench.registry import Entry
from bench.results.codec import RecordError, decode_result
from bench.results.measurements import LatencyTimes, Result
from bench.results.record import Record, Status
from bench.results.verdict import Check, Verdict
from tests.bench.example_records import ENVIRONMENT, fail, make_job, make_record, measured


class Clock:
    """Measures sides: the head takes ``ratio`` times as long, each process deviates a little."""

    def __init__(self, ratio: float, spread: float = 0.01) -> None:
        self.ratio, self.spread = ratio, spread
        self.rng = np.random.default_rng(0)
        self.order: list[str] = []
        self.spoil: Callable[[Side, Record], Record] = lambda side, record: record

    def __call__(self, side: Side, slot: int) -> Record:
        self.order.append(f"{side.entry.name} {side.label}")
        true_s = 0.05 * (self.ratio if side.label == "new" else 1)
        time_s = true_s * math.exp(self.rng.normal(0, self.spread))
        return self.spoil(side, make_record(make_job(), LatencyTimes((time_s, time_s, 9.0))))


def duels(*names: str) -> list[Duel]:
    entries = [Entry(name, name, "tests.fault_models:healthy") for name in names]
    return [
        Duel(Side("old", entry, None, ENVIRONMENT), Side("new", entry, None, ENVIRONMENT))
        for entry in entries
    ]


def run(clock: Clock, *names: str, n_rounds: float = math.inf) -> Sequence[Check]:
    """``n_rounds`` is for how many of one network there is time."""
    return settle(
        duels(*(names or ("dprnn",))), clock, 0.05, lambda: len(clock.order) < n_rounds * ROUND
    )


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, Verdict.PASS), (0.8, Verdict.PASS), (1.1, Verdict.FAIL)]
)
def test_a_clear_case_is_settled_at_the_first_look(ratio: float, verdict: Verdict) -> None:
    clock = Clock(ratio, spread=0.003)
    (check,) = run(clock)
    assert check.verdict == verdict
    assert check.value == pytest.approx(ratio - 1, abs=0.01)
    assert check.lower is not None
    assert check.upper is not None
    assert check.lower < ratio - 1 < check.upper
    assert clock.order == ["dprnn old", "dprnn new", "dprnn new", "dprnn old"] * LOOKS[0]
    assert "the same code against itself" in check.reason
    assert f"({LOOKS[0] * ROUND} processes)" in check.reason


def test_what_stays_open_is_measured_to_the_last_look_and_no_further() -> None:
    clock = Clock(1.03, spread=0.2)
    (check,) = run(clock)
    assert check.verdict == Verdict.INCONCLUSIVE
    assert len(clock.order) == LOOKS[-1] * ROUND


@pytest.mark.parametrize(("n_rounds", "n_looked_at"), [(0, 0), (1, 1), (4, 4), (7, 7)])
def test_when_the_time_is_spent_the_look_is_the_last(n_rounds: int, n_looked_at: int) -> None:
    clock = Clock(1.03, spread=0.2)
    (check,) = run(clock, n_rounds=n_rounds)
    assert check.verdict == Verdict.INCONCLUSIVE
    assert len(clock.order) == n_looked_at * ROUND
    assert f"({n_looked_at * ROUND} processes)" in check.reason


def test_only_open_networks_are_measured_on() -> None:
    clock = Clock(1.0, spread=0.2)

    def steady(side: Side, record: Record) -> Record:
        is_steady = side.entry.name == "dprnn"
        return make_record(record.job, LatencyTimes((0.05,))) if is_steady else record

    clock.spoil = steady
    checks = run(clock, "dprnn", "demucs")
    assert [check.model for check in checks] == ["dprnn", "demucs"]
    assert checks[0].verdict == Verdict.PASS
    n_steady = sum(line.startswith("dprnn") for line in clock.order)
    assert n_steady == LOOKS[0] * ROUND < len(clock.order) - n_steady
    assert clock.order[: 2 * ROUND] == [
        f"{name} {side}" for name in ("dprnn", "demucs") for side in ("old", "new", "new", "old")
    ]


def test_several_networks_share_the_chance_of_a_wrong_verdict() -> None:
    """The same times of a network, alone and among eight: its interval is wider there."""

    def width(*names: str) -> float:
        clock, seen = Clock(1.0), Counter[str]()

        def repeat(side: Side, record: Record) -> Record:
            seen[side.entry.name] += 1
            time_s = 0.05 + 0.0001 * (seen[side.entry.name] % 3)
            return make_record(record.job, LatencyTimes((time_s,)))

        clock.spoil = repeat
        check = run(clock, *names, n_rounds=3 * len(names))[0]
        assert check.lower is not None
        assert check.upper is not None
        return check.upper - check.lower

    alone, among = width("dprnn"), width("dprnn", *(f"other-{k}" for k in range(7)))
    t_alone, t_among = (stats.t.isf(0.01 / len(LOOKS) / n, 5) for n in (1, 8))
    assert among / alone == pytest.approx(t_among / t_alone, rel=0.02)


SPOILT: dict[str, tuple[Result, str]] = {
    "NaN": (LatencyTimes((0.05, math.nan)), "a time of round 0 is nan"),
    "infinite": (LatencyTimes((math.inf,)), "a time of round 0 is inf"),
    "no time": (LatencyTimes(()), "its record has no times_s"),
    "another result": (
        measured(1.0, make_job(probe="parameters")),
        "its record has no times_s",
    ),
    "zero": (LatencyTimes((0.0,)), "a time of round 0 is 0.0"),
}


@pytest.mark.parametrize(
    ("spoilt", "verdict"), [("new", Verdict.FAIL), ("old", Verdict.INCONCLUSIVE)]
)
@pytest.mark.parametrize("case", SPOILT)
def test_a_missing_time_never_passes(case: str, spoilt: str, verdict: Verdict) -> None:
    result, reason = SPOILT[case]
    clock = Clock(1.0)
    clock.spoil = lambda side, record: (
        make_record(record.job, result) if side.label == spoilt else record
    )
    (check,) = run(clock)
    assert check.verdict == verdict
    assert check.reason == f"no time of {spoilt}: {reason}"
    assert len(clock.order) <= 2


def test_a_crash_of_the_head_fails_with_its_reason() -> None:
    clock = Clock(1.0)
    clock.spoil = lambda side, record: (
        fail(record, Status.SEGFAULT, "It crashed.") if side.label == "new" else record
    )
    (check,) = run(clock)
    assert (check.verdict, check.reason) == (Verdict.FAIL, "no time of new: segfault: It crashed.")


@pytest.mark.parametrize("fields", [{}, {"times_s": ["1"]}, {"times_s": [True]}, {"times_s": 0.05}])
def test_what_is_no_list_of_numbers_never_becomes_a_time(fields: object) -> None:
    """A process that answers so has failed, and its record is one that never passes."""
    with pytest.raises(RecordError, match="times_s"):
        decode_result("latency", fields)
