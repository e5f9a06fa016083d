"""What differs between runs: every field that does, and nothing that does not."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from bench.render.run_names import name_runs
from bench.render.tables.run_differences import list_facts, render_run_differences
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import ENVIRONMENT, GPU, STATE, complete_run_on_gpu, environment
from tests.bench.made_up_runs import NETWORKS, make_run, nowhere, on_machine
from tests.bench.render.tables.test_table1 import tables


def rows_of(*runs: RunSummary) -> dict[str, list[str]]:
    """The cells of each row by its head, the heads of the columns first."""
    (table,) = tables(render_run_differences(name_runs(runs)))
    return {row[0]: row[1:] for row in table}


def run_with(**sections: Mapping[str, Any]) -> RunSummary:
    place = environment(**sections)
    return summarize([replace(record, environment=place) for record in make_run()])


RUN = run_with()
FIELDS = [
    (section, name)
    for section in ("machine", "code", "torch")
    for name in asdict(getattr(ENVIRONMENT, section))
    if name not in ("gpu", "fp32_precision")
]
OTHER = {bool: True, int: 987, str: "other", float: 9.87e9, type(None): 987}


@pytest.mark.parametrize(("section", "name"), FIELDS, ids=[" ".join(field) for field in FIELDS])
def test_a_field_that_differs_has_a_row_and_no_other_has(section: str, name: str) -> None:
    value = getattr(getattr(ENVIRONMENT, section), name)
    other = not value if isinstance(value, bool) else OTHER[type(value)]
    rows = rows_of(RUN, run_with(**{section: {name: other}}))
    assert len(rows) == 3  # heads, when they began, and that
    *_, (_, cells) = rows.items()
    assert len(set(cells)) == 2


def test_equal_runs_differ_in_nothing_and_say_when_they_began() -> None:
    assert list(rows_of(RUN, RUN)) == ["What", "Began"]


@pytest.mark.parametrize(
    ("sections", "head", "cells"),
    [
        ({"versions": {"torch": "2.99"}}, "Version: torch", ["2.13.0", "2.99"]),
        ({"versions": {"numpy": "2.0"}}, "Version: numpy", ["not told", "2.0"]),
        ({"variables": {"OMP_NUM_THREADS": "1"}}, "Variable: OMP_NUM_THREADS", ["2", "1"]),
        (
            {"variables": {"LD_PRELOAD": "jemalloc"}},
            "Variable: LD_PRELOAD",
            ["not set", "jemalloc"],
        ),
        ({"machine": {"cpu": "A|<b>"}}, "Machine: processor", ["Example CPU", r"A\|&lt;b&gt;"]),
        ({"machine": {"is_smt_on": True}}, "Machine: SMT", ["not told", "yes"]),
        ({"machine": {"memory_bytes": 16e9}}, "Machine: memory", ["8.00 GB", "16.0 GB"]),
        ({"code": {"commit": "f" * 40}}, "Code: commit", ["0123456789ab", "f" * 12]),
        (
            {"torch": {"fp32_precision": {"conv": "tf32"}}},
            "Torch: fp32 precision, conv",
            ["not told", "tf32"],
        ),
    ],
)
def test_facts_are_in_words(
    sections: Mapping[str, Mapping[str, Any]], head: str, cells: list[str]
) -> None:
    rows = rows_of(RUN, run_with(**sections))
    assert list(rows)[2:] == [head]
    assert rows[head] == cells


def test_memory_that_is_the_same_in_three_digits_is_the_same() -> None:
    assert len(rows_of(RUN, run_with(machine={"memory_bytes": 8_000_012_288}))) == 2


def test_a_gpu_and_what_runs_on_it() -> None:
    rows = rows_of(RUN, summarize(complete_run_on_gpu(NETWORKS)))
    assert rows["GPU: name"] == ["none", GPU.name]
    assert rows["GPU: memory"] == ["none", "24.0 GB"]
    assert rows["Work: training step on"] == ["cpu", "cuda"]
    assert rows["Work: TF32"] == ["no GPU used", "no"]
    assert not any("uuid" in head.lower() for head in rows)


def test_work_and_settings_are_facts_too() -> None:
    other = replace(
        RUN,
        workload=replace(RUN.workload, n_samples=4000, threads=1),
        state=replace(STATE, governor="powersave", steal_s=3.0, load_average=(9.0, 9.0, 9.0)),
        keeps_pages=not RUN.keeps_pages,
        base="dprnn",
    )
    rows = rows_of(RUN, other)
    assert list(rows)[2:] == [
        "Work: audio",
        "Work: threads",
        "Work: pages kept by malloc",
        "Work: ratios of times to",
        "Setting: governor",
    ]
    assert rows["Setting: governor"] == ["performance", "powersave"]
    assert rows["Work: audio"] == ["8000 samples", "4000 samples"]


def test_of_a_run_that_nobody_described_nothing_is_told() -> None:
    unknown = summarize(nowhere(make_run()))
    rows = rows_of(RUN, unknown)
    assert rows["Machine: processor"] == ["Example CPU", "not told"]
    assert all(
        cells[1] in ("not told", "not set", "unknown machine") or head in ("What", "Began")
        for head, cells in rows.items()
    )


def test_permuted_runs_permute_the_columns() -> None:
    runs = [RUN, on_machine("B"), run_with(variables={"KMP_BLOCKTIME": "0"})]
    rows, moved = rows_of(*runs), rows_of(runs[2], runs[0], runs[1])
    assert rows.keys() == moved.keys()
    for head in rows.keys() - {"What"}:  # their names are letters here, which stay
        first, second, third = rows[head]
        assert moved[head] == [third, first, second]


def test_no_number_of_a_fact_is_blank() -> None:
    assert all(list_facts(summarize(complete_run_on_gpu(NETWORKS))).values())
