"""The family's report: measured costs, and what the authors print in its own columns."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.plan import STREAMING_ROUNDS, plan_streaming_jobs
from bench.registry import CAUSAL, CAUSAL_V3, FAMILY, GROUPCOMM, IMPROVED, REGISTRY, Entry
from bench.render.tables.family import render_family
from bench.results.published_family import find_printed, read_printed_figures
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import SETTINGS, complete_run, fail, make_record

ENTRIES = (REGISTRY["sudormrf-1.0x"], GROUPCOMM[0], CAUSAL[0])
STREAMED = (*CAUSAL, *CAUSAL_V3)


def measured(n_samples: int, batch: int, entries: Sequence[Entry] = ENTRIES) -> RunSummary:
    settings = replace(SETTINGS, n_samples=n_samples, batch=batch)
    return summarize(complete_run(entries, settings))


def streams(entries: Sequence[Entry]) -> list[Record]:
    return [make_record(job) for job in plan_streaming_jobs(entries, SETTINGS, (160,))]


def tables(text: str) -> list[list[dict[str, str]]]:
    """The rows of each table by their heads, which break in lines."""
    found: list[list[dict[str, str]]] = []
    heads: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = cells
            found.append([])
        elif not cells[0].startswith(":--"):
            found[-1].append(dict(zip(heads, cells, strict=True)))
    return found


def test_each_workload_has_a_table_and_the_authors_length_their_figures() -> None:
    runs = [measured(8000, 1), measured(32_000, 1), measured(32_000, 4)]
    text = render_family(runs, streams(CAUSAL[:1]))
    short, single, four, on_streams = tables(text)
    names = [entry.display_name for entry in ENTRIES]
    for table in (short, single, four):
        assert [row["Network"] for row in table] == names
    # The second network of the example costs twice the first, which takes 0.1 s.
    assert short[1]["Params (M)"] == "2.00"
    assert short[1]["Params (M), theirs"] == "0.51"
    assert [row["Latency (ms)"] for row in short] == ["–", "–", "22.5"]
    assert not any("examples/s" in head for head in short[0])
    for table, batch, printed in ((single, 1, "1.5"), (four, 4, "0.3")):
        theirs = [row["I on the CPU (examples/s), theirs"] for row in table]
        assert theirs == ["–", printed, "–"]
        time_s = float(table[1]["Time I (s)<br>ratio to SuDoRM-RF 1.0x"].partition(" ")[0])
        assert float(table[1]["I (examples/s)"]) == pytest.approx(batch / time_s, rel=0.01)
    assert on_streams == [
        {
            "Network": "SuDoRM-RF causal 1.0x",
            "Hop (samples)": "160",
            "Look-ahead (samples)": "20",
            "Latency (ms)": "22.5",
            "Real-time factor": "0.750",
        }
    ]


def test_theirs_come_with_hardware_and_source() -> None:
    text = render_family([measured(32_000, 1)], [])
    assert "RTX 2080 Ti" in text
    assert "github etzinis/sudo_rm_rf README, Results on WSJ0-2mix" in text


def test_what_failed_is_named_with_its_workload() -> None:
    def hurt(record: Record) -> Record:
        is_of = record.job.model == GROUPCOMM[0].name and record.job.probe == "memory"
        return fail(record, Status.OOM, "It needs more memory.") if is_of else record

    settings = replace(SETTINGS, n_samples=32_000, batch=4)
    run = summarize([hurt(record) for record in complete_run(ENTRIES, settings)])
    broken = [fail(streams(CAUSAL[:1])[0], Status.ERROR, "It stopped.")]
    text = render_family([measured(8000, 1), run], broken)
    assert text.count("What could not be measured, or not well: 32,000 samples, batch 4") == 1
    assert "oom: It needs more memory." in text
    assert "- sudormrf-causal-1.0x, as a stream: error: It stopped." in text
    assert tables(text)[1][1]["Memory B (GB)"] == "oom"


def test_where_values_come_from_names_the_workload_where_it_differs() -> None:
    text = render_family([measured(8000, 1), measured(32_000, 4)], [])
    lines = text.partition("## Where these values come from\n\n")[2].splitlines()
    assert sum(line.startswith("- Processor: ") for line in lines) == 1
    assert any(line.startswith("- Workload (8,000 samples, batch 1): 8000 ") for line in lines)
    assert any(line.startswith("- Workload (32,000 samples, batch 4): 32000 ") for line in lines)


def test_every_network_of_the_family_has_a_row_in_the_familys_order() -> None:
    (table, on_streams) = tables(render_family([measured(32_000, 1, FAMILY)], streams(STREAMED)))
    assert [row["Network"] for row in table] == [entry.display_name for entry in FAMILY]
    assert [row["Network"] for row in on_streams] == [entry.display_name for entry in STREAMED]
    assert len(streams(STREAMED)) == STREAMING_ROUNDS * len(STREAMED)


def test_printed_figures_are_of_networks_of_the_registry_and_have_a_source() -> None:
    figures = read_printed_figures()
    assert {figure.network for figure in figures} == {
        GROUPCOMM[0].name,
        *(entry.name for entry in IMPROVED),
    }
    assert all(figure.source and figure.value > 0 for figure in figures)
    keys = [(figure.network, figure.quantity, figure.batch) for figure in figures]
    assert len(set(keys)) == len(keys)
    fastest = find_printed(GROUPCOMM[0].name, "forward GPU", 4)
    assert fastest is not None
    assert (fastest.value, fastest.unit) == (78.9, "examples/s")
    assert find_printed("sudormrf-1.0x", "forward GPU", 4) is None
