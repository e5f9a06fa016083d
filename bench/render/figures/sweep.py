"""The figures of a sweep: time and memory against length, mixtures a second against batch, and
time against threads.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.registry import SAMPLE_RATE
from bench.render.cell_names import DEVICE_NAMES, PHASE_NAMES, CellNames, describe_samples
from bench.render.figures.small_multiples import (
    Mark,
    Plot,
    Series,
    as_value,
    write_small_multiples,
)
from bench.render.provenance import describe_threads
from bench.results.growth import Curve, Growth, Point, is_far
from bench.results.statistics import Estimate
from bench.results.summary import Value
from bench.results.sweep import Cell, Key, along
from bench.results.sweep_answers import Growths, Sweep
from bench.results.workload import Phase
from bench.units import format_si, format_significant

ValueOf = Callable[[Cell], Value | None]
Place = tuple[Phase, str]
"""A phase and a device: a figure holds cells of one."""


def write_sweep_figures(
    sweep: Sweep, names: CellNames, folder: Path
) -> dict[str, list[Path]]:
    """The paths of each figure by its title; none of what was not measured."""
    found: dict[str, list[Path]] = {}
    places = dict.fromkeys((cell.key.phase, cell.key.device) for cell in sweep.cells)
    for place in places:
        cells = [cell for cell in sweep.cells if (cell.key.phase, cell.key.device) == place]
        for name, plot in _plots(sweep, cells, names, place).items():
            stem = folder / f"sweep-{name}-{_suffix(place)}"
            if paths := write_small_multiples(plot, stem):
                found[plot.title] = paths
    return found


def _suffix(place: Place) -> str:
    phase, device = place
    return f"update-{device}" if phase == "update" else phase.replace("_", "-")


def _plots(
    sweep: Sweep, cells: Sequence[Cell], names: CellNames, place: Place
) -> dict[str, Plot]:
    """By the first word of their file's name."""
    phase, device = place
    where = f"{PHASE_NAMES[phase]} {DEVICE_NAMES[device]}" if phase == "update" else PHASE_NAMES[phase]
    fewest = _fewest_threads(cells)
    plots = {
        "time": _over_length(f"Time against length, {where}", "time of a call", "s", cells),
    }
    return plots
