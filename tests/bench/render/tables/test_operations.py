"""The report on operations: counts as the records have them, and a reason for each difference."""

from dataclasses import replace

from bench.registry import TABLE1, select_entries
from bench.render.tables.operations import COUNTERS, render_operations
from bench.results.measurements import (
    Cause,
    CounterComparison,
    CounterResult,
    ModuleCounts,
    ModuleRow,
    ScalingCounts,
)
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
        "Training step",
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
    row = table_after(text, "Training step")[2]
    assert row[1:] == ["6.0000", "16.0000", "3.000", "40.000", "5.30"]
    row = table_after(text, "How operations grow with the length")[2]
    assert row[1:] == ["0.1000", "2.000", "yes", "1.0200", "4.000"]


def test_a_gap_is_named_with_its_reason() -> None:
    text = render_operations(TABLE1, all_records())
    assert "dprnn, ptflops (I): ptflops is not installed: pip install X" in text


def test_a_failed_cell_is_named_with_its_reason() -> None:
    records = all_records()
    records[0] = replace(records[0], status=Status.OOM, reason="No room.", result=None)
    text = render_operations(TABLE1, records)
    assert "conv-tasnet, counters: oom: No room." in text
    assert table_after(text, "Training step")[2][1] == "not counted"


def test_every_counter_on_every_network_is_compared_and_nothing_is_guessed() -> None:
    """These records hold no causes."""
    text = render_operations(TABLE1, all_records())
    rows = table_after(text, "Why they differ")[2:]
    assert [row[:2] for row in rows] == [
        [title, entry.display_name] for title in COUNTERS.values() for entry in TABLE1
    ]
    said = {row[0]: row[2:] for row in rows}
    assert said == {
        "torch's counter / 2": ["equal to ours", ""],
        "fvcore": ["not explained in these records", "+10.0%"],
        "ptflops": ["not counted (the reason is at the end)", ""],
        "thop's rules": ["not explained in these records", "+25.0%"],
    }


def test_a_cause_is_said_of_the_network_that_has_it() -> None:
    records = all_records()
    found = replace(COUNTS.inference["fvcore"], causes=(Cause("no matmul", "group_norm", 0.2e9),))
    explained = replace(COUNTS, inference=dict(COUNTS.inference) | {"fvcore": found})
    records[2] = replace(records[2], result=explained)
    text = render_operations(TABLE1, records)
    rows = [row for row in table_after(text, "Why they differ") if "`group_norm`" in row[2]]
    assert [row[:2] for row in rows] == [["fvcore", TABLE1[1].display_name]]


def test_our_count_stands_where_the_comparison_failed() -> None:
    job = make_job("conv-tasnet", "counters")
    rows = (ModuleRow("", "N", "other", 1, 3_000_000_000, 7_000_000_000, 0, 0, 8),)
    records = [
        replace(make_record(job, COUNTS), status=Status.KILLED, reason="Full.", result=None),
        make_record(make_job("conv-tasnet", "layers"), ModuleCounts(rows)),
    ]
    text = render_operations(TABLE1[:1], records)
    row = table_after(text, "Inference: our MACs beside other counters")[2]
    assert row[1:3] == ["3.0000", "7.0000"]
    assert "conv-tasnet, counters: killed: Full." in text


def test_operators_in_no_count_are_named() -> None:
    records = all_records()
    ours = replace(COUNTS.inference["ours"], unknown_operators=("_fft_r2c", "_fft_c2r"))
    found = replace(COUNTS, inference=dict(COUNTS.inference) | {"ours": ours})
    records[0] = replace(records[0], result=found)
    text = render_operations(TABLE1, records)
    assert "conv-tasnet, ours (I): no formula for `_fft_r2c`, `_fft_c2r`" in text


def test_small_networks_have_a_unit_that_fits() -> None:
    small = CounterComparison({"ours": CounterResult(2.5e6, 5_100_000)}, {})
    text = render_operations(TABLE1[:1], [make_record(make_job("conv-tasnet", "counters"), small)])
    row = table_after(text, "Inference: our MACs beside other counters")[2]
    assert row[1:3] == ["2.5000", "5.1000"]
    assert "In M." in text


def test_a_report_speaks_of_the_networks_in_it_alone() -> None:
    """Own networks: nothing of the paper, of its networks, or of what they do."""
    (entry,) = select_entries(["nets:mine"])
    records = [make_record(make_job(entry.name, "counters"), COUNTS)]
    text = render_operations([entry], records)
    assert "As the paper counted" not in text
    for known in (*(entry.display_name for entry in TABLE1), "SuDoRM-RF", "The paper's B"):
        assert known not in text


def test_the_verdict_is_of_the_nearer_rule() -> None:
    text = render_operations(TABLE1, all_records())
    rows = {row[0]: row for row in table_after(text, "As the paper counted")[2:]}
    assert rows["SuDoRM-RF 1.0x"][-1] == "yes, by thop's rules"  # 2.50 is nearer to 2.52 than 2.46
    assert rows["SuDoRM-RF 0.25x"][-1] == "no"
