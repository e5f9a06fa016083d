"""The figures of a sweep: a panel for each network, a line for each setting, every cell a mark."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.render.cell_names import CellNames
from bench.render.figures.sweep import write_sweep_figures
from bench.results.record import Record, Status
from bench.results.sweep_answers import summarize_sweep
from tests.bench.made_up_sweep import ENTRIES, Grid, is_of, make_sweep, make_times, without_result

GRID = Grid(lengths=(4000, 8000, 16000, 32000), batches=(1, 2), threads=(1, 2))


def draw(records: list[Record], folder: Path) -> dict[str, str]:
    """The text of each SVG by its file's name."""
    sweep = summarize_sweep([entry.name for entry in ENTRIES], records)
    found = write_sweep_figures(sweep, CellNames.of(ENTRIES, sweep.cells), folder)
    for paths in found.values():
        assert all(path.stat().st_size > 0 for path in paths)
    return {paths[0].stem: paths[0].read_text(encoding="utf-8") for paths in found.values()}


def texts(svg: str) -> set[str]:
    """The words of a figure; matplotlib writes each as a comment before its outlines."""
    return {part.partition(" -->")[0] for part in svg.split("<!-- ")[1:]}


def test_there_is_a_figure_for_each_answer(tmp_path: Path) -> None:
    assert set(draw(make_sweep(GRID), tmp_path)) == {
        "sweep-time-inference",
        "sweep-memory-inference",
        "sweep-batch-inference",
        "sweep-threads-inference",
    }


@pytest.mark.parametrize(
    "grid", [Grid(("conv",), GRID.lengths), Grid(("conv",), GRID.lengths, threads=(1, 2))]
)
def test_a_setting_that_does_not_vary_has_no_figure(grid: Grid, tmp_path: Path) -> None:
    found = set(draw(make_sweep(grid), tmp_path))
    assert "sweep-batch-inference" not in found
    assert ("sweep-threads-inference" in found) == (len(grid.threads) > 1)


def test_every_network_and_setting_is_named(tmp_path: Path) -> None:
    drawn = draw(make_sweep(GRID), tmp_path)
    for svg in drawn.values():
        assert {"Convolutional", "Attentive"} <= texts(svg)
    assert {"batch 1", "batch 2"} <= texts(drawn["sweep-time-inference"])
    assert {"0.5 s", "1 s", "2 s", "4 s"} <= texts(drawn["sweep-batch-inference"])


def test_a_cell_that_leaves_the_curve_is_marked(tmp_path: Path) -> None:
    grid = Grid(models=("conv",))
    records = [
        replace(record, result=make_times([2.0, 2.01, 2.02, 2.0, 2.01]))
        if is_of(record, "conv", "latency", 32000)
        else record
        for record in make_sweep(grid)
    ]
    assert "leaves the curve" in texts(draw(records, tmp_path)["sweep-time-inference"])
    assert "leaves the curve" not in texts(draw(make_sweep(grid), tmp_path)["sweep-time-inference"])


def test_cells_without_a_value_are_counted_in_their_panel(tmp_path: Path) -> None:
    """One network lost its longest cells, the other all of them."""
    records = [
        without_result(record, Status.SKIPPED, "Too large.")
        if record.job.probe in ("latency", "memory")
        and (record.job.model == "attentive" or record.job.workload.n_samples == 32000)
        else record
        for record in make_sweep(replace(GRID, threads=(1,)))
    ]
    words = texts(draw(records, tmp_path)["sweep-time-inference"])
    assert {"Attentive", "2 skipped", "8 skipped"} <= words


def test_ranges_and_intervals_are_told_apart(tmp_path: Path) -> None:
    few, enough = (
        texts(
            draw(make_sweep(Grid(("conv",), GRID.lengths, n_rounds=n)), tmp_path)[
                "sweep-time-inference"
            ]
        )
        for n in (2, 3)
    )
    assert "range, noisy" in few
    assert "interval (95 %)" not in few
    assert "interval (95 %)" in enough


def test_phases_have_figures_of_their_own(tmp_path: Path) -> None:
    records = [
        *make_sweep(Grid(("conv",), GRID.lengths)),
        *make_sweep(Grid(("conv",), GRID.lengths, phase="update")),
    ]
    assert set(draw(records, tmp_path)) == {
        f"sweep-{cost}-{phase}"
        for cost in ("time", "memory")
        for phase in ("inference", "update-cpu")
    }


def test_of_nothing_no_figure_is_drawn(tmp_path: Path) -> None:
    assert draw([], tmp_path) == {}
    assert not list(tmp_path.iterdir())
