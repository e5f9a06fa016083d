"""Table 1 as Markdown: the paper's order, three numbers a cell, and a reason for every gap."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.registry import TABLE1, Entry
from bench.render.tables.table1 import render_table1
from bench.results.measurements import MemoryPeaks, OperationCount, Tally
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.record import Record, Status
from bench.results.store import read_records
from bench.results.summary import RunSummary, summarize
from bench.results.workload import PHASES
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import (
    GPU,
    SETTINGS,
    complete_run,
    environment,
    fail,
    make_job,
    make_record,
    make_rounds,
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


def paper_table(text: str) -> Table:
    """The one with the paper's values."""
    return next(tables(text.partition("## The paper's columns")[2]))


def summary_without(model: str, status: Status, reason: str) -> RunSummary:
    return summarize(
        [fail(r, status, reason) if r.job.model == model else r for r in complete_run()]
    )


def own_network(name: str) -> list[Record]:
    """Three rounds of it; the middle is 0.5 s."""
    return make_rounds([[0.5, 0.5]] * 3, make_job(name, factory=name))


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return summarize(list(complete_run()))


def test_rows_and_columns_are_the_papers_in_its_order(summary: RunSummary) -> None:
    heads, *rows = paper_table(render_table1(summary))
    assert [row[0] for row in rows] == [entry.display_name for entry in TABLE1]
    assert heads[0] == "Model"
    assert "SI-SDRi speech" in heads[1]
    assert "SI-SDRi non-speech" in heads[2]
    assert [head.partition("<br>")[0] for head in heads[3:]] == [column[0] for column in COLUMNS]


def test_the_quality_columns_are_the_papers_and_say_so(summary: RunSummary) -> None:
    heads, *rows = paper_table(render_table1(summary))
    assert all("paper's" in head for head in heads[1:3])
    assert [row[1] for row in rows][:3] == ["15.30\\*", "12.12", "18.80\\*"]
    assert [row[2] for row in rows][:3] == ["7.74", "7.23", "7.20"]


@pytest.mark.parametrize("index", range(len(COLUMNS)), ids=[column[0] for column in COLUMNS])
def test_a_cell_shows_measured_paper_and_ratio(summary: RunSummary, index: int) -> None:
    _, field, unit, metric = COLUMNS[index]
    _, *rows = paper_table(render_table1(summary))
    for row, model in zip(rows, summary.models, strict=True):
        cell = re.sub(r" ± 2 %(; ratio [\d.]+ ± [\d.]+ %)?<br>", "<br>", row[3 + index])
        found = re.fullmatch(r"\*\*([\d.]+)\*\*<br>([\d.]+), × ([\d.]+)", cell)
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
        pytest.param(own_network("my.networks:small"), id="own network"),
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
    rows = {row[0]: row for row in paper_table(text)[1:]}
    assert all(f"**{status.value}**<br>" in cell for cell in rows["Demucs"][3:])
    assert not any(status.value in cell for cell in rows["DPRNN"])
    assert "## What could not be measured" in text
    assert f"- Demucs, everything: {status.value}: The reason is this.\n" in text


def test_the_same_reason_of_several_networks_is_said_once() -> None:
    def run_without(names: Sequence[str]) -> str:
        return render_table1(
            summarize(
                [
                    fail(record, Status.TIMEOUT, "Slow.") if record.job.model in names else record
                    for record in complete_run()
                ]
            )
        )

    assert "- Demucs, DPRNN, everything: timeout: Slow.\n" in run_without(["dprnn", "demucs"])
    every = [entry.name for entry in TABLE1]
    assert run_without(every).count("- Every network, everything: timeout: Slow.") == 1


def test_the_paper_stands_beside_a_failure_without_a_ratio() -> None:
    text = render_table1(summary_without("dprnn", Status.TIMEOUT, "Slow."))
    (row,) = [row for row in paper_table(text) if row[0] == "DPRNN"]
    assert row[3] == "**timeout**<br>2.63"


def test_a_round_that_failed_is_marked_and_explained() -> None:
    records = [
        fail(record, Status.TIMEOUT, "Too slow.")
        if (record.job.model, record.job.probe, record.job.round) == ("dprnn", "latency", 2)
        else record
        for record in complete_run()
    ]
    more = make_rounds([[3 * 0.303] * 3] * 4, make_job("dprnn", phase="update"))[3:]
    text = render_table1(summarize([*more, *records]))
    rows = {row[0]: row for row in paper_table(text)[1:]}
    assert rows["DPRNN"][-1].startswith("**0.906†** ± 1 %; ratio ")
    assert rows["Demucs"][-1].startswith("**0.606** ± 2 %; ratio ")
    assert "1 of 4 rounds failed: Too slow." in text


def test_a_time_has_its_interval_and_its_ratio_to_the_base_in_one_line(
    summary: RunSummary,
) -> None:
    """Network number k takes 0.101 s times k, and number five is the base."""
    heads, *rows = paper_table(render_table1(summary))
    assert heads[-2] == "Time I (s)<br>ratio to SuDoRM-RF 1.0x"
    times = [row[-2].partition("<br>")[0] for row in rows]
    assert times[:2] == [
        "**0.101** ± 2 %; ratio 0.200 ± 0.0 %",
        "**0.202** ± 2 %; ratio 0.400 ± 0.0 %",
    ]
    assert times[4] == "**0.505** ± 2 %"


def test_a_range_has_no_ratio_to_the_papers_time() -> None:
    """The times are noisy; their ratios to each other, turn by turn, are not."""
    base = make_rounds([[0.1], [0.2]] * 3, make_job("sudormrf-1.0x"), turns=(0,))
    ours = make_rounds([[0.3], [0.6]] * 3, turns=(0,))
    text = render_table1(summarize([*base, *ours]))
    _, dprnn, sudormrf = paper_table(text)
    assert dprnn[-2] == "**0.30 to 0.60, noisy**; ratio 3.00 ± 0.0 %<br>3.98"
    assert sudormrf[-2] == "**0.10 to 0.20, noisy**<br>0.67"
    assert "- Every network, Time I: Noisy: an interval of ± 35 %." in text


def test_a_noisy_ratio_is_a_range_and_one_without_a_common_round_is_not_known() -> None:
    base = make_rounds([[1.0]] * 6, make_job("sudormrf-1.0x"), turns=(0,))
    noisy = make_rounds([[1.2], [2.1]] * 3, turns=(0,))
    alone = make_rounds([[1.0]] * 12, make_job("demucs"), turns=(0,))[6:]
    _, demucs, dprnn, _ = paper_table(render_table1(summarize([*base, *noisy, *alone])))
    assert "; ratio 1.2 to 2.1, noisy<br>" in dprnn[-2]
    assert "; ratio not known<br>" in demucs[-2]


@pytest.mark.parametrize("took_turns", [True, False])
def test_the_caption_says_how_times_were_obtained(took_turns: bool) -> None:
    turns = (0,) if took_turns else None
    records = make_rounds([[1.0]] * 6, make_job(keeps_pages=took_turns), turns=turns)
    caption = render_table1(summarize(records)).partition("## Everything measured")[0]
    assert ("make one call at a time in turns, and with a C library that keeps" in caption) == (
        took_turns
    )
    assert "Times were measured with 2 threads" in caption


def test_records_of_the_first_release_render_under_the_same_rules() -> None:
    """A committed file of schema 1: no turns, no page faults, and not one time is blank."""
    path = Path(__file__).parents[4] / "reports" / "records" / "cpu-20261123T022842Z.jsonl"
    assert json.loads(path.read_bytes().splitlines()[0])["schema"] == 1
    records = read_records(path).records
    summary, text = summarize(records), render_table1(summarize(records))
    assert (summary.took_turns, summary.keeps_pages) == (False, False)
    _, *rows = paper_table(text)
    for row, model in zip(rows, summary.models, strict=True):
        for cell, phase in zip(row[-2:], PHASES, strict=True):
            value = model.values[f"latency_s_{phase}"]
            assert (value.value is None) == (", noisy**" in cell)
            assert (", × " in cell) == (value.value is not None)
    assert "each alone" in text


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
    heads, row = paper_table(render_table1(summarize(own_network("my.networks:small"))))
    assert not any("paper" in head for head in heads)
    assert row[0] == "my.networks:small"
    assert row[-2] == "**0.500** ± 0.0 %"
    mixed = [*own_network("my.networks:small"), *complete_run(TABLE1[2:3])]
    *_, row = paper_table(render_table1(summarize(mixed)))
    assert row[:3] == ["my.networks:small", "not in the paper", "not in the paper"]
    assert row[-2].startswith("**0.500** ± 0.0 %; ratio ")
    assert "<br>" not in row[-2]


def test_a_bar_in_a_name_does_not_end_its_cell() -> None:
    heads, row = paper_table(render_table1(summarize(own_network("my|networks:small"))))
    assert len(row) == len(heads)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_columns_of_the_update_step_say_where_it_ran(device: str) -> None:
    records = [
        replace(record, environment=environment(machine={"gpu": GPU}))
        for record in complete_run(settings=SETTINGS.on(device))
    ]
    text = render_table1(summarize(records))
    heads = paper_table(text)[0]
    assert [head for head in heads if f"<br>on {device}" in head] == [
        f"Memory B (GB)<br>on {device}",
        f"Time B (s)<br>on {device}, ratio to SuDoRM-RF 1.0x",
    ]
    assert {"cpu": "Example CPU", "cuda": "Example GPU"}[device] in text.partition("\n\n|")[0]


def test_memory_of_an_update_step_on_a_gpu_is_the_allocators() -> None:
    job = make_job(probe="memory", phase="update", device="cuda")
    record = make_record(
        job, MemoryPeaks(1_500_000_000, 0, 0, 0, 0), environment(machine={"gpu": GPU})
    )
    _, row = paper_table(render_table1(summarize([record])))
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
    records = [*own_network("a:b"), *complete_run([Entry("dprnn", "DPRNN", "x:y")])]
    _, *rows = paper_table(render_table1(summarize(records)))
    assert [row[0] for row in rows] == ["DPRNN", "a:b"]


def test_without_evaluations_nothing_is_said_of_own_quality() -> None:
    assert "own" not in " ".join(paper_table(render_table1(summarize(complete_run())))[0])


def test_own_evaluations_have_a_column_and_say_how_much_was_trained() -> None:
    text = render_table1(summarize(complete_run()), {("sudormrf-0.25x", "speech"): EVALUATION})
    heads, *rows = paper_table(text)
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
