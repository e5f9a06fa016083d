"""The report on operations: counts as the records have them, and a reason for each difference."""

from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.tables.operations import CAUSES, COUNTERS, render_operations
from bench.results.measurements import CounterComparison, CounterResult, ScalingCounts
from bench.results.record import Record, Status
from tests.bench.example_records import make_job, make_record

COUNTS = CounterComparison(
    inference={
        "ours": CounterResult(2e9, 5_000_000_000, 0.25),
        "torch": CounterResult(2e9, elapsed_s=0.5),
        "fvcore": CounterResult(2.2e9, elapsed_s=0.75),
        "ptflops": CounterResult(reason="ptflops is not installed: pip install X"),
        "thop_rules": CounterResult(2.5e9),
        "transposed_once_rules": CounterResult(2.46e9),
    },
    update={
        "ours": CounterResult(6e9, 16_000_000_000),
        "torch": CounterResult(40e9, elapsed_s=1.0),
    },
)
SCALING = ScalingCounts(
    fitted_samples=(8000, 16000, 24000),
    fitted_macs=(2_100_000_000, 4_100_000_000, 6_100_000_000),
    fixed_macs=1e8,
    macs_per_sample=250_000.0,
    is_on_a_line=True,
    checked_samples=160000,
    checked_macs=39_000_000_000,
    error_at_checked=0.02,
    checked_batch=4,
    batch_ratio=4.0,
)


def all_records() -> list[Record]:
    return [
        make_record(make_job(entry.name, probe), result)
        for entry in TABLE1
        for probe, result in (("counters", COUNTS), ("scaling", SCALING))
    ]


def table_after(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = text.split(f"## {heading}")[1]
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_table_is_well_formed_and_has_a_row_for_each_network() -> None:
    text = render_operations(TABLE1, all_records())
    for heading in (
        "Inference: our MACs beside other counters",
        "Update step",
        "As the paper counted",
        "How operations grow with the length",
    ):
        head, _, *rows = table_after(text, heading)
        assert {len(row) for row in rows} == {len(head)}
        assert [row[0] for row in rows] == [entry.display_name for entry in TABLE1]


def test_values_are_the_records() -> None:
    text = render_operations(TABLE1, all_records())
    row = table_after(text, "Inference: our MACs beside other counters")[2]
    assert row[1:] == ["2.0000", "5.0000", "2.000", "2.200", "not counted", "2.500", "5.23"]
    row = table_after(text, "Update step")[2]
    assert row[1:] == ["6.0000", "16.0000", "3.000", "40.000", "5.30"]
    row = table_after(text, "How operations grow with the length")[2]
    assert row[1:] == ["0.1000", "2.000", "yes", "1.0200", "4.000"]


def test_a_gap_is_named_with_its_reason() -> None:
    text = render_operations(TABLE1, all_records())
    assert "dprnn, ptflops: ptflops is not installed: pip install X" in text


def test_a_failed_cell_is_named_with_its_reason() -> None:
    records = all_records()
    records[0] = replace(records[0], status=Status.OOM, reason="No room.", result=None)
    text = render_operations(TABLE1, records)
    assert "conv-tasnet, counters: oom: No room." in text
    assert table_after(text, "Update step")[2][1] == "not counted"


def test_only_an_unequal_count_has_a_cause() -> None:
    text = render_operations(TABLE1, all_records())
    section = text.split("## Why they differ")[1].split("\n## ")[0]
    torch_lines = [line for line in section.splitlines() if "torch's" in line]
    assert len(torch_lines) == 1
    assert torch_lines[0].endswith("equal to ours.")
    assert "SuDoRM-RF 1.0x (+10.0%)" in section


@pytest.mark.parametrize("counter", ["fvcore", "ptflops", "thop_rules"])
def test_causes_cover_every_network(counter: str) -> None:
    assert counter in COUNTERS
    for entry in TABLE1:
        assert (counter, entry.name) in CAUSES or (counter, "") in CAUSES


def test_the_verdict_is_of_the_nearer_rule() -> None:
    text = render_operations(TABLE1, all_records())
    rows = {row[0]: row for row in table_after(text, "As the paper counted")[2:]}
    assert rows["SuDoRM-RF 1.0x"][-1] == "yes, by thop's rules"  # 2.50 is nearer to 2.52 than 2.46
    assert rows["SuDoRM-RF 0.25x"][-1] == "no: not known"
