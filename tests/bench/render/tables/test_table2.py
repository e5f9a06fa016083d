"""Table 2's report: the paper's rows beside their measured costs, and when it is written."""

from pathlib import Path

import pytest

from bench.registry import TABLE1, TABLE2, Entry
from bench.render.report import write_reports
from bench.render.tables.table2 import render_table2
from bench.results.published import TABLE2 as PAPER
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail


def cells(text: str) -> dict[str, list[str]]:
    """The table's rows by the networks' names."""
    lines = [line for line in text.splitlines() if line.startswith("| SuDoRM-RF")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_rows_are_the_papers_with_measured_costs() -> None:
    text = render_table2(summarize(list(complete_run(TABLE2))))
    rows = cells(text)
    assert list(rows) == [entry.display_name for entry in TABLE2]
    last = rows[TABLE2[-1].display_name]
    assert last[:8] == ["21", "512", "34", "4", "GLN", "ReLU", "1", "18.9"]
    # The ninth network of the example costs nine times the first.
    assert last[8:10] == ["9.00", "11.1"]
    assert last[-2:] == ["0.909 ± 2 %; ratio 9.00 ± 0.0 %", "2.73 ± 2 %; ratio 9.00 ± 0.0 %"]
    assert rows["SuDoRM-RF 1.0x"][-2:] == ["0.101 ± 2 %", "0.303 ± 2 %"]
    assert "make one call at a time in turns" in text
    assert all(len(row) == len(last) and all(row) for row in rows.values())


def test_rows_that_were_not_measured_are_left_out_and_others_too() -> None:
    text = render_table2(summarize(list(complete_run((*TABLE1, TABLE2[3])))))
    assert list(cells(text)) == ["SuDoRM-RF 1.0x", TABLE2[3].display_name]


def test_a_cell_that_failed_shows_its_status_and_reason() -> None:
    def hurt(record: Record) -> Record:
        of_row = record.job.model == TABLE2[2].name and record.job.probe == "memory"
        return fail(record, Status.OOM, "It needs more memory.") if of_row else record

    text = render_table2(summarize([hurt(record) for record in complete_run(TABLE2)]))
    assert cells(text)[TABLE2[2].display_name].count("oom") == 2
    (note,) = (line for line in text.splitlines() if line.startswith(f"- {TABLE2[2].display_name}"))
    assert note.endswith(": oom: It needs more memory.")


ROWS = {f"table1.{form}" for form in ("md", "csv", "json", "tex")}


@pytest.mark.parametrize(
    ("entries", "written"),
    [
        (TABLE1[4:5], ROWS),
        (TABLE2[:3], {"table2.md", "table2.tex"}),
        ((*TABLE1[2:5], TABLE2[1]), ROWS | {"table2.md", "table2.tex"}),
    ],
)
def test_which_tables_are_written(
    entries: tuple[Entry, ...],
    written: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for figure in ("pareto", "costs"):
        writer = f"bench.render.figures.{figure}.write_{figure}_figure"
        monkeypatch.setattr(writer, lambda summary, stem: [])
    paths = write_reports(summarize(list(complete_run(entries))), tmp_path)
    found = {path.name for path in paths}
    assert found == {path.name for path in tmp_path.iterdir()} == written | {"index.html"}


def test_the_paper_has_a_row_for_every_entry() -> None:
    assert [entry.name for entry in TABLE2] == list(PAPER)
