"""Published figures over exact counts, and which of them a rule reproduces."""

from pathlib import Path

import pytest

from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.published import NO, YES, find_published
from bench.results.measurements import OperationCount, ParameterCount
from bench.results.printed import read_printed
from bench.results.record import Status
from tests.bench.example_records import fail, make_job, make_record
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

MODEL = "sudormrf-improved-c256-b16-n512"
(PRINTED,) = (
    figure for figure in read_printed() if (figure.model, figure.quantity) == (MODEL, "parameters")
)


@pytest.mark.parametrize(("factor", "found"), [(1.0, YES), (1.25, NO)])
def test_a_figure_is_reproduced_where_the_digits_are_the_same(
    factor: float, found: str, tmp_path: Path
) -> None:
    n_params = round(factor * float(PRINTED.printed) * 1e6)
    counted = ParameterCount(n_params, n_params, 0, 4 * n_params)
    store(tmp_path, "published", [make_record(make_job(MODEL, "parameters"), counted)])
    (section,) = find_published(ReportFolder(tmp_path))
    check_chart(section)
    (row,) = rows_of(section)
    assert (row["network"], row["found"]) == (PRINTED.network, found)
    assert row["value"] == pytest.approx(1 / factor, rel=5e-4)
    n_countable = sum(figure.is_countable for figure in read_printed())
    assert f"{int(found == YES)} of {n_countable} are." in section.sentence
    assert len(table_of(section)) == n_countable


def test_multiply_adds_are_those_of_a_second(tmp_path: Path) -> None:
    counts = [
        make_record(
            make_job("sudormrf-1.0x", "operations", n_samples=8000 * seconds),
            OperationCount(seconds * 10**9, 2 * seconds * 10**9, {}, "meta"),
        )
        for seconds in (2, 1)
    ]
    store(tmp_path, "published", counts)
    (section,) = find_published(ReportFolder(tmp_path))
    printed = [
        float(figure.printed)
        for figure in read_printed()
        if figure.model == "sudormrf-1.0x" and figure.unit == "G/s"
    ]
    assert [row["value"] for row in rows_of(section)] == pytest.approx(printed, rel=5e-4)


def test_what_could_not_be_counted_is_named(tmp_path: Path) -> None:
    failed = fail(make_record(make_job("sepformer", "contract")), Status.ERROR, "No speechbrain.")
    store(tmp_path, "published", [failed])
    (section,) = find_published(ReportFolder(tmp_path))
    assert section.chart is None
    assert "SepFormer (contract): error: No speechbrain." in section.sentence


def test_without_records_there_is_none(tmp_path: Path) -> None:
    assert find_published(ReportFolder(tmp_path)) == []
