"""The section of a report on the GPU: whether it was busy, what it held, and how fast it ran."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.render.columns import LETTERS
from bench.render.estimates import format_time
from bench.render.tables.markdown import markdown_table
from bench.results.gpu import GpuSummary
from bench.results.measurements import LAUNCH_BOUND_BELOW, MemoryPeaks
from bench.results.statistics import Estimate
from bench.results.summary import ModelSummary, RunSummary
from bench.results.workload import Phase
from bench.units import format_si, format_significant

UNKNOWN = "not known"
Cells = Callable[[ModelSummary, Phase, GpuSummary], Sequence[str]]
"""The cells of a row, of one network in one phase."""

CALL_HEADS = (
    *("Time", "Host's time", "Time, cold cache", "Launches", "Busy share"),
    *("In a word", "As a CUDA graph"),
)
CALLS = (
    "Time: between two events on the GPU. Host's time: of the same calls, until the GPU has "
    "finished. Cold cache: calls after the GPU's second-level cache was overwritten. Launches: "
    "kernels of one call. Busy share: of a call's time, in which at least one kernel, copy or fill "
    f"ran, as a profiler saw it in a pass of its own. Below {100 * LAUNCH_BOUND_BELOW:.0f} % a "
    "call is launch-bound: the GPU waits for the host longer than it works. As a CUDA graph: the "
    "call captured once and replayed, so that the host launches nothing: what the hardware alone "
    "takes. Training steps are not captured."
)
MEMORY_HEADS = (
    *("Allocator, cold (MB)", "Allocator (MB)", "Reserved, cold (MB)", "Reserved (MB)"),
    *("Process, cold (MB)", "Process (MB)"),
)
MEMORY_FIELDS = (
    *("cold_peak_allocated_bytes", "peak_allocated_bytes"),
    *("cold_peak_reserved_bytes", "peak_reserved_bytes"),
    *("cold_process_bytes", "process_bytes"),
)
MEMORY = (
    "The most in the first call of a process (cold) and in the one after it. Allocator: what "
    "torch's tensors held. Reserved: what its allocator had taken from the driver. Process: what "
    "the driver says of the whole process after the call, the CUDA context included."
)
STATE_HEADS = ("Clock (MHz)", "Memory clock (MHz)", "Temperature (°C)", "Power (W)", "Slowed by")
STATE_SCALES = (
    *(("sm_clock_hz", 1e6), ("memory_clock_hz", 1e6)),
    *(("temperature_c", 1.0), ("power_w", 1.0)),
)
STATE = (
    "The driver's readings after a process's last call, the medians over processes. Slowed by: "
    "what lowered the clock at any of its readings."
)


def render_gpu(summary: RunSummary) -> Iterable[str]:
    """Markdown blocks; none for a run without a GPU."""
    if not any(model.gpu for model in summary.models):
        return
    yield "## GPU"
    yield _name_card(summary)
    yield "### Is it busy?"
    yield _table(summary, CALL_HEADS, _calls)
    yield " ".join((CALLS, *_replay_failures(summary)))
    yield "### Memory on the GPU"
    yield _table(summary, MEMORY_HEADS, _memory)
    yield " ".join((MEMORY, *_notes(summary)))
    yield "### Clocks, heat and power"
    yield _table(summary, STATE_HEADS, _state)
    yield " ".join((STATE, *_energy(summary)))


def _cells_of(summary: RunSummary) -> Iterator[tuple[ModelSummary, Phase, GpuSummary]]:
    for model in summary.models:
        for phase, found in sorted(model.gpu.items(), key=lambda item: item[0] == "update"):
            yield model, phase, found


def _table(summary: RunSummary, heads: Sequence[str], cells: Cells) -> str:
    rows = [
        [model.entry.display_name, LETTERS[phase], *cells(model, phase, found)]
        for model, phase, found in _cells_of(summary)
    ]
    return markdown_table(["Model", "Phase", *heads], rows, n_text=2)


def _name_card(summary: RunSummary) -> str:
    """The card, and what the driver says of it."""
    gpu = summary.environment.machine.gpu if summary.environment else None
    readings = (reading for _, _, found in _cells_of(summary) for reading in found.readings)
    reading = next(readings, None)
    facts = [summary.gpu_name]
    if gpu:
        facts.append(f"compute capability {gpu.compute_capability}")
    if reading:
        limits = {
            "driver": reading.driver_version,
            "highest clock": _with_unit(reading.sm_clock_max_hz, "Hz"),
            "highest memory clock": _with_unit(reading.memory_clock_max_hz, "Hz"),
            "power limit": _with_unit(reading.power_limit_w, "W"),
            "compute mode": reading.compute_mode,
        }
        facts += [f"{name} {value}" for name, value in limits.items() if value is not None]
    else:
        facts.append("of which the driver said nothing")
    return ", ".join(facts) + "."


def _with_unit(value: float | None, unit: str) -> str | None:
    return None if value is None else format_si(value, unit)


def _calls(model: ModelSummary, phase: Phase, found: GpuSummary) -> list[str]:
    timing, launches = model.timings.get(phase), found.launches
    device = timing.latency if timing else None
    cells = [_time(estimate) for estimate in (device, found.host, found.cold_cache)]
    if launches is None:
        return [*cells, *[UNKNOWN] * 4]
    share = launches.busy_share
    replay = launches.replay_status
    if launches.replay_s is not None:
        replay = format_si(launches.replay_s, "s")
    return [
        *cells,
        UNKNOWN if launches.n_launches is None else str(launches.n_launches),
        UNKNOWN if share is None else f"{share:.0%}",
        _word(launches.is_launch_bound),
        replay,
    ]


def _time(estimate: Estimate | None) -> str:
    return UNKNOWN if estimate is None else format_time(estimate)


def _word(is_launch_bound: bool | None) -> str:
    if is_launch_bound is None:
        return UNKNOWN
    return "launch-bound" if is_launch_bound else "busy"


def _replay_failures(summary: RunSummary) -> Iterator[str]:
    """Each reason once, with the networks that it concerns; what nobody tried needs none."""
    failed: dict[str, list[str]] = {}
    for model, _, found in _cells_of(summary):
        launches = found.launches
        if launches and launches.replay_s is None and launches.replay_status != "skipped":
            failed.setdefault(launches.replay_reason, []).append(model.entry.display_name)
    for reason, names in failed.items():
        yield f"{', '.join(names)}: {reason.rstrip('.')}."


def _memory(model: ModelSummary, phase: Phase, found: GpuSummary) -> list[str]:
    return [_megabytes(found.memory, name) for name in MEMORY_FIELDS]


def _megabytes(peaks: MemoryPeaks | None, name: str) -> str:
    value: int | None = getattr(peaks, name, None)
    return UNKNOWN if value is None else format_significant(value / 1e6)


def _notes(summary: RunSummary) -> Iterator[str]:
    """Why a whole column is not known, once and not for each network."""
    notes = {
        note
        for _, _, found in _cells_of(summary)
        if found.memory
        for name, note in found.memory.notes.items()
        if name in MEMORY_FIELDS
    }
    for note in sorted(notes):
        yield f"Process: {note[0].lower()}{note[1:]}"


def _state(model: ModelSummary, phase: Phase, found: GpuSummary) -> list[str]:
    values = [(found.reading(name), scale) for name, scale in STATE_SCALES]
    cells = [UNKNOWN if value is None else f"{value / scale:.0f}" for value, scale in values]
    slowed_by = ", ".join(found.slowed_by) or ("nothing" if found.readings else UNKNOWN)
    return [*cells, slowed_by]


def _energy(summary: RunSummary) -> Iterator[str]:
    """Of whole rounds: what one network of a round used is not told apart."""
    energies_j: dict[Phase, list[float]] = {}
    for _, phase, found in _cells_of(summary):
        energies_j.setdefault(phase, []).extend(found.round_energies_j)
    for phase, values in energies_j.items():
        if values:
            low, high = (format_si(end, "J") for end in (min(values), max(values)))
            yield (
                f"Energy of the GPU between its readings before and after a process's calls, all "
                f"networks of a round of {LETTERS[phase]} together: {low} to {high}."
            )
