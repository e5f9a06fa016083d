"""From records to one value for each metric, or a range of a time, and never a blank."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.registry import OPTIONAL, REGISTRY, TABLE1, VARIANTS
from bench.results.measurements import LatencyTimes, MemoryPeaks, OperationCount, Tally
from bench.results.metrics import GPU_METRICS, METRICS, Metric
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Status
from bench.results.statistics import Interval, estimate
from bench.results.summary import NOT_KNOWN_HERE, NOT_MEASURED, Value, summarize
from bench.results.timing import Doubt, DoubtKind
from bench.results.workload import GPU_PHASES, PHASES, Phase
from tests.bench.example_records import (
    SETTINGS,
    complete_run,
    complete_run_on_gpu,
    fail,
    make_job,
    make_record,
    make_rounds,
)
from tests.bench.example_results import measured
from tests.bench.results.summaries import rounds, update_on, value_of


@given(st.lists(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=7), min_size=1, max_size=9))
def test_a_time_is_its_estimate_or_where_that_can_not_be_trusted_a_range(
    times_s: list[list[float]],
) -> None:
    expected, shown = (
        estimate(times_s),
        value_of(summarize(rounds(*times_s)), "latency_s_inference"),
    )
    assert shown.status == Status.OK
    if expected.is_trusted:
        assert (shown.value, shown.span) == (expected.value, None)
        assert shown.interval == expected.interval
    else:
        assert (shown.value, shown.span, shown.interval) == (None, expected.span, None)
        assert shown.doubts
    assert not shown.is_missing


def test_a_range_is_explained_without_its_numbers() -> None:
    (row,) = summarize(rounds([1.0], [2.0])).models
    (explained,) = row.to_explain()
    assert (explained.value, explained.span, explained.interval) == (None, None, None)
    assert [doubt.kind for doubt in explained.doubts] == ["few_processes", "few_calls"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_comes_from_its_probe_and_phase(metric: Metric) -> None:
    job = make_job("dprnn", metric.probe, metric.phase)
    value = getattr(measured(1.0, job), metric.field)
    summary = summarize([record for record in complete_run() if record.job.model == "conv-tasnet"])
    shown = value_of(summary, metric.name, "conv-tasnet").value
    if metric.probe == "latency":  # the middle of the first network's rounds
        value = 0.101 * (3 if metric.phase == "update" else 1)
    assert shown == pytest.approx(value, rel=1e-12)


def test_a_whole_run_has_every_value_in_the_registrys_order() -> None:
    records = list(complete_run((*VARIANTS, *TABLE1[::-1])))
    summary = summarize(records)
    assert [row.entry for row in summary.models] == [*TABLE1, *VARIANTS]
    for row in summary.models:
        assert row.published == PUBLISHED.get(row.entry.name)
        assert row.to_explain() == {}
        assert all(v.value is not None and v.status == Status.OK for v in row.values.values())


def test_own_networks_come_last_by_their_path() -> None:
    path = "my.networks:small"
    own = make_record(make_job(path, factory=path), LatencyTimes((1.0,)))
    summary = summarize([own, *rounds([2.0])])
    assert [row.entry.name for row in summary.models] == ["dprnn", path]
    assert summary.models[1].entry.factory == path
    assert summary.models[1].published is None


def test_a_round_that_failed_keeps_the_value_and_says_so() -> None:
    records = rounds(*[[2.0, 2.0]] * 4)
    records[3] = fail(records[3], Status.TIMEOUT, "Too slow.")
    summary = summarize(records)
    shown = value_of(summary, "latency_s_inference")
    doubt = Doubt(DoubtKind.ROUNDS_FAILED, 1, 4, causes=("Too slow.",))
    assert shown == Value(2.0, doubts=(doubt,), interval=Interval(2.0, 2.0, 0.95))
    assert summary.models[0].to_explain() == {Value(None, doubts=(doubt,)): ["latency_s_inference"]}


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_cell_that_failed_has_its_status_and_reason(status: Status) -> None:
    bad = [fail(record, status, "A sentence.") for record in rounds([1.0], [2.0])]
    summary = summarize(bad)
    assert value_of(summary, "latency_s_inference") == Value(None, status, "A sentence.")
    assert summary.models[0].to_explain() == {
        Value(None, status, "A sentence."): ["latency_s_inference"]
    }


def test_values_with_one_reason_are_explained_together() -> None:
    job = make_job(probe="operations")
    summary = summarize([fail(make_record(job), Status.ERROR, "A sentence.")])
    assert summary.models[0].to_explain() == {
        Value(None, Status.ERROR, "A sentence."): ["macs_inference", "flops_inference"]
    }


def test_what_was_not_asked_for_is_skipped_and_nothing_to_explain() -> None:
    summary = summarize(rounds(*[[1.0, 1.0]] * 3))
    assert value_of(summary, "latency_s_update") == NOT_MEASURED
    assert NOT_MEASURED.status == Status.SKIPPED
    assert NOT_MEASURED.reason
    assert summary.models[0].to_explain() == {}


@pytest.mark.parametrize(
    ("status", "shown"),
    [(Status.BAD_SHAPE, Status.BAD_SHAPE), (Status.TIMEOUT, Status.SKIPPED)],
)
def test_a_network_that_breaks_its_contract_has_that_reason_everywhere(
    status: Status, shown: Status
) -> None:
    """And one whose check failed for a reason of the machine's was just not measured."""
    record = fail(make_record(make_job(probe="contract")), status, "A sentence.")
    (row,) = summarize([record]).models
    assert {value.status for value in row.values.values()} == {shown}
    names = [metric.name for metric in METRICS]
    expected = {Value(None, status, "A sentence."): names} if shown == status else {}
    assert row.to_explain() == expected


def test_a_field_that_a_device_does_not_know_is_unsupported() -> None:
    job = make_job(probe="memory", phase="update", device="cuda")
    peaks = MemoryPeaks(5, 1, 1, 1, 2, notes={"minimum_bytes": "It was not traced."})
    summary = summarize([make_record(job, peaks)])
    assert value_of(summary, "peak_allocated_bytes_update").value == 5
    unknown, noted = (value_of(summary, f"{n}_bytes_update") for n in ("peak_rss", "minimum"))
    assert unknown.status == noted.status == Status.UNSUPPORTED
    assert unknown.reason == NOT_KNOWN_HERE
    assert noted.reason == "It was not traced."


def test_operators_without_a_formula_are_added_up_and_make_each_count_doubtful() -> None:
    seen: dict[Phase, dict[str, int]] = {"inference": {"fft": 2}, "update": {"fft": 3, "sort": 1}}
    records = [
        make_record(make_job(probe="operations", phase=phase), with_unknown(unknown))
        for phase, unknown in seen.items()
    ]
    (row,) = summarize(records).models
    assert row.unknown_operators == {"fft": 5, "sort": 1}
    inference, update = (
        (Doubt(DoubtKind.UNKNOWN_OPERATORS, n, causes=names),)
        for n, names in ((2, ("fft",)), (4, ("fft", "sort")))
    )
    assert row.to_explain() == {
        Value(None, doubts=inference): ["macs_inference", "flops_inference"],
        Value(None, doubts=update): ["macs_update", "flops_update"],
    }


def with_unknown(unknown: dict[str, int]) -> OperationCount:
    known = {"convolution": Tally("matmul", calls=7, macs=1, flops=2)}
    return OperationCount(
        1, 2, known | {name: Tally("unknown", calls) for name, calls in unknown.items()}, "meta"
    )


def test_a_summary_without_any_environment() -> None:
    """All processes died before they could describe it."""
    dead = [
        replace(fail(record, Status.KILLED, "It died."), environment=None)
        for record in complete_run()
    ]
    summary = summarize(dead)
    assert summary.environment_name == summary.update_device_name == "unknown machine"
    assert {v.status for row in summary.models for v in row.values.values()} == {Status.KILLED}


def test_the_environment_is_of_the_first_process_that_described_it() -> None:
    first, second = rounds([1.0], [2.0])
    dead = replace(fail(first, Status.OOM, "Full."), environment=None, state=None)
    summary = summarize([dead, second])
    assert summary.environment_name == "Example CPU"
    assert summary.state == second.state


@pytest.mark.parametrize(("device", "name"), [("cuda", "Example GPU"), ("cpu", "Example CPU")])
def test_the_update_device_by_name(device: str, name: str) -> None:
    summary = summarize([update_on(device)])
    assert (summary.update_device, summary.update_device_name) == (device, name)
    assert summary.environment_name == "Example CPU"


def test_a_run_began_with_its_earliest_record() -> None:
    records = [
        replace(record, started_at=f"2026-01-0{day}T00:00:00+00:00")
        for day, record in zip((3, 1, 2), rounds([1.0], [1.0], [1.0]), strict=True)
    ]
    assert summarize(records).started_at == "2026-01-01T00:00:00+00:00"


def test_a_run_says_how_its_times_were_obtained() -> None:
    jobs = (make_job(name, keeps_pages=False) for name in ("sudormrf-1.0x", "dprnn"))
    base, *others = (make_rounds([[1.0]], job) for job in jobs)
    alone = summarize([*base, *others[0]])
    assert (alone.keeps_pages, alone.took_turns, alone.base_name) == (
        False,
        False,
        "SuDoRM-RF 1.0x",
    )
    together = summarize(make_rounds([[1.0]], make_job(keeps_pages=True), turns=(0,)))
    assert (together.keeps_pages, together.took_turns, together.base_name) == (True, True, "DPRNN")


def test_without_a_gpu_a_run_has_the_papers_phases_and_nothing_else() -> None:
    summary = summarize(complete_run())
    assert summary.phases == PHASES
    assert summary.metrics == METRICS
    assert summary.gpu_overhead is None
    assert not any(model.gpu for model in summary.models)


def test_with_a_gpu_inference_there_has_values_of_its_own() -> None:
    """Also a cell that failed; what is of the CPU alone stays as it was."""
    records = complete_run_on_gpu(TABLE1[:2])
    summary = summarize(records)
    assert summary.phases == GPU_PHASES
    for row in summary.models:
        assert set(row.values) == {metric.name for metric in (*METRICS, *GPU_METRICS)}
        assert set(row.timings) == set(GPU_PHASES)
        assert set(row.gpu) == {"gpu_inference", "update"}
    launches = next(r for r in records if r.job.probe == "launches")
    failed = fail(launches, Status.OOM, "Full.")
    changed = summarize([failed if r is launches else r for r in records])
    value = changed.models[0].values[f"n_launches_{launches.job.workload.phase}"]
    assert (value.status, value.reason) == (Status.OOM, "Full.")


def test_the_harness_costs_are_told_apart_by_the_device() -> None:
    """Of inference on the CPU as before, whatever it is on the GPU."""
    records = [
        replace(record, result=replace(record.result, times_s=(2.0, 2.0, 2.0)))
        if record.job.model == "null"
        and record.job.workload.device == "cuda"
        and isinstance(record.result, LatencyTimes)
        else record
        for record in complete_run_on_gpu(TABLE1[:2])
    ]
    summary, before = summarize(records), summarize(complete_run(TABLE1[:2]))
    assert summary.overhead == before.overhead
    assert summary.gpu_overhead is not None
    assert summary.gpu_overhead.latency.value == pytest.approx(2.0)


def test_records_of_before_with_the_training_step_on_a_gpu_have_two_phases() -> None:
    records = [
        record
        for record in complete_run_on_gpu(TABLE1[:2])
        if record.job.workload.phase != "gpu_inference" and record.job.probe != "launches"
    ]
    summary = summarize(records)
    assert (summary.phases, summary.metrics) == (PHASES, METRICS)
    assert all(set(row.gpu) == {"update"} for row in summary.models)
    assert all(row.gpu["update"].launches is None for row in summary.models)


def test_networks_of_several_rates_share_a_table_of_one_duration() -> None:
    """A length that is no whole number of samples at 44.1 kHz is one duration all the same."""
    settings = replace(SETTINGS, n_samples=1001)
    entries = (REGISTRY["dprnn"], OPTIONAL["htdemucs"])
    summary = summarize(complete_run(entries, settings))
    assert summary.rates == (8000, 44_100)
    assert [model.timings.keys() for model in summary.models] == [{"inference", "update"}] * 2
