"""Kept pages: both kinds of one network, matched by round and turn."""

from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.results.measurements import LatencyTimes
from bench.results.pages import summarize_pages
from bench.results.record import Record, Status
from tests.bench.example_records import complete_run, fail, make_job, make_rounds


def both(model: str = "dprnn", factor: float = 3.0) -> list[Record]:
    """Rounds in which calls without kept pages take ``factor`` times as long."""
    kept = make_rounds(
        [[0.1, 0.2]] * 3, make_job(model, keeps_pages=True), turns=(0, 1), page_faults=(0, 2)
    )
    given_back = make_rounds(
        [[0.1 * factor, 0.2 * factor]] * 3,
        make_job(model, keeps_pages=False),
        turns=(0, 1),
        page_faults=(900, 1100),
    )
    return [record for pair in zip(given_back, kept, strict=True) for record in pair]


def test_a_gain_is_the_ratio_of_turns_and_the_page_faults_of_both() -> None:
    (gain,) = summarize_pages(both())
    assert (gain.display_name, gain.phase) == ("DPRNN", "inference")
    assert gain.ratio is not None
    assert gain.ratio.value == pytest.approx(3.0)
    assert gain.default.value == pytest.approx(3.0 * gain.kept.value)
    assert (gain.default_page_faults, gain.kept_page_faults) == (1000, 1)


def test_turns_in_which_the_machine_is_slow_cancel() -> None:
    records = both()
    slow = [
        replace(
            record, result=LatencyTimes(tuple(9 * t for t in record.result.times_s), turns=(0, 1))
        )
        if record.job.round == 2 and isinstance(record.result, LatencyTimes)
        else record
        for record in records
    ]
    (gain,) = summarize_pages(slow)
    assert gain.ratio is not None
    assert gain.ratio.interval is not None
    assert gain.ratio.interval.high / gain.ratio.interval.low == pytest.approx(1)
    assert not gain.default.is_trusted


def test_networks_and_phases_are_apart_and_own_ones_have_their_path() -> None:
    update = [
        replace(r, job=replace(r.job, workload=replace(r.job.workload, phase="update")))
        for r in both(factor=2.0)
    ]
    found = summarize_pages([*both(), *both("a.b:c", 4.0), *update])
    assert [(gain.display_name, gain.phase) for gain in found] == [
        ("DPRNN", "inference"),
        ("a.b:c", "inference"),
        ("DPRNN", "update"),
    ]
    assert [gain.ratio.value for gain in found if gain.ratio] == pytest.approx([3.0, 4.0, 2.0])


def test_a_network_that_was_timed_one_way_has_no_row() -> None:
    only_kept = [record for record in both() if record.job.workload.keeps_pages]
    assert summarize_pages(only_kept) == []
    failed = [
        record if record.job.workload.keeps_pages else fail(record, Status.OOM, "Full.")
        for record in both()
    ]
    assert summarize_pages(failed) == []


def test_other_probes_are_passed_over() -> None:
    others = [record for record in complete_run(TABLE1[:1]) if record.job.probe != "latency"]
    assert summarize_pages([*others, *both()]) == summarize_pages(both())
