from dataclasses import replace
from typing import Any

import pytest

from bench.registry import TABLE1, Entry
from bench.render.tables.operations import CAUSES, COUNTERS, render_operations
from bench.results.record import Record, Status
from tests.bench.example_records import ENVIRONMENT, make_job

COUNTS: dict[str, Any] = {
    "ours": {"macs": 2e9, "flops": 5e9, "elapsed_s": 0.25},
    "ours_update": {"macs": 6e9, "flops": 16e9},
    "torch_update": {"macs": 40e9, "elapsed_s": 1.0},
    "torch": {"macs": 2e9, "elapsed_s": 0.5},
    "fvcore": {"macs": 2.2e9, "elapsed_s": 0.75},
    "ptflops": {"reason": "ptflops is not installed: pip install X"},
    "thop_rules": {"macs": 2.5e9},
    "transposed_once_rules": {"macs": 2.46e9},
}
SCALING: dict[str, Any] = {
    "fixed_macs": 1e8,
    "macs_per_sample": 250_000.0,
    "is_on_a_line": True,
    "error_at_checked": 0.02,
    "batch_ratio": 4.0,
}


def make_record(entry: Entry, probe: Any, measurement: dict[str, Any]) -> Record:
    job = make_job(entry.name, probe)
    return Record(job, Status.OK, "", measurement, ENVIRONMENT, "2026-01-01T00:00:00+00:00", 1.0)


def all_records() -> list[Record]:
    return [
        make_record(entry, probe, measurement)
        for entry in TABLE1
        for probe, measurement in (("counters", COUNTS), ("scaling", SCALING))
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


def test_figures_are_the_records() -> None:
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
