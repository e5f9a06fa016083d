"""reports/energy.md and .csv: joules for a second of audio, where a counter told them."""

from collections.abc import Iterable, Iterator, Sequence

from bench.plan import ENERGY_WINDOW_S
from bench.render.columns import NO_RATIO
from bench.render.contention import describe_contention
from bench.render.estimates import format_ratio, format_span, plus_minus
from bench.render.phases import PHASE_NAMES, title_of
from bench.render.provenance import describe_provenance, describe_threads
from bench.render.tables.markdown import markdown_table, plain
from bench.render.tables.rows import Cell, judged_cells
from bench.results.energy import METHODS_AGREE_WITHIN, EnergyPoint, EnergySummary
from bench.results.frame import make_frame, to_csv
from bench.results.record import Status
from bench.results.statistics import LEVEL, MIN_CALLS, MIN_PROCESSES, WIDEST, Estimate
from bench.results.summary import ModelSummary, RunSummary
from bench.results.timing import NOISY_WIDTH
from bench.results.workload import Phase
from bench.units import format_range, format_si

NOT_MEASURED = "not measured"
UNIT = "Joules for each second of audio:"
EXPLANATION = (
    "A step's first value is all that the counter counted during the work, whatever it went into; "
    "**above idle** is what is left without the power at rest. In each round a fresh process of "
    "each network is at rest, makes calls back to back, and is at rest again, for "
    f"{ENERGY_WINDOW_S:g} s each; its power at rest is the mean of both. Ratios are of what is "
    f"above idle. Values are middles over processes with half their interval ({100 * LEVEL:.0f} "
    "%), widened by what the steps of the counter leave open and, above idle, by half of the "
    "change of the power at rest. A range marked noisy stands where fewer than "
    f"{MIN_PROCESSES} undisturbed processes or {MIN_CALLS} calls are left, or half the interval "
    f"is {100 * WIDEST:.0f} % or more. **Idle power** is the smallest and the largest of all "
    "rests. What the counters cover and what not: docs/energy.md."
)
NOT_REACHED = "The run ended before."
TWO_WAYS = (
    "The driver's counter, which the values are of, and the integral of the power that it tells, "
    "sampled every 20 ms. Sensors of GPUs look at a part of the time (arXiv 2312.02741), so "
    "neither is the truth; how far the second is from the first says how well both are known."
)


def render_energy(summary: RunSummary) -> str:
    """A table for each counter, or the reason why there is none; and where it was measured.

    ``summary`` is of a run that was to measure energy.
    """
    energy = summary.energy
    assert energy is not None
    threads = describe_threads(summary.workload.threads)
    sections = [f"# Energy on {summary.environment_name}, {threads}"]
    for device in dict.fromkeys(device_of(phase, summary) for phase in summary.phases):
        sections += _render_device(device, summary, energy)
    if energy.points:
        sections.append(EXPLANATION)
    if remarks := [f"- {remark}" for remark in list_remarks(summary)]:
        sections += ["## To be read with care", "\n".join(remarks)]
    provenance = (f"- {label}: {text}" for label, text in describe_provenance(summary))
    sections += ["## Where these values come from", "\n".join(provenance)]
    return "\n\n".join(sections) + "\n"


def device_of(phase: Phase, summary: RunSummary) -> str:
    """Where the networks of a run compute in a phase: ``cpu`` or ``cuda``."""
    devices = {"inference": "cpu", "update": summary.update_device, "gpu_inference": "cuda"}
    return devices[phase]


def _render_device(device: str, summary: RunSummary, energy: EnergySummary) -> Iterator[str]:
    phases = [phase for phase in summary.phases if device_of(phase, summary) == device]
    points = [point for point in energy.points if point.phase in phases]
    name = summary.gpu_name if device == "cuda" else "the processor"
    if not points:
        yield f"## On {name}"
        yield f"Energy was {NOT_MEASURED}. {say_failures(summary, phases)}"
        return
    yield f"## On {name}, by {' and '.join(dict.fromkeys(point.counter for point in points))}"
    yield UNIT
    yield markdown_table(table_heads(phases, summary), table_rows(phases, summary))
    if any(point.apart is not None for point in points):
        yield "### The same another way"
        yield markdown_table(
            ("Network", "Step", "Second way", "At work", "At rest"),
            [_compare(point, summary) for point in points if point.apart is not None],
            3,
        )
        yield TWO_WAYS


def table_heads(phases: Sequence[Phase], summary: RunSummary) -> list[str]:
    """Of the table of one device."""
    heads = ["Network"]
    for phase in phases:
        title = title_of(phase)
        heads += [title, f"{title}, above idle"]
        heads += [f"{title}, ratio to {summary.base_name}"] if summary.base else []
    return [*heads, "Idle power"]


def table_rows(phases: Sequence[Phase], summary: RunSummary) -> list[list[str]]:
    """A row for each network of which the energy is known in one of the phases."""
    assert summary.energy is not None
    rows = []
    for model in summary.models:
        found = [summary.energy.point_of(model.entry.name, phase) for phase in phases]
        known = [point for point in found if point is not None]
        if known:
            cells = [cell for point in found for cell in _cells_of(point, summary)]
            low_w, high_w = zip(*(point.idle_w for point in known), strict=True)
            idle = format_range(min(low_w), max(high_w), "W")
            rows.append([model.entry.display_name, *cells, idle])
    return rows


def _cells_of(point: EnergyPoint | None, summary: RunSummary) -> list[str]:
    if point is None:
        return [NOT_MEASURED] * (3 if summary.base else 2)
    values = [format_energy(point.gross), format_energy(point.net)]
    if not summary.base:
        return values
    if point.model == summary.base:
        return [*values, "1"]
    return [*values, format_ratio(point.net_ratio) if point.net_ratio else NO_RATIO]


def format_energy(estimate: Estimate) -> str:
    """Joules with their interval; or the range."""
    if not estimate.is_trusted:
        return format_span(estimate.span, "J")
    return format_si(estimate.value, "J") + plus_minus(estimate.interval, estimate.value)


def _compare(point: EnergyPoint, summary: RunSummary) -> list[str]:
    """How far the second way is from the first."""
    use = next(iter(point.uses.values()))
    return [
        _name_of(point.model, summary.models),
        PHASE_NAMES[point.phase],
        use.other_counter or "",
        _format_share(point.apart),
        _format_share(point.idle_apart),
    ]


def _format_share(share: float | None) -> str:
    return "not known" if share is None else f"{100 * share:+.1f} %"


def _name_of(model: str, models: Iterable[ModelSummary]) -> str:
    names = (one.entry.display_name for one in models if one.entry.name == model)
    return next(names, model)


def list_remarks(summary: RunSummary) -> Iterator[str]:
    """What a reader must know: what moved, what was disturbed, where two ways do not agree."""
    assert summary.energy is not None
    for point in summary.energy.points:
        yield from (f"{_where(point, summary)}: {remark}" for remark in _remarks_on(point))
    yield from _disagreements(summary)
    measured = {device_of(point.phase, summary) for point in summary.energy.points}
    phases = [phase for phase in summary.phases if device_of(phase, summary) in measured]
    if failures := say_failures(summary, phases):
        yield failures


def _remarks_on(point: EnergyPoint) -> Iterator[str]:
    if point.net.value <= 0 or point.idle_off_j >= NOISY_WIDTH * point.net.value:
        low_w, high_w = point.idle_w
        yield (
            f"the power at rest is not well known against the work: {format_range(low_w, high_w)} W"
            f" at rest, {format_si(point.power_w, 'W')} at work."
        )
    disturbed = [use for use in point.uses.values() if use.is_disturbed]
    if disturbed:
        calls = [window.contention for use in disturbed for window in use.windows]
        example = next(describe_contention(one) for one in calls if one and one.is_disturbed)
        left = "" if len(disturbed) < len(point.uses) else ", so the range is of all of them"
        yield (
            f"{len(disturbed)} of {len(point.uses)} processes were disturbed by other work "
            f"({example}){left}."
        )
    if point.is_shared:
        yield "another process used the GPU, whose energy is in these values."


def _disagreements(summary: RunSummary) -> Iterator[str]:
    """Where two ways to the same energy are further apart than a sensor's own error."""
    assert summary.energy is not None
    points = summary.energy.points
    for moment, found in (
        ("At work", [(point, point.apart) for point in points]),
        ("At rest", [(point, point.idle_apart) for point in points]),
    ):
        far = {
            _where(point, summary): share
            for point, share in found
            if share is not None and abs(share) > METHODS_AGREE_WITHIN
        }
        if far:
            named = "; ".join(f"{where} ({_format_share(share)})" for where, share in far.items())
            yield (
                f"{moment}, the sampled power and the driver's counter do not agree within "
                f"{100 * METHODS_AGREE_WITHIN:.0f} %: {named}."
            )


def _where(point: EnergyPoint, summary: RunSummary) -> str:
    return f"{_name_of(point.model, summary.models)}, {PHASE_NAMES[point.phase]}"


def say_failures(summary: RunSummary, phases: Sequence[Phase]) -> str:
    """Why energies are missing in some phases; networks with one reason together.

    A reason that all of them share needs no names.
    """
    assert summary.energy is not None
    found: dict[str, list[str]] = {}
    for model in summary.models:
        for phase in phases:
            if reason := why_missing(model, phase, summary.energy)[1]:
                named = f"{model.entry.display_name}, {PHASE_NAMES[phase]}"
                found.setdefault(plain(reason).rstrip("."), []).append(named)
    if len(found) == 1 and not any(point.phase in phases for point in summary.energy.points):
        return f"{next(iter(found))}."
    return " ".join(f"{'; '.join(names)}: {reason}." for reason, names in found.items())


def why_missing(model: ModelSummary, phase: Phase, energy: EnergySummary) -> tuple[Status, str]:
    """Why a network has no energy in a phase, or not in all rounds; no reason where it has."""
    name = model.entry.name
    if failure := energy.failures.get((phase, name)):
        return failure
    if energy.point_of(name, phase):
        return Status.OK, ""
    time = model.values[f"latency_s_{phase}"]  # of one that was not tried: it was not timed either
    return (time.status, time.reason) if time.reason else (Status.SKIPPED, NOT_REACHED)


def render_energy_csv(summary: RunSummary) -> str:
    """A row for each network in each phase, with raw values in SI units or a reason."""
    energy = summary.energy
    assert energy is not None
    return to_csv(
        make_frame(
            [
                _row(model, phase, summary, energy)
                for model in summary.models
                for phase in summary.phases
            ]
        )
    )


def _row(
    model: ModelSummary, phase: Phase, summary: RunSummary, energy: EnergySummary
) -> dict[str, Cell]:
    point = energy.point_of(model.entry.name, phase)
    use = next(iter(point.uses.values())) if point else None
    low_w, high_w = point.idle_w if point else (None, None)
    status, reason = why_missing(model, phase, energy)
    work = summary.workload
    cells: dict[str, Cell] = {
        "model": model.entry.name,
        "phase": phase,
        "device": device_of(phase, summary),
        "n_samples": work.n_samples,
        "batch": work.batch,
        "dtype": work.dtype,
        "threads": work.threads,
        "ratio_base": summary.base,
        "status": status.value,
        "reason": reason,
        "counter": use.counter if use else None,
        "other_counter": use.other_counter if use else None,
        "update_s": max(one.update_s for one in point.uses.values()) if point else None,
        "power_w": point.power_w if point else None,
        "idle_low_w": low_w,
        "idle_high_w": high_w,
        "idle_off_j_per_audio_s": point.idle_off_j if point else None,
        "other_counter_apart": point.apart if point else None,
        "other_counter_apart_idle": point.idle_apart if point else None,
        "processes_disturbed": point.n_disturbed if point else None,
        "is_shared": point.is_shared if point else None,
    }
    estimates = {
        "energy_j_per_audio_s_gross": point.gross if point else None,
        "energy_j_per_audio_s_net": point.net if point else None,
        "ratio_gross": point.gross_ratio if point else None,
        "ratio_net": point.net_ratio if point else None,
    }
    for name, estimate in estimates.items():
        cells |= judged_cells(name, estimate)
    return cells
