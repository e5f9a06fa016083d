"""Inference on a GPU: a table of its own, below one that stays as the paper has it."""

from dataclasses import replace

import pytest

from bench.registry import TABLE1, TABLE2
from bench.render.tables.gpu_inference import render_gpu_inference
from bench.render.tables.table1 import render_table1
from bench.render.tables.table2 import render_table2
from bench.results.record import Status
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import complete_run, complete_run_on_gpu, fail
from tests.bench.render.tables.test_table1 import paper_table, tables


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return summarize(complete_run_on_gpu())


def test_each_network_has_time_memory_and_launches(summary: RunSummary) -> None:
    """Network number k takes 101 ms, 90 MB and 500 kernels times k; number five is the base."""
    (heads, *rows) = next(tables("\n\n".join(render_gpu_inference(summary))))
    assert heads == [
        "Model",
        "Time I on the GPU (ms)<br>ratio to SuDoRM-RF 1.0x",
        "Memory I on the GPU (MB)",
        "Launches I on the GPU",
    ]
    assert [row[0] for row in rows] == [entry.display_name for entry in TABLE1]
    assert rows[0][1:] == ["**101** ± 2 %; ratio 0.200 ± 0.0 %", "**90.0**", "**500**"]
    assert rows[4][1:] == ["**505** ± 2 %", "**450**", "**2500**"]


def test_it_stands_below_the_papers_table_which_keeps_its_columns(summary: RunSummary) -> None:
    _, first, second, *_ = tables(render_table1(summary))
    on_cpu = paper_table(render_table1(summarize(complete_run())))
    assert [head.partition("<br>")[0] for head in first[0]] == [
        head.partition("<br>")[0] for head in on_cpu[0]
    ]
    assert second[0][1].startswith("Time I on the GPU")


def test_a_failure_has_its_status_there_and_its_reason_in_the_notes() -> None:
    records = [
        fail(r, Status.OOM, "Full.")
        if (r.job.model, r.job.workload.phase) == ("demucs", "gpu_inference")
        else r
        for r in complete_run_on_gpu()
    ]
    failed = summarize(records)
    rows = {row[0]: row for row in next(tables("\n\n".join(render_gpu_inference(failed))))}
    assert rows["Demucs"][1:] == ["**oom**"] * 3
    (note,) = [line for line in render_table1(failed).splitlines() if "oom: Full." in line]
    assert note.startswith("- Demucs, ")
    assert "Time I on the GPU" in note
    assert "Launches I on the GPU" in note


def test_table_2_has_it_too() -> None:
    text = render_table2(summarize(complete_run_on_gpu(TABLE2[:2])))
    assert "## Inference on the GPU" in text
    assert "## GPU\n" in text


def test_without_a_gpu_there_is_no_such_table() -> None:
    on_cpu = summarize(complete_run())
    assert list(render_gpu_inference(on_cpu)) == []
    assert "on the GPU" not in render_table1(on_cpu)


def test_a_card_that_nobody_described_is_no_reason_to_fail(summary: RunSummary) -> None:
    text = "\n\n".join(render_gpu_inference(replace(summary, environment=None)))
    assert "a GPU that nobody described" in text
