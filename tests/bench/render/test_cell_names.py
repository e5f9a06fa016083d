"""Cells in words: what differs and nothing else."""

from bench.render.cell_names import CellNames, describe_samples
from bench.results.sweep import collect_cells
from tests.bench.made_up_sweep import ENTRIES, Grid, make_sweep


def names_of(grid: Grid) -> CellNames:
    return CellNames.of(ENTRIES, collect_cells(make_sweep(grid)))


def test_what_all_cells_share_is_not_said() -> None:
    cells = collect_cells(make_sweep(Grid()))
    names = names_of(Grid())
    assert {names.setting(cell.key) for cell in cells} == {""}
    assert names.cell(cells[0].key) == "Convolutional, 0.5 s"


def test_what_varies_is_said() -> None:
    grid = Grid(models=("conv",), lengths=(16000,), batches=(2, 4), threads=(1, 2))
    key = collect_cells(make_sweep(grid))[0].key
    names = names_of(grid)
    assert names.setting(key) == "batch 2, 1 thread"
    assert names.setting(key, without=("threads",)) == "batch 2"
    assert names.setting(key._replace(batch=0)) == "1 thread"
    assert names.cell(key) == "Convolutional, 2 s, batch 2, 1 thread"


def test_phases_and_devices_are_told_apart() -> None:
    names = CellNames({entry.name: entry.display_name for entry in ENTRIES}, ("phase", "device"))
    on_cpu, on_gpu = (
        collect_cells(make_sweep(grid))[0].key
        for grid in (Grid(), Grid(phase="update", device="cuda"))
    )
    assert names.setting(on_cpu) == "inference"
    assert names.setting(on_gpu) == "training step, on the GPU"


def test_lengths_are_at_8_khz() -> None:
    assert [describe_samples(n) for n in (4000, 256000, 8000 * 200, 8000 * 7200)] == [
        "0.5 s",
        "32 s",
        "3.33 min",
        "2 h",
    ]
