"""Where memory goes: a row for each network and phase, the parts beside their sum, the ratio."""

import pytest

from bench.registry import TABLE1
from bench.render.tables.memory import render_memory
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
    fields = {
        "peak_rss_bytes": 300e6,
        "memory_profiler_bytes": 290e6,
        "peak_allocated_bytes": 100e6,
        "weight_bytes": 10e6,
        "gradient_bytes": 9e6,
        "optimiser_bytes": 18e6,
        "activation_bytes": 63e6,
        "minimum_bytes": 40e6,
    }
    _, inference, update = table([make_record(make_job(probe="memory", phase="update"), fields)])
    assert update[1:] == ["B", "300", "290", "100", "10.0", "9.00", "18.0", "63.0", "40.0", "2.50"]
    assert inference[1:] == ["I", *["skipped"] * 9]


@pytest.mark.parametrize("missing", ["minimum_bytes", "memory_profiler_bytes"])
def test_what_is_not_known_has_its_status_and_its_own_reason(missing: str) -> None:
    fields = {"peak_allocated_bytes": 2e6, "minimum_bytes": 1e6, "memory_profiler_bytes": 3e6}
    del fields[missing]
    record = make_record(make_job(probe="memory"), {**fields, f"{missing}_note": "It is so."})
    assert summarize([record]).models[0].values[f"{missing}_inference"].reason == "It is so."
    row = dict(zip(HEADS, table([record])[1], strict=True))
    is_minimum = missing == "minimum_bytes"
    assert row["Theoretical minimum (MB)" if is_minimum else "memory-profiler's (MB)"] == (
        "unsupported"
    )
    assert row["Held / minimum"] == ("unsupported" if is_minimum else "2.00")


def test_a_cell_that_failed_is_not_blank() -> None:
    failed = [fail(record, Status.OOM, "Full.") for record in complete_run(TABLE1[:1])]
    assert all(row[2:] == ["oom"] * 9 for row in table(failed)[1:])
