"""The table of other packages' networks: a row for each, over one time of their own audio."""

from pathlib import Path

import pytest

from bench.registry import KNOWN, OPTIONAL, TABLE1, Entry
from bench.render.report import write_reports
from bench.render.tables.zoo import render_zoo
from bench.results.summary import BASE, summarize
from tests.bench.example_records import complete_run

ENTRIES = (KNOWN["sepformer"], KNOWN["htdemucs"])


def test_a_row_says_whose_network_it_is_and_at_which_rate() -> None:
    text = render_zoo(summarize(list(complete_run(ENTRIES))))
    lines = [line for line in text.splitlines() if line.startswith(("| SepFormer", "| Demucs v4"))]
    assert lines[0].startswith("| SepFormer | speechbrain | 8.00 | 2 |")
    assert lines[1].startswith("| Demucs v4 | demucs | 44.1 | 4 |")
    assert "1.00 s of recorded speech at each network's own rate" in text


@pytest.mark.parametrize(
    ("entries", "written"),
    [
        (ENTRIES, {"zoo.md", "zoo.tex"}),
        ((KNOWN[BASE], *ENTRIES), {"zoo.md", "zoo.tex"}),
        ((TABLE1[0], ENTRIES[0]), {f"table1.{form}" for form in ("md", "csv", "json", "tex")}),
    ],
)
def test_which_table_is_written(
    entries: tuple[Entry, ...],
    written: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for figure in ("pareto", "costs"):
        writer = f"bench.render.figures.{figure}.write_{figure}_figure"
        monkeypatch.setattr(writer, lambda summary, stem: [])
    paths = write_reports(summarize(list(complete_run(entries))), tmp_path)
    assert {path.name for path in paths} == written | {"index.html"}


def test_every_network_of_the_zoo_names_its_package() -> None:
    assert {entry.note for entry in OPTIONAL.values()} == {
        "of asteroid",
        "of bs-roformer",
        "of demucs",
        "of speechbrain",
    }
