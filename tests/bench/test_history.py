"""The command over made-up records of many commits and of two machines."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench import history
from bench.render.figures.history import write_history_figure
from bench.render.tables.history import describe, render_history
from bench.results.measurements import LatencyTimes
from bench.results.metrics import METRICS
from bench.results.record import Record, Status
from bench.results.series import collect_series
from bench.results.store import RecordFile
from tests.bench.example_records import environment, fail, make_job, make_record

LATENCY = next(q for q in METRICS if q.name == "latency_s_inference")


def record(
    commit: int, time_s: float, *, cpu: str = "Example CPU", process: int = 0, dirty: bool = False
) -> Record:
    code = {"commit": f"{commit:02d}" * 20, "is_modified": dirty}
    made = make_record(
        make_job(round_index=process), LatencyTimes((time_s, time_s * 1.1, time_s * 0.9)),
        environment(machine={"cpu": cpu}, code=code),
    )  # fmt: skip
    return replace(made, started_at=f"2026-01-{commit + 1:02d}T00:00:0{process}+00:00")


def test_a_commit_is_a_point_and_machines_are_apart() -> None:
    records = [
        record(commit, 0.1 * (1 + commit) * 1.01**process, cpu=cpu, process=process)
        for cpu in ("A", "B")
        for commit in (2, 0, 1)
        for process in range(3)
    ]
    a, b = collect_series(records, LATENCY)
    assert (a.machine.split(",")[0], b.machine.split(",")[0]) == ("A", "B")
    assert [point.commit[:2] for point in a.points] == ["00", "01", "02"]
    assert a.values == pytest.approx([0.101, 0.202, 0.303])  # the middle of three processes
    for point in a.points:
        assert point.n_processes == 3
        assert point.interval is not None
        assert point.interval.low < (point.value or 0) < point.interval.high


def test_changes_that_nobody_committed_workloads_and_failures_are_told_apart() -> None:
    other_size = replace(record(0, 0.1), job=make_job(n_samples=1))
    failed = fail(record(2, 0.1), Status.OOM, "No room.")
    clean = [record(0, 0.1, process=process) for process in range(3)]
    dirty = [record(0, 0.2, dirty=True, process=process) for process in range(3)]
    found = collect_series([*clean, *dirty, other_size, failed], LATENCY)
    assert [len(series.points) for series in found] == [3, 1]
    assert [point.commit[-1] for point in found[0].points[:2]] == ["0", "+"]
    assert (found[0].points[2].value, found[0].points[2].reason) == (None, "No room.")
    assert found[0].values == pytest.approx([0.1, 0.2])


def test_a_time_that_can_not_be_trusted_is_a_range_and_no_value(tmp_path: Path) -> None:
    sure = [record(0, 0.1, process=process) for process in range(3)]
    (series,) = collect_series([*sure, record(1, 0.2)], LATENCY)
    assert series.values == pytest.approx([0.1])
    point = series.points[1]
    assert (point.value, point.interval) == (None, None)
    assert point.span == pytest.approx((0.18, 0.22))
    assert "| 180 to 220 ms, noisy |" in render_history([(series, {})])
    svg, *_ = write_history_figure([(series, {})], tmp_path / "history")
    assert "0101010101" in svg.read_text()


def test_series_with_and_without_kept_pages_are_told_apart() -> None:
    not_kept = replace(record(0, 0.1), job=make_job(keeps_pages=False))
    names = [describe(series) for series in collect_series([not_kept, record(0, 0.1)], LATENCY)]
    assert [name.endswith(", pages kept") for name in names] == [False, True]


def test_a_machine_that_was_given_memory_meanwhile_is_the_same() -> None:
    records = [
        make_record(make_job(), LatencyTimes((1.0,)), environment(machine={"memory_bytes": size}))
        for size in (8_000_000_000, 8_000_008_192, 16_000_000_000)
    ]
    assert len(collect_series(records, LATENCY)) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for commit in range(12):
        path = tmp_path / "in" / f"{commit % 3}" / f"{commit}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = RecordFile(path)
        for process in range(3):
            time_s = (0.1 if commit < 7 else 0.12) * (1 + 0.002 * process)
            file.append(record(commit, time_s, process=process))
    return tmp_path / "in"


def test_the_step_is_in_the_table_and_the_plot_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "torn.jsonl").write_text("{\n")
    out = tmp_path / "out"
    assert history.main([str(folder), "--output", str(out)]) == 0
    printed = capsys.readouterr()
    rows = [line for line in (out / "history.md").read_text().splitlines() if "| 2026-" in line]
    assert len(rows) == 12
    assert [row.split("|")[1].strip()[:2] for row in rows if "+20.0%" in row] == ["07"]
    assert sum("%" in row.split("|")[6] for row in rows) == 1
    assert "torn.jsonl, line 1, is left out" in printed.err
    for suffix in ("svg", "png"):
        assert (out / f"history.{suffix}").stat().st_size > 0
    assert "+20.0%" in (out / "history.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "demucs"], "has latency_s_inference of these networks"),
        (["--metric", "macs_update"], "has macs_update of these networks"),
        (["--models", "dprn"], "Did you mean 'dprnn'?"),
    ],
)
def test_nothing_to_show_is_told(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert history.main([str(folder), *options, "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_records_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history.main([str(tmp_path / "none")]) == 2
    assert "There are no record files" in capsys.readouterr().err
