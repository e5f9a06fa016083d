"""The figures of a sweep: time and memory against length, mixtures a second against batch, and
time against threads.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.render.cell_names import DEVICE_NAMES, CellNames, describe_samples
from bench.render.estimates import as_value
from bench.render.figures.small_multiples import (
    Mark,
    PanelSeries,
    Plot,
    write_small_multiples,
)
from bench.render.phases import PHASE_NAMES
from bench.render.provenance import describe_threads
from bench.results.growth import CostPoint, Growth
from bench.results.statistics import Estimate
from bench.results.summary import Value
from bench.results.sweep import Key, SweepCell, along
from bench.results.sweep_answers import Growths, SweepSummary, with_fewest_threads
from bench.results.workload import Phase
from bench.units import format_si, format_significant

ValueOf = Callable[[SweepCell], Value | None]
Place = tuple[Phase, str]
"""A phase and a device: a figure holds the cells of one."""
ELSEWHERE = ("phase", "device")
"""What the title of a figure says, and its legend need not."""


def write_sweep_figures(
    sweep: SweepSummary, names: CellNames, folder: Path
) -> dict[str, list[Path]]:
    """The paths of each figure by its title; none of what was not measured."""
    found: dict[str, list[Path]] = {}
    for place in dict.fromkeys((cell.key.phase, cell.key.device) for cell in sweep.cells):
        cells = [cell for cell in sweep.cells if (cell.key.phase, cell.key.device) == place]
        for name, plot in _plots(sweep, cells, names).items():
            paths = write_small_multiples(plot, folder / f"sweep-{name}-{_suffix(place)}")
            if paths:
                found[plot.title] = paths
    return found


def _suffix(place: Place) -> str:
    phase, device = place
    return f"update-{device}" if phase == "update" else phase.replace("_", "-")


def _plots(sweep: SweepSummary, cells: Sequence[SweepCell], names: CellNames) -> dict[str, Plot]:
    """By what their file's name says."""
    key = cells[0].key
    where = PHASE_NAMES[key.phase]
    where += f" {DEVICE_NAMES[key.device]}" if key.phase == "update" else ""
    few, threads = _least(cells, "threads")
    small, batch = _least(cells, "batch")
    few_words = f", {describe_threads(threads)}" if "threads" in names.varied else ""
    small_words = f", batch {batch}" if "batch" in names.varied else ""
    return {
        "time": _over_length(
            f"Time of a call against length, {where}{few_words}",
            *("s", few, sweep.times, names, _time),
        ),
        "memory": _over_length(
            f"Peak of the process against length, {where}{few_words}",
            *("B", few, with_fewest_threads(sweep.memory), names, _memory),
        ),
        "batch": _over_setting(
            f"Mixtures a second against batch, {where}{few_words}",
            *("batch", "mixtures a second", few, names, _throughput),
        ),
        "threads": _over_setting(
            f"Time of a call against threads, {where}{small_words}",
            *("threads", "time of a call", small, names, _time),
        ),
    }


def _least(cells: Sequence[SweepCell], field: str) -> tuple[list[SweepCell], int]:
    """The cells with the least of a setting, and how much that is."""
    least: int = min(getattr(cell.key, field) for cell in cells)
    return [cell for cell in cells if getattr(cell.key, field) == least], least


def _time(cell: SweepCell) -> Value | None:
    return _of(cell.time)


def _throughput(cell: SweepCell) -> Value | None:
    return _of(cell.throughput)


def _of(estimate: Estimate | None) -> Value | None:
    return None if estimate is None else as_value(estimate)


def _memory(cell: SweepCell) -> Value | None:
    return None if cell.process_bytes is None else Value(cell.process_bytes)


def _over_length(
    title: str,
    unit: str,
    cells: Sequence[SweepCell],
    growths: Growths,
    names: CellNames,
    value: ValueOf,
) -> Plot:
    """Costs with the curves through them."""
    panels: dict[str, list[PanelSeries]] = {}
    lengths = sorted({cell.key.n_samples for cell in cells})
    for key, group in along(cells, "n_samples").items() if len(lengths) > 1 else ():
        growth = growths.get(key)
        far = growth.departing if isinstance(growth, Growth) else []
        one = PanelSeries(
            label=names.setting(key, (*ELSEWHERE, "threads")),
            marks=tuple(_marks(group, "n_samples", value, far)),
            curve=growth.curve if isinstance(growth, Growth) else None,
        )
        panels.setdefault(names.model(key), []).append(one)
    return Plot(
        title=title,
        x_name="length of the audio",
        y_name="time" if unit == "s" else "memory",
        show_x=describe_samples,
        show_y=lambda y: format_si(y, unit, 2),
        panels=panels,
        x_ticks=_every_other(lengths),
        missing=_missing(cells, names, value),
    )


def _every_other(lengths: Sequence[int], most: int = 4) -> list[int]:
    """At most so many, evenly, so that their names have space."""
    step = -(-len(lengths) // most)
    return list(lengths[::step])


def _over_setting(
    title: str,
    field: str,
    y_name: str,
    cells: Sequence[SweepCell],
    names: CellNames,
    value: ValueOf,
) -> Plot:
    """A line for each length, of the lengths with several values of the setting."""
    panels: dict[str, list[PanelSeries]] = {}
    for key, group in along(cells, field).items():
        marks = tuple(_marks(group, field, value))
        if len(group) > 1:
            label = _length_and_setting(key, names)
            panels.setdefault(names.model(key), []).append(PanelSeries(label, marks))
    unit = "s" if y_name.startswith("time") else ""
    return Plot(
        title=title,
        x_name=field,
        y_name=y_name,
        show_x=lambda x: f"{x:g}",
        show_y=lambda y: format_si(y, unit, 2) if unit else format_significant(y, 2),
        panels=panels,
        x_ticks=sorted({getattr(cell.key, field) for cell in cells}),
        missing=_missing(cells, names, value),
    )


def _length_and_setting(key: Key, names: CellNames) -> str:
    setting = names.setting(key, (*ELSEWHERE, "threads", "batch"))
    return ", ".join(filter(None, (describe_samples(key.n_samples), setting)))


def _missing(cells: Sequence[SweepCell], names: CellNames, value_of: ValueOf) -> dict[str, str]:
    """How many cells of each network have no value, by the status that says why."""
    found: dict[str, Counter[str]] = {}
    for cell in cells:
        if cell.failures and value_of(cell) is None:
            found.setdefault(names.model(cell.key), Counter())[cell.status.value] += 1
    return {
        name: ", ".join(f"{n} {status}" for status, n in counts.items())
        for name, counts in found.items()
    }


def _marks(
    group: Sequence[SweepCell], field: str, value_of: ValueOf, far: Sequence[CostPoint] = ()
) -> Iterator[Mark]:
    lengths = {point.n_samples for point in far}
    for cell in group:
        value = value_of(cell)
        if value is not None:
            yield Mark(getattr(cell.key, field), value, cell.key.n_samples in lengths)
