"""roofline.md and .csv, and the column of other tables, from made-up records."""

import csv
import io
from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.columns import TIMES_THE_FLOOR
from bench.render.tables.roofline import render_roofline, render_roofline_csv
from bench.render.tables.rows import render_csv
from bench.render.tables.table1 import render_table1
from bench.results.statistics import MIN_PROCESSES
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import SETTINGS, complete_run
from tests.bench.render.tables.test_table1 import tables

ENTRIES = TABLE1[:3]


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    """Network number k takes 101 ms times k, and its floor 50 ms times k."""
    return summarize(complete_run(ENTRIES, replace(SETTINGS, roofline=True)))


def test_ceilings_and_networks_are_tables(summary: RunSummary) -> None:
    ceilings, networks = tables(render_roofline(summary))
    assert ceilings[1:] == [
        ["Product of large matrices, float32", "100 GFLOP/s ± 0.0 %"],
        ["Product of large matrices, bfloat16", "200 GFLOP/s ± 0.0 %"],
        ["Moving data in a cache (0.25 MiB)", "50.0 GB/s ± 0.0 %"],
        ["Moving data in memory (128 MiB)", "10.0 GB/s ± 0.0 %"],
    ]
    heads, *rows = networks
    assert len(rows) == len(ENTRIES)
    for row in rows:
        cells = dict(zip(heads, row, strict=True))
        assert cells["Times the floor"].startswith("2.02 ± ")
        assert cells["Achieved"].startswith("39.6 GFLOP/s ± ")
        assert cells["Of the product ceiling"] == "40%"
        assert cells["FLOPs/byte"] == "5"


def test_too_few_rounds_are_ranges_and_said_so() -> None:
    records = complete_run(ENTRIES, replace(SETTINGS, roofline=True))
    few = [record for record in records if record.job.round < MIN_PROCESSES - 2]
    text = render_roofline(summarize(few))
    _, (heads, *rows) = tables(text)
    for row in rows:
        cells = dict(zip(heads, row, strict=True))
        assert "noisy" in cells["Times the floor"]
        assert cells["Of the product ceiling"] == "not known"
    assert "A range in the place of a ceiling or floor" in text


def test_every_value_is_in_the_csv_to_the_last_bit(summary: RunSummary) -> None:
    assert summary.roofline is not None
    rows = list(csv.DictReader(io.StringIO(render_roofline_csv(summary), newline="")))
    for row, point in zip(rows, summary.roofline.points, strict=True):
        assert row["model"] == point.model
        assert float(row["floor_s"]) == point.floor.value
        assert float(row["flops_per_byte"]) == point.intensity
        assert point.times_the_floor is not None
        assert float(row["times_the_floor"]) == point.times_the_floor.value
        assert row["is_above_ceiling"] == row["is_below_floor"] == "False"


def test_other_tables_have_the_column_where_a_run_has_ceilings(summary: RunSummary) -> None:
    plain = summarize(complete_run(ENTRIES))
    assert TIMES_THE_FLOOR not in render_table1(plain)
    assert "times_the_floor" not in render_csv(plain)
    heads, *rows = next(t for t in tables(render_table1(summary)) if TIMES_THE_FLOOR in t[0])
    assert all(row[heads.index(TIMES_THE_FLOOR)].startswith("2.02 ± ") for row in rows)
    for row in csv.DictReader(io.StringIO(render_csv(summary), newline="")):
        assert float(row["times_the_floor_inference"]) == pytest.approx(2.02)
