"""From records of forms to rows."""

from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.results.form_summary import pays_after, summarize_forms
from bench.results.measurements import LatencyTimes
from bench.results.record import Status
from bench.results.timing import LatencySummary, summarize_latency
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.made_up_forms import FORM, rounds, timed

BASE = rounds(0.1)


def latency(call_s: float, first_s: float, plain_s: float = 0.1) -> LatencySummary:
    """Beside a plain form whose call takes so long."""
    records = [timed(call_s, index, first_s=first_s) for index in range(3)]
    found = summarize_latency(records, [timed(plain_s, index) for index in range(3)])
    assert found is not None
    return found


def test_each_form_has_its_ratio_to_eager_in_the_same_rounds() -> None:
    base, other = summarize_forms([*BASE, *rounds(0.04, FORM, runtime="openvino")])
    assert base.is_base
    assert not other.is_base
    assert base.timing is not None
    assert other.timing is not None
    assert other.timing.ratio is not None
    assert other.timing.ratio.value == pytest.approx(0.4)
    assert other.form == FORM
    assert other.preparation_s == 12.0
    assert other.threads_used == pytest.approx(1.0)


def test_one_call_that_was_sent_away_does_not_say_how_many_threads_are_used() -> None:
    """Its own thread waited between the two clocks, and another spun."""
    times = LatencyTimes(times_s=(1e-4,) * 5, processor_s=(2e-4, 2e-4, 5e-3, 2e-4, 2e-4))
    assert times.threads_used == pytest.approx(2.0)


def test_it_has_paid_for_itself_when_the_sums_meet() -> None:
    """By adding up call after call."""
    plain, fast = latency(0.1, first_s=0.3), latency(0.06, first_s=0.9)
    number = pays_after(plain, fast, preparation_s=12.0)
    assert number is not None

    def sums(n: int) -> tuple[float, float]:
        eager = 0.3 + (n - 1) * plain.latency.value
        return eager, 12.0 + 0.9 + (n - 1) * fast.latency.value

    eager_s, ours_s = sums(number)
    assert ours_s <= eager_s
    eager_s, ours_s = sums(number - 1)
    assert ours_s > eager_s


def test_a_form_that_is_no_faster_never_pays() -> None:
    assert pays_after(latency(0.1, 0.3), latency(0.1, 0.1), 0.0) is None
    assert pays_after(latency(0.1, 0.3), latency(0.2, 0.1), 0.0) is None


def test_what_a_call_saves_is_told_by_calls_that_took_turns() -> None:
    """A form whose own processes had the quieter moments seems to save time, and does not."""
    fast = replace(latency(0.1, 0.3), latency=latency(0.06, 0.3).latency)
    assert pays_after(latency(0.1, 0.3), fast, 0.0) is None


def test_one_that_costs_nothing_pays_at_once() -> None:
    assert pays_after(latency(0.1, 0.3), latency(0.05, 0.3), 0.0) == 1


def test_a_mismatch_in_one_process_leaves_no_time() -> None:
    good = rounds(0.04, FORM, runtime="openvino")
    _, form = summarize_forms([*BASE, *good[:2], fail(good[2], Status.MISMATCH, "It differs.")])
    assert (form.status, form.reason, form.timing) == (Status.MISMATCH, "It differs.", None)


def test_a_network_that_breaks_its_contract_has_one_row() -> None:
    broken = fail(make_record(make_job("dprnn", "contract")), Status.ERROR, "It raises.")
    found = summarize_forms([broken, *BASE])
    assert [(form.entry.name, form.status) for form in found] == [
        ("dprnn", Status.ERROR),
        ("sudormrf-1.0x", Status.OK),
    ]


def test_other_sizes_share_no_table() -> None:
    with pytest.raises(UsageError, match="several lengths"):
        summarize_forms([*BASE, timed(0.1, 3, n_samples=16_000)])
    with pytest.raises(UsageError, match="no complete records"):
        summarize_forms([])
