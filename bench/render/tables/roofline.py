"""reports/roofline.md and .csv: networks below the ceilings that were measured in their run."""

from collections.abc import Iterable, Iterator

from bench.registry import REGISTRY
from bench.render.columns import NO_RATIO
from bench.render.estimates import format_ratio, format_span, format_time, plus_minus
from bench.render.provenance import describe_provenance, describe_threads
from bench.render.tables.markdown import markdown_table
from bench.render.tables.rows import Cell, judged_cells
from bench.results.frame import make_frame, to_csv
from bench.results.roofline import Roofline, RooflinePoint, scaled
from bench.results.statistics import MIN_CALLS, MIN_PROCESSES, Estimate
from bench.results.summary import RunSummary
from bench.units import format_si

EXPLANATION = (
    "**Achieved**: two FLOPs for each multiply-add of a forward, over its time. **FLOPs/byte**: "
    "the same over the bytes that torch's operators read and write, one operator at a time; "
    "another runtime may move fewer. **Floor**: the longer of two. *Products*: every product of "
    "matrices of the forward at its own shape, as `torch.mm` or `torch.bmm` computes it with the "
    "same threads. *Compulsory*: weights, mixture and estimates, each moved once, at the "
    "bandwidth of data of their size. Depth-wise convolutions, norms, activations and what passes "
    "between operators are in no floor. **Times the floor**: time over floor in the rounds that "
    "have undisturbed runs of both. Every value is the middle over processes with half its "
    "interval (95 %), or a range where it is no number that one could quote. What a floor can "
    "say and what not: docs/roofline.md."
)
HEADS = (
    "Network",
    "Runtime",
    "dtype",
    "Time",
    "Achieved",
    "Of the product ceiling",
    "FLOPs/byte",
    "Products",
    "Compulsory",
    "Times the floor",
)


def render_roofline(summary: RunSummary) -> str:
    """The ceilings, the networks below them, what is in doubt, and where it was measured.

    ``summary`` is of a run that measured ceilings.
    """
    roofline = summary.roofline
    assert roofline is not None
    sections = [
        f"# Roofline on {summary.environment_name}, {describe_threads(roofline.roofs.threads)}",
        "![Achieved rate over intensity](roofline.png)",
        "## Ceilings",
        markdown_table(("Ceiling", "Measured"), list_ceilings(roofline)),
        "## Networks",
        markdown_table(HEADS, [point_cells(point, roofline) for point in roofline.points], 3),
        EXPLANATION,
    ]
    if remarks := [f"- {remark}" for remark in list_remarks(roofline)]:
        sections += ["## To be read with care", "\n".join(remarks)]
    provenance = (f"- {label}: {text}" for label, text in describe_provenance(summary))
    sections += ["## Where these values come from", "\n".join(provenance)]
    return "\n\n".join(sections) + "\n"


def list_ceilings(roofline: Roofline) -> Iterator[tuple[str, str]]:
    """Each ceiling with its value and interval."""
    for dtype, rate in roofline.roofs.products.items():
        yield f"Product of large matrices, {dtype}", format_rate(rate, "FLOP/s")
    for n_bytes, rate in roofline.roofs.bandwidths.items():
        yield f"Moving {describe_size(roofline, n_bytes)}", format_rate(rate, "B/s")


def describe_size(roofline: Roofline, n_bytes: int) -> str:
    """Data by where they stand, and how many."""
    is_largest = n_bytes == max(roofline.roofs.bandwidths)
    mebibytes = n_bytes / (1 << 20)
    return f"data in {'memory' if is_largest else 'a cache'} ({mebibytes:g} MiB)"


def format_rate(rate: Estimate, unit: str) -> str:
    """Work per second with its interval; or the range."""
    if not rate.is_trusted:
        return format_span(rate.span, unit)
    return format_si(rate.value, unit) + plus_minus(rate.interval, rate.value)


def name_of(point: RooflinePoint) -> str:
    """The network's name for people."""
    entry = REGISTRY.get(point.model)
    return entry.display_name if entry else point.model


def point_cells(point: RooflinePoint, roofline: Roofline) -> list[str]:
    """The cells of one network in one form, in the order of ``HEADS``."""
    roof = roofline.roof_of(point)
    is_known = roof is not None and roof.is_trusted and point.rate.is_trusted
    return [
        name_of(point),
        point.workload.runtime,
        point.workload.dtype,
        format_time(point.time),
        format_rate(point.rate, "FLOP/s"),
        f"{point.rate.value / roof.value:.0%}" if is_known and roof else "not known",
        f"{point.intensity:.3g}",
        format_time(point.products),
        format_time(point.compulsory),
        format_ratio(point.times_the_floor) if point.times_the_floor else NO_RATIO,
    ]


def list_remarks(roofline: Roofline) -> Iterable[str]:
    """What a reader must know: what exceeds a ceiling, what was disturbed, and what is missing."""
    for point in roofline.points:
        yield from _exceeding(point, roofline)
    roofs = roofline.roofs
    if roofs.n_disturbed:
        yield (
            f"Of {roofs.n_runs} timed runs of the ceilings {roofs.n_disturbed} were disturbed by "
            "other work, as the kernel's counters say; they count only where no others are left."
        )
    estimates = [*roofs.products.values(), *roofs.bandwidths.values()]
    estimates += [point.floor for point in roofline.points]
    if any(not one.is_trusted for one in estimates):
        yield (
            f"A range in the place of a ceiling or floor: fewer than {MIN_PROCESSES} processes or "
            f"{MIN_CALLS} undisturbed runs, or half the interval is 25 % or more."
        )
    for model, reason in roofline.failures.items():
        yield f"{model} has no ceilings. {reason}"


def _exceeding(point: RooflinePoint, roofline: Roofline) -> Iterator[str]:
    name = f"{name_of(point)} ({point.workload.runtime}, {point.workload.dtype})"
    if point.is_above(roofline.roof_of(point)):
        yield (
            f"{name} is **above the ceiling** of products. It computes its layers with fewer "
            "multiply-adds than counted, or in another dtype, or its products are faster than "
            "torch's."
        )
    elif point.is_below_floor:
        yield (
            f"{name} is **faster than its floor**: it computes its layers with fewer multiply-adds "
            "than these products, or in another dtype, or its products are faster than torch's."
        )
    if point.is_above(scaled(roofline.roofs.memory, point.intensity)):
        yield (
            f"{name} is above the ceiling of memory: operators find what others have just written "
            "in a cache."
        )


def render_roofline_csv(summary: RunSummary) -> str:
    """A row for each network in each form: raw values in SI units, and the run's ceilings."""
    assert summary.roofline is not None
    return to_csv(
        make_frame([_cells(point, summary.roofline) for point in summary.roofline.points])
    )


def _cells(point: RooflinePoint, roofline: Roofline) -> dict[str, Cell]:
    work = point.workload
    cells: dict[str, Cell] = {
        "model": point.model,
        "runtime": work.runtime,
        "dtype": work.dtype,
        "products_dtype": point.dtype,
        "n_samples": work.n_samples,
        "batch": work.batch,
        "threads": work.threads,
        "macs": point.macs,
        "other_macs": point.other_macs,
        "bytes_moved": point.bytes_moved,
        "compulsory_bytes": point.compulsory_bytes,
        "flops_per_byte": point.intensity,
        "is_below_floor": point.is_below_floor,
        "is_above_ceiling": point.is_above(roofline.roof_of(point)),
    }
    estimates = {
        "latency_s": point.time,
        "achieved_flops_per_s": point.rate,
        "products_s": point.products,
        "compulsory_s": point.compulsory,
        "floor_s": point.floor,
        "times_the_floor": point.times_the_floor,
        "ceiling_flops_per_s": roofline.roof_of(point),
        "memory_bytes_per_s": roofline.roofs.memory,
        "cache_bytes_per_s": roofline.roofs.bandwidths[min(roofline.roofs.bandwidths)],
    }
    for name, estimate in estimates.items():
        cells |= judged_cells(name, estimate)
    return cells
