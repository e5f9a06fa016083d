"""Table 1 as Markdown: the paper's order, three numbers a cell, and a reason for every gap."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.registry import TABLE1, Entry
from bench.render.tables.table1 import render_table1
from bench.results.measurements import LatencyTimes, MemoryPeaks, OperationCount, Tally
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, summarize
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import (
    GPU,
    SETTINGS,
    complete_run,
    environment,
    fail,
    make_job,
    make_record,
)

Table = list[list[str]]
# Heading, field of the paper's row, its unit in SI units; in the order of the paper's columns.
COLUMNS = (
    ("Params (M)", "n_params", 1e6, "n_params"),
    ("MACs I (G)", "operations_inference", 1e9, "macs_inference"),
    ("MACs B (G)", "operations_update", 1e9, "macs_update"),
    ("Memory I (GB)", "memory_bytes_inference", 1e9, "peak_rss_bytes_inference"),
    ("Memory B (GB)", "memory_bytes_update", 1e9, "peak_rss_bytes_update"),
    ("Time I (s)", "latency_s_inference", 1.0, "latency_s_inference"),
    ("Time B (s)", "latency_s_update", 1.0, "latency_s_update"),
)


def tables(text: str) -> Iterator[Table]:
    """The tables of a Markdown text, cell by cell; the line below the heads is left out."""
    for block in text.split("\n\n"):
        if block.startswith("|"):
            lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
            yield [[cell.strip() for cell in line] for line in lines[:1] + lines[2:]]


def summary_without(model: str, status: Status, reason: str) -> RunSummary:
    return summarize(
        [fail(r, status, reason) if r.job.model == model else r for r in complete_run()]
    )


def own_network(name: str) -> Record:
    return make_record(make_job(name, factory=name), LatencyTimes((0.5,)))


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return summarize(list(complete_run()))


def test_rows_and_columns_are_the_papers_in_its_order(summary: RunSummary) -> None:
    heads, *rows = next(tables(render_table1(summary)))
    assert [row[0] for row in rows] == [entry.display_name for entry in TABLE1]
    assert heads[0] == "Model"
    assert "SI-SDRi speech" in heads[1]
    assert "SI-SDRi non-speech" in heads[2]
    assert [head.partition("<br>")[0] for head in heads[3:]] == [column[0] for column in COLUMNS]


def test_the_quality_columns_are_the_papers_and_say_so(summary: RunSummary) -> None:
    heads, *rows = next(tables(render_table1(summary)))
    assert all("paper's" in head for head in heads[1:3])
    assert [row[1] for row in rows][:3] == ["15.30\\*", "12.12", "18.80\\*"]
    assert [row[2] for row in rows][:3] == ["7.74", "7.23", "7.20"]


@pytest.mark.parametrize("index", range(len(COLUMNS)), ids=[column[0] for column in COLUMNS])
def test_a_cell_shows_measured_paper_and_ratio(summary: RunSummary, index: int) -> None:
    _, field, unit, metric = COLUMNS[index]
    _, *rows = next(tables(render_table1(summary)))
    for row, model in zip(rows, summary.models, strict=True):
        found = re.fullmatch(r"\*\*([\d.]+)\*\*<br>([\d.]+), × ([\d.]+)", row[3 + index])
        assert found
        measured, paper, ratio = map(float, found.groups())
        value = model.values[metric].value
        published = getattr(PUBLISHED[model.entry.name], field)
        assert value
        assert measured == pytest.approx(value / unit, rel=6e-3)
        assert paper == round(published / unit, 2)
        assert ratio == pytest.approx(value / published, rel=6e-3)


WORST = [fail(record, Status.OOM, "Full.") for record in complete_run()]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(list(complete_run()), id="complete"),
        pytest.param(WORST, id="all failed"),
        pytest.param([replace(r, environment=None) for r in WORST], id="nothing known"),
        pytest.param([own_network("my.networks:small")], id="own network"),
        pytest.param(list(complete_run(TABLE1[2:3])), id="one network"),
    ],
)
def test_tables_are_well_formed_and_no_cell_is_blank(records: list[Record]) -> None:
    text = render_table1(summarize(records))
    found = list(tables(text))
    assert len(found) >= 2
    for heads, *rows in found:
        assert rows
        assert all(len(row) == len(heads) for row in rows)
        assert all(cell for row in (heads, *rows) for cell in row)
    assert not re.search(r"\b(nan|None|inf)\b", text)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.OK])
def test_a_failure_has_its_status_in_the_row_and_its_reason_in_the_notes(status: Status) -> None:
    text = render_table1(summary_without("demucs", status, "The reason is this."))
    rows = {row[0]: row for row in next(tables(text))[1:]}
    assert all(f"**{status.value}**<br>" in cell for cell in rows["Demucs"][3:])
    assert not any(status.value in cell for cell in rows["DPRNN"])
    assert "## What could not be measured" in text
    assert f"- Demucs, everything: {status.value}: The reason is this.\n" in text


def test_the_paper_stands_beside_a_failure_without_a_ratio() -> None:
    text = render_table1(summary_without("dprnn", Status.TIMEOUT, "Slow."))
    (row,) = [row for row in next(tables(text)) if row[0] == "DPRNN"]
    assert row[3] == "**timeout**<br>2.63"


def test_a_round_that_failed_is_marked_and_explained() -> None:
    records = [
        fail(record, Status.TIMEOUT, "Too slow.")
        if (record.job.model, record.job.probe, record.job.round) == ("dprnn", "latency", 1)
        else record
        for record in complete_run()
    ]
    text = render_table1(summarize(records))
    rows = {row[0]: row for row in next(tables(text))[1:]}
    assert re.match(r"\*\*[\d.]+†\*\*<br>", rows["DPRNN"][-1])
    assert re.match(r"\*\*[\d.]+\*\*<br>", rows["Demucs"][-1])
    assert "1 of 3 rounds failed: Too slow." in text


def test_a_whole_run_has_nothing_to_explain(summary: RunSummary) -> None:
    assert "What could not be measured" not in render_table1(summary)


def test_operators_without_a_formula_are_named() -> None:
    counted = OperationCount(1, 2, {"fft": Tally("unknown", calls=2)}, "meta")
    record = make_record(make_job(probe="operations"), counted)
    assert (
        "- DPRNN, MACs I, FLOPs I: Not in the count: 2 calls of operators without a formula (fft)."
        in render_table1(summarize([record]))
    )


def test_an_own_network_is_not_compared() -> None:
    heads, row = next(tables(render_table1(summarize([own_network("my.networks:small")]))))
    assert not any("paper" in head for head in heads)
    assert row[0] == "my.networks:small"
    assert row[-2] == "**0.500**"
    mixed = [own_network("my.networks:small"), *complete_run(TABLE1[2:3])]
    *_, row = next(tables(render_table1(summarize(mixed))))
    assert row[:3] == ["my.networks:small", "not in the paper", "not in the paper"]
    assert row[-2] == "**0.500**"


def test_a_bar_in_a_name_does_not_end_its_cell() -> None:
    heads, row = next(tables(render_table1(summarize([own_network("my|networks:small")]))))
    assert len(row) == len(heads)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_columns_of_the_update_step_say_where_it_ran(device: str) -> None:
    records = [
        replace(record, environment=environment(machine={"gpu": GPU}))
        for record in complete_run(settings=SETTINGS.on(device))
    ]
    text = render_table1(summarize(records))
    heads = next(tables(text))[0]
    assert [head for head in heads if head.endswith(f"<br>on {device}")] == [
        f"Memory B (GB)<br>on {device}",
        f"Time B (s)<br>on {device}",
    ]
    assert {"cpu": "Example CPU", "cuda": "Example GPU"}[device] in text.partition("\n\n|")[0]


def test_memory_of_an_update_step_on_a_gpu_is_the_allocators() -> None:
    job = make_job(probe="memory", phase="update", device="cuda")
    record = make_record(
        job, MemoryPeaks(1_500_000_000, 0, 0, 0, 0), environment(machine={"gpu": GPU})
    )
    _, row = next(tables(render_table1(summarize([record]))))
    assert row[7].startswith("**1.50**<br>3.40, ")


def test_all_tables_repeat_the_rows(summary: RunSummary) -> None:
    for _, *rows in tables(render_table1(summary)):
        names = dict.fromkeys(row[0] for row in rows)  # the memory's has a row for each phase
        assert list(names) == [entry.display_name for entry in TABLE1]


@pytest.mark.parametrize(
    "fact",
    ["Example CPU", "Linux 6.1", "torch 2.13.0", "0123456789ab", "float32", "seed 0", "AVX2"],
)
def test_where_the_values_come_from(summary: RunSummary, fact: str) -> None:
    provenance = render_table1(summary).partition("## Where these values come from")[2]
    assert fact in provenance


@pytest.mark.parametrize("is_modified", [True, False])
def test_modified_sources_are_told(summary: RunSummary, is_modified: bool) -> None:
    changed = replace(summary, environment=environment(code={"is_modified": is_modified}))
    assert (", modified" in render_table1(changed)) == is_modified


def test_a_network_not_registered_comes_below(summary: RunSummary) -> None:
    records = [own_network("a:b"), *complete_run([Entry("dprnn", "DPRNN", "x:y")])]
    _, *rows = next(tables(render_table1(summarize(records))))
    assert [row[0] for row in rows] == ["DPRNN", "a:b"]


def test_without_evaluations_nothing_is_said_of_own_quality() -> None:
    assert "own" not in " ".join(next(tables(render_table1(summarize(complete_run()))))[0])


def test_own_evaluations_have_a_column_and_say_how_much_was_trained() -> None:
    text = render_table1(summarize(complete_run()), {("sudormrf-0.25x", "speech"): EVALUATION})
    heads, *rows = next(tables(text))
    column = heads.index("SI-SDRi speech (dB), own")
    assert [row[column] for row in rows] == ["not trained here"] * 6 + ["**4.10**"]
    assert not any("SI-SDRi sounds" in head for head in heads)
    assert (
        "- SuDoRM-RF 0.25x, speech: evaluated on 500 mixtures of corpus-speech, trained on "
        "corpus-speech for 5,000 training steps, 1.00 h of processor time, 1.00 P multiply-adds"
        in text
    )


def test_evaluations_of_networks_outside_the_run_are_left_out() -> None:
    text = render_table1(summarize(complete_run()), {("a.b:c", "speech"): EVALUATION})
    assert text == render_table1(summarize(complete_run()))
