"""One budget against records that are made up."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from bench.gate.budgets import LIMITS, Budget
from bench.gate.verdict import Certainty, judge
from bench.registry import REGISTRY
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.verdict import Verdict
from tests.bench.example_records import fail, make_job, make_record

BAR = Certainty(0.99)
P, F, I = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741


def budget(quantity: str, limit: float, reference: str | None = None) -> Budget:
    workload = make_job("dprnn", LIMITS[quantity]).workload
    return Budget(
        REGISTRY["dprnn"], workload, quantity, limit, reference and REGISTRY[reference]  # type: ignore[arg-type]
    )  # fmt: skip


def record(
    quantity: str, measurement: Mapping[str, Any], round_index: int = 0, model: str = "dprnn"
) -> Record:
    return make_record(make_job(model, LIMITS[quantity], round_index=round_index), measurement)


def timed(
    medians: Sequence[float], model: str = "dprnn", n_calls: int = 9, spread: float = 0.02
) -> list[Record]:
    """A process for each median, whose calls lie about it."""
    around = np.linspace(-spread, spread, n_calls)
    return [
        record("median_s", LatencyTimes(tuple([median * (1 + a) for a in around])), index, model)
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
    check = judge(budget(quantity, 1_000_000), [record(quantity, {quantity: value})], BAR)
    assert (check.verdict, check.reason) == (verdict, words)
    assert (check.value, check.limit) == (value, 1_000_000)


@pytest.mark.parametrize(
    ("peaks", "verdict"), [((1, 2, 3), P), ((4, 5, 6), F), ((3, 3, 4), I), ((3,), P), ((4,), F)]
)
def test_resident_sets_must_agree(peaks: tuple[int, ...], verdict: Verdict) -> None:
    records = [record("peak_rss_bytes", {"peak_rss_bytes": peak * 1e8}) for peak in peaks]
    assert judge(budget("peak_rss_bytes", 3e8), records, BAR).verdict == verdict


STEADY = [0.020, 0.0201, 0.0199, 0.0202, 0.0198, 0.020, 0.0201, 0.0199, 0.020, 0.020]


@pytest.mark.parametrize(
    ("limit", "verdict"), [(0.021, P), (0.019, F), (0.02, I), (0.5, P), (0.001, F)]
)
def test_a_median_is_bounded_over_processes(limit: float, verdict: Verdict) -> None:
    check = judge(budget("median_s", limit), timed(STEADY), BAR)
    assert check.verdict == verdict
    assert check.value == pytest.approx(0.02, rel=0.01)
    assert "with 99% in 10 processes, budget " in check.reason


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


def test_a_percentile_needs_calls_that_are_worth_enough() -> None:
    rng = np.random.default_rng(0)
    many = [
        record("p95_s", {"times_s": list(0.018 * rng.lognormal(0, 0.02, 60))}, r) for r in range(20)
    ]
    check = judge(budget("p95_s", 0.020), many, BAR)
    assert check.verdict == P
    assert check.reason.startswith("18.6 ms, at most 18.")
    assert "ms with 99% confidence (1200 calls in 20 processes, worth " in check.reason
    slow = judge(budget("p95_s", 0.018), many, BAR)
    assert slow.verdict == F
    assert "18.6 ms, at least 18." in slow.reason
    few = judge(budget("p95_s", 0.020), many[:3], BAR)
    assert few.verdict == I
    assert ": needs 90, budget 20.0 ms" in few.reason


BAD_VALUES = {
    "NaN": math.nan,
    "infinite": math.inf,
    "none": None,
    "negative": -1,
    "text": "12",
    "truth": True,
}


@pytest.mark.parametrize("case", ["no field", *BAD_VALUES])
@pytest.mark.parametrize("quantity", LIMITS)
def test_what_is_missing_or_not_a_number_fails(quantity: str, case: str) -> None:
    is_time = LIMITS[quantity] == "latency"
    limited = budget(quantity, 1e9, "dprnn" if quantity == "ratio" else None)

    def holding(value: object, round_index: int) -> Record:
        measurement = LatencyTimes((value,)) if is_time else {quantity: value}
        return record(quantity, measurement, round_index)

    bad = record(quantity, {}, 1) if case == "no field" else holding(BAD_VALUES[case], 1)
    for records in ([bad], [holding(0.01, 0), bad]):
        check = judge(limited, records, BAR)
        assert check.verdict == F
        assert check.reason.startswith("no figure: ")


@pytest.mark.parametrize("quantity", LIMITS)
def test_no_record_and_a_failed_cell_fail_with_their_reason(quantity: str) -> None:
    reference = "demucs" if quantity == "ratio" else None
    limited = budget(quantity, 1e9, reference)
    missing = judge(limited, [], BAR)
    assert missing.verdict == F
    assert f"no record of dprnn {LIMITS[quantity]} with " in missing.reason
    failed = [
        fail(record(quantity, {}, 0, name), Status.OOM, "No room.") for name in ("dprnn", "demucs")
    ]
    assert judge(limited, failed, BAR).reason == "no figure: oom: No room."
    other_size = make_record(make_job("dprnn", LIMITS[quantity], n_samples=1, dtype="float64"))
    assert judge(limited, [other_size], BAR).verdict == F
