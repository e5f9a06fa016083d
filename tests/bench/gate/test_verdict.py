"""One budget against records that are made up."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.gate.budgets import LIMITS, Budget
from bench.gate.verdict import Certainty, judge, rounds_to_settle
from bench.registry import REGISTRY
from bench.results.codec import encode_environment, encode_record
from bench.results.measurements import LatencyTimes, Result
from bench.results.record import Record, Status
from bench.results.store import read_records
from bench.results.verdict import Check, Verdict
from tests.bench.example_records import ENVIRONMENT, fail, make_job, make_record
from tests.bench.example_results import measured
from tests.bench.gate.live import in_turns

BAR = Certainty(0.99)
P, F, I = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741


def budget(quantity: str, limit: float, reference: str | None = None) -> Budget:
    workload = make_job("dprnn", LIMITS[quantity]).workload
    return Budget(
        REGISTRY["dprnn"], workload, quantity, limit, reference and REGISTRY[reference]  # type: ignore[arg-type]
    )  # fmt: skip


def record(
    quantity: str, result: Result | None = None, round_index: int = 0, model: str = "dprnn"
) -> Record:
    return make_record(make_job(model, LIMITS[quantity], round_index=round_index), result)


def holding(quantity: str, value: Any, round_index: int = 0) -> Record:
    """A record with a value in one field, or with one call of so many seconds."""
    if LIMITS[quantity] == "latency":
        return record(quantity, LatencyTimes((value,)), round_index)
    found = record(quantity, None, round_index)
    return replace(found, result=replace(measured(1.0, found.job), **{quantity: value}))


def timed(
    medians: Sequence[float], model: str = "dprnn", n_calls: int = 9, spread: float = 0.02
) -> list[Record]:
    """A process for each median, whose calls lie about it."""
    around = np.linspace(-spread, spread, n_calls)
    return [
        record("median_s", LatencyTimes(tuple(median * (1 + around))), index, model)
        for index, median in enumerate(medians)
    ]


@pytest.mark.parametrize("quantity", ["n_params", "macs", "flops", "peak_allocated_bytes"])
@pytest.mark.parametrize(
    ("value", "verdict", "words"),
    [
        (1_000_000, P, "1,000,000, budget 1,000,000"),
        (1_000_001, F, "1,000,001, 1 over budget 1,000,000"),
        (999_990, P, "999,990, 10 under budget 1,000,000"),
    ],
)
def test_a_count_has_no_tolerance(quantity: str, value: int, verdict: Verdict, words: str) -> None:
    check = judge(budget(quantity, 1_000_000), [holding(quantity, value)], BAR)
    assert (check.verdict, check.reason) == (verdict, words)
    assert (check.value, check.limit) == (value, 1_000_000)


@pytest.mark.parametrize(
    ("peaks", "verdict"), [((1, 2, 3), P), ((4, 5, 6), F), ((3, 3, 4), I), ((3,), P), ((4,), F)]
)
def test_resident_sets_must_agree(peaks: tuple[int, ...], verdict: Verdict) -> None:
    records = [holding("peak_rss_bytes", peak * 10**8) for peak in peaks]
    assert judge(budget("peak_rss_bytes", 3e8), records, BAR).verdict == verdict


STEADY = [0.020, 0.0201, 0.0199, 0.0202, 0.0198, 0.020, 0.0201, 0.0199, 0.020, 0.020]


@pytest.mark.parametrize(
    ("limit", "verdict"), [(0.021, P), (0.019, F), (0.02, I), (0.5, P), (0.001, F)]
)
def test_a_median_is_bounded_over_processes(limit: float, verdict: Verdict) -> None:
    check = judge(budget("median_s", limit), timed(STEADY), BAR)
    assert check.verdict == verdict
    assert check.value == pytest.approx(0.02, rel=0.01)
    assert ", each with 99% in 10 processes, budget " in check.reason


def test_one_process_is_not_enough_however_clear_it_seems() -> None:
    records = timed([0.02], n_calls=1000)
    for quantity in ("median_s", "p95_s", "rtf"):
        check = judge(budget(quantity, 10.0), records, BAR)
        assert check.verdict == I
        assert "1 process" in check.reason


@pytest.mark.parametrize(("limit", "verdict"), [(0.021, P), (0.019, F)])
def test_a_real_time_factor_is_time_over_duration(limit: float, verdict: Verdict) -> None:
    """8000 samples at 8 kHz last a second."""
    check = judge(budget("rtf", limit), timed(STEADY), BAR)
    assert check.verdict == verdict
    assert "of real time" in check.reason


def test_a_ratio_is_of_the_same_round() -> None:
    """The machine is ten times slower in some rounds; the ratio is 2 in all."""
    pace = [1, 10, 1, 1, 10, 1, 3, 1, 1, 10]
    reference = timed([0.01 * p for p in pace], "demucs")
    records = [*timed([0.02 * p for p in pace]), *reference]
    for limit, verdict in ((2.1, P), (1.9, F)):
        check = judge(budget("ratio", limit, "demucs"), records, BAR)
        assert check.verdict == verdict
        assert check.value == pytest.approx(2.0)
    assert judge(budget("ratio", 2.1, "demucs"), records[:10], BAR).verdict == F
    others = [record("ratio", LatencyTimes((1.0,)), 99, "demucs")]
    assert "no round has a time of both" in (
        judge(budget("ratio", 2.1, "demucs"), [*records[:10], *others], BAR).reason
    )


def turned(factors: Sequence[float], model: str, disturbed: Sequence[int] = ()) -> list[Record]:
    """Six rounds of calls in turns, in which the machine doubles its time from turn to turn."""
    paces = [0.01 * 2**turn for turn in range(4)]
    return [
        record("ratio", in_turns([factor * pace for pace in paces], disturbed), index, model)
        for index, factor in enumerate(factors)
    ]


def test_a_ratio_is_of_turns_that_both_made_undisturbed() -> None:
    """One network's first calls were disturbed, the other's last: medians are four times apart."""
    records = [*turned([2.0] * 6, "dprnn", (0, 1)), *turned([1.0] * 6, "demucs", (3,))]
    check = judge(budget("ratio", 2.1, "demucs"), records, BAR)
    assert check.verdict == P
    assert check.value == pytest.approx(2.0)


@pytest.mark.parametrize("quantity", ["median_s", "p95_s", "rtf", "ratio"])
def test_where_every_call_was_disturbed_the_verdict_is_open(quantity: str) -> None:
    records = [*turned([1.0] * 6, "dprnn", range(4)), *turned([1.0] * 6, "demucs")]
    reference = "demucs" if quantity == "ratio" else None
    check = judge(budget(quantity, 1e3, reference), records, BAR)
    assert (check.verdict, check.reason) == (I, "no value: every call was disturbed")


def test_disturbed_calls_are_in_no_median_nor_percentile() -> None:
    """Every other call takes a hundred times as long, and waited for a processor."""
    quiet_s = 0.02 * np.random.default_rng(0).lognormal(0, 0.001, (10, 30))
    records = [
        record("p95_s", in_turns(np.ravel([times_s, 100 * times_s], "F"), range(1, 60, 2)), index)
        for index, times_s in enumerate(quiet_s)
    ]
    spoilt = record("p95_s", in_turns([2.0], (0,)), 10)
    for quantity in ("median_s", "p95_s"):
        check = judge(budget(quantity, 0.021), [*records, spoilt], BAR)
        assert check.verdict == P
        assert check.value == pytest.approx(0.02, rel=0.005)


def kept(records: Sequence[Record]) -> list[Record]:
    """The same by processes that kept their pages, in half of the time."""
    found = []
    for old in records:
        assert isinstance(old.result, LatencyTimes)
        workload = replace(old.job.workload, keeps_pages=True)
        times_s = tuple(time_s / 2 for time_s in old.result.times_s)
        found.append(make_record(replace(old.job, workload=workload), LatencyTimes(times_s)))
    return found


def not_kept(records: Sequence[Record]) -> list[Record]:
    """The same, as before pages were kept."""
    return [
        replace(r, job=replace(r.job, workload=replace(r.job.workload, keeps_pages=False)))
        for r in records
    ]


def test_records_of_before_are_checked_and_give_way_to_those_with_kept_pages() -> None:
    old = not_kept(timed(STEADY))
    for records, value in ((old, 0.02), (kept(old), 0.01), ([*old, *kept(old)], 0.01)):
        check = judge(budget("median_s", 1.0), records, BAR)
        assert check.verdict == P
        assert check.value == pytest.approx(value, rel=0.01)


def test_a_ratio_is_of_two_processes_that_kept_their_pages_or_of_two_that_did_not() -> None:
    old, other = not_kept(timed(STEADY)), not_kept(timed([0.01] * 10, "demucs"))
    limits = budget("ratio", 3.0, "demucs")
    for records in ([*old, *other, *kept(old)], [*old, *other, *kept(other)]):
        check = judge(limits, records, BAR)
        assert check.verdict == P
        assert check.value == pytest.approx(2.0, rel=0.01)
    assert judge(limits, [*old, *kept(other)], BAR).verdict == F


@pytest.mark.parametrize(("limit", "n_rounds"), [(0.022, 4.0), (0.021, 15.26), (0.019, 13.81)])
def test_rounds_to_settle_are_those_after_which_a_bound_reaches_the_limit(
    limit: float, n_rounds: float
) -> None:
    """A bound 10 % away after four rounds, for a limit 10 % away and others about half as far."""
    check = Check("dprnn", "median_s", I, "", 0.02, 0.02 / 1.1, 0.022, limit)
    assert rounds_to_settle(check, 4) == pytest.approx(n_rounds, rel=1e-3)
    assert rounds_to_settle(replace(check, lower=0.0, upper=None), 4) is None


def test_a_percentile_needs_calls_that_are_worth_enough() -> None:
    rng = np.random.default_rng(0)
    many = [
        record("p95_s", LatencyTimes(tuple(0.018 * rng.lognormal(0, 0.02, 60))), r)
        for r in range(20)
    ]
    check = judge(budget("p95_s", 0.020), many, BAR)
    assert check.verdict == P
    assert check.reason.startswith("18.57 ms, at most 18.")
    assert "ms with 99% confidence (1200 calls in 20 processes, worth " in check.reason
    slow = judge(budget("p95_s", 0.018), many, BAR)
    assert slow.verdict == F
    assert "18.57 ms, at least 18." in slow.reason
    few = judge(budget("p95_s", 0.020), many[:3], BAR)
    assert few.verdict == I
    assert ": needs 90, budget 20.0 ms" in few.reason


@pytest.mark.parametrize("quantity", ["median_s", "p95_s", "rtf", "ratio"])
def test_a_printed_bound_lies_on_its_own_side_of_the_budget(quantity: str) -> None:
    """Also where three digits would not tell them apart."""
    reference = "demucs" if quantity == "ratio" else None
    rng = np.random.default_rng(0)
    records = [
        *timed(list(0.02 * rng.lognormal(0, 0.02, 20)), n_calls=60),
        *timed([0.01] * 20, "demucs"),
    ]
    lower = judge(budget(quantity, 1e-9, reference), records, BAR).lower
    assert lower is not None
    check = judge(budget(quantity, lower * (1 - 1e-5), reference), records, BAR)
    assert check.verdict == F
    _, bound, *_, limit = map(float, re.findall(r"\d+\.\d+", check.reason))
    assert bound > limit


BAD_NUMBERS = {"NaN": math.nan, "infinite": math.inf, "negative": -1}


def limited(quantity: str) -> Budget:
    """A budget that every value keeps; a ratio is to the network itself."""
    return budget(quantity, 1e12, "dprnn" if quantity == "ratio" else None)


@pytest.mark.parametrize("case", BAD_NUMBERS)
@pytest.mark.parametrize("quantity", LIMITS)
def test_what_is_no_number_above_zero_fails(quantity: str, case: str) -> None:
    bad = holding(quantity, BAD_NUMBERS[case], 1)
    for records in ([bad], [holding(quantity, 1, 0), bad]):
        check = judge(limited(quantity), records, BAR)
        assert check.verdict == F
        assert check.reason.startswith("no value: ")
        assert str(BAD_NUMBERS[case]) in check.reason


@pytest.mark.parametrize("quantity", LIMITS)
def test_the_result_of_another_probe_fails(quantity: str) -> None:
    """It has no such field."""
    other = record(quantity, measured(1.0, make_job(probe="layers")), 1)
    for records in ([other], [holding(quantity, 1, 0), other]):
        check = judge(limited(quantity), records, BAR)
        assert check.verdict == F
        assert check.reason.startswith("no value: its record has no ")


BAD_FIELDS: dict[str, Any] = {"none": None, "text": "12", "truth": True}


@pytest.mark.parametrize("case", ["no field", *BAD_FIELDS])
@pytest.mark.parametrize("quantity", LIMITS)
def test_a_stored_record_without_the_number_fails(tmp_path: Path, quantity: str, case: str) -> None:
    """Whether its line can be read without it or not."""
    fields = json.loads(encode_record(holding(quantity, 1)))
    field = "times_s" if LIMITS[quantity] == "latency" else quantity
    del fields["result"][field]
    if case != "no field":
        value = BAD_FIELDS[case]
        fields["result"][field] = [value] if field == "times_s" else value
    path = tmp_path / "records.jsonl"
    path.write_text(f"{encode_environment(ENVIRONMENT)}\n{json.dumps(fields)}\n")
    check = judge(limited(quantity), read_records(path).records, BAR)
    assert check.verdict == F
    assert check.reason.startswith("no value: ")


@pytest.mark.parametrize("quantity", LIMITS)
def test_no_record_and_a_failed_cell_fail_with_their_reason(quantity: str) -> None:
    reference = "demucs" if quantity == "ratio" else None
    strict = budget(quantity, 1e9, reference)
    missing = judge(strict, [], BAR)
    assert missing.verdict == F
    assert f"no record of dprnn {LIMITS[quantity]} with " in missing.reason
    failed = [
        fail(record(quantity, None, 0, name), Status.OOM, "No room.")
        for name in ("dprnn", "demucs")
    ]
    assert judge(strict, failed, BAR).reason == "no value: oom: No room."
    other_size = make_record(make_job("dprnn", LIMITS[quantity], n_samples=1, dtype="float64"))
    assert judge(strict, [other_size], BAR).verdict == F
