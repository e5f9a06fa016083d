"""Where memory goes: a row for each network and phase, the parts beside their sum, the ratio."""

from dataclasses import replace
from typing import Any

import pytest

from bench.registry import TABLE1
from bench.render.tables.memory import render_memory
from bench.results.measurements import MemoryPeaks
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_record

HEADS = [
    "Model",
    "Phase",
    "Peak of the process (MB)",
    "memory-profiler's (MB)",
    "Peak of the allocator (MB)",
    "Weights (MB)",
    "Gradients (MB)",
    "Adam's state (MB)",
    "Activations and workspace (MB)",
    "Theoretical minimum (MB)",
    "Held / minimum",
]


PEAKS = MemoryPeaks(
    peak_rss_bytes=300_000_000,
    memory_profiler_bytes=290_000_000,
    peak_allocated_bytes=100_000_000,
    weight_bytes=10_000_000,
    gradient_bytes=9_000_000,
    optimiser_bytes=18_000_000,
    activation_bytes=63_000_000,
    minimum_bytes=40_000_000,
)


def table(records: list[Record]) -> list[list[str]]:
    _, block, _ = render_memory(summarize(records)).split("\n\n")
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()]
    return lines[:1] + lines[2:]


def test_each_network_has_a_row_for_each_phase_in_the_papers_order() -> None:
    heads, *rows = table(list(complete_run()))
    assert heads == HEADS
    expected = [[entry.display_name, phase] for entry in TABLE1 for phase in "IB"]
    assert [row[:2] for row in rows] == expected


def test_a_row_by_hand() -> None:
    _, inference, update = table([make_record(make_job(probe="memory", phase="update"), PEAKS)])
    assert update[1:] == ["B", "300", "290", "100", "10.0", "9.00", "18.0", "63.0", "40.0", "2.50"]
    assert inference[1:] == ["I", *["not measured"] * 9]


@pytest.mark.parametrize("missing", ["minimum_bytes", "memory_profiler_bytes"])
def test_what_is_not_known_has_its_status_and_its_own_reason(missing: str) -> None:
    lacking: dict[str, Any] = {missing: None, "notes": {missing: "It is so."}}
    record = make_record(make_job(probe="memory"), replace(PEAKS, **lacking))
    assert summarize([record]).models[0].values[f"{missing}_inference"].reason == "It is so."
    row = dict(zip(HEADS, table([record])[1], strict=True))
    is_minimum = missing == "minimum_bytes"
    assert row["Theoretical minimum (MB)" if is_minimum else "memory-profiler's (MB)"] == (
        "unsupported"
    )
    assert row["Held / minimum"] == ("unsupported" if is_minimum else "2.50")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_in_no_column_is_said_where_there_is_such_a_thing(device: str) -> None:
    job = make_job(probe="memory", phase="update", device=device)
    text = render_memory(summarize([make_record(job, PEAKS)]))
    assert ("cuBLAS" in text) == (device == "cuda")


def test_a_cell_that_failed_is_not_blank() -> None:
    failed = [fail(record, Status.OOM, "Full.") for record in complete_run(TABLE1[:1])]
    assert all(row[2:] == ["oom"] * 9 for row in table(failed)[1:])
