"""How costs grow with the length: curves, their exponents, and what does not lie on them."""

from collections.abc import Iterable, Iterator
from typing import Literal

from bench.registry import SAMPLE_RATE
from bench.render.cell_names import CellNames, describe_samples
from bench.render.tables.markdown import markdown_table
from bench.results.growth import (
    FAR,
    LEAST_EXPONENT,
    LEAST_FOR_INTERVAL,
    MOST_EXPONENT,
    CostPoint,
    CountLine,
    Curve,
    Growth,
    is_far,
)
from bench.results.statistics import LEVEL
from bench.results.sweep import Key
from bench.results.sweep_answers import Growths, SweepSummary, with_fewest_threads
from bench.units import format_si, format_significant

LINEAR = 0.05
"""By how much an exponent may be off 1 and still be called linear."""
WIDEST_WORD = 0.5
"""Of an interval of the exponent: of a wider one no word is said."""
NARROW = 0.02
"""An interval of the exponent has a third decimal below it."""
HEADS = ("Model", "Setting", "k", "In a word", "Cost of t seconds", "Scatter", "Leave the curve")
CURVES = (
    "A curve a + b t^k is fitted to the cells of one setting over growing lengths, by least "
    f"squares of relative residuals. Behind k stands its interval ({100 * LEVEL:.0f} %, profile "
    f"likelihood by the scatter of the cells around the curve, from {LEAST_EXPONENT:g} to "
    f"{MOST_EXPONENT:g}); it needs {LEAST_FOR_INTERVAL} lengths. Linear: the interval reaches "
    f"1 ± {LINEAR:g}. Scatter: the standard deviation of a cell around the curve. A cell leaves "
    f"it that is more than {100 * FAR:.0f} % away, and farther than its own interval allows; one "
    "that is an outlier by an F test is left out of the fit."
)
RESIDUALS = (
    "Measured over the curve, less 1. **Bold**: the cell leaves the curve. (In brackets): it was "
    "left out of the fit."
)
Unit = Literal["s", "B"]


def render_growth(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """Markdown blocks; none where no cost has a curve or a reason why not."""
    sections: list[tuple[str, Growths, Unit]] = [
        ("Time", sweep.times, "s"),
        ("Peak of the process", with_fewest_threads(sweep.memory), "B"),
        ("Peak of torch's allocator", with_fewest_threads(sweep.allocated), "B"),
    ]
    shown = [section for section in sections if section[1]]
    lengths = {cell.key.n_samples for cell in sweep.cells}
    if len(lengths) < 2:  # nobody asked
        return
    yield "## How costs grow with the length"
    if shown:
        yield CURVES
    for title, growths, unit in shown:
        yield f"### {title}"
        yield markdown_table(HEADS, (_row(k, g, unit, names) for k, g in growths.items()), 2)
    yield from _counts(sweep, names)
    if shown:
        yield "### Residuals"
        yield RESIDUALS
    for title, growths, _ in shown:
        yield from _residuals(title, growths, names)


def _row(key: Key, growth: object, unit: Unit, names: CellNames) -> list[str]:
    start = [names.model(key), names.setting(key)]
    if not isinstance(growth, Growth):
        return [*start, "none", getattr(growth, "reason", ""), "", "", ""]
    leaving = [describe_samples(point.n_samples) for point in growth.departing]
    return [
        *start,
        format_exponent(growth),
        name_growth(growth),
        format_curve(growth.curve, unit),
        "not known" if growth.scatter is None else f"{100 * growth.scatter:.1f} %",
        ", ".join(leaving) or "none",
    ]


def format_exponent(growth: Growth) -> str:
    """The exponent with its interval, or why it has none."""
    exponent, interval = growth.curve.exponent, growth.interval
    if interval is None:
        n_lengths = len(growth.points) - len(growth.omitted)
        return f"{exponent:.2f}, no interval: {n_lengths} lengths"
    n_decimals = 2 if interval.high - interval.low >= NARROW else 3
    ends = f"{interval.low:.{n_decimals}f} to {interval.high:.{n_decimals}f}"
    return f"{exponent:.{n_decimals}f} ({ends})"


def name_growth(growth: Growth) -> str:
    """What the interval of the exponent says."""
    interval = growth.interval
    if interval is None:
        return "not told"
    if interval.low > 1 + LINEAR:
        return "faster than linear"
    if interval.high < 1 - LINEAR:
        return "slower than linear"
    return "linear" if interval.high - interval.low <= WIDEST_WORD else "not told"


def format_curve(curve: Curve, unit: Unit) -> str:
    """Over seconds of audio, whatever the sample rate."""
    of_second = curve.factor * SAMPLE_RATE**curve.exponent
    grows = f"{format_si(of_second, unit)} × t^{curve.exponent:.2f}"
    return f"{format_si(curve.fixed, unit)} + {grows}" if curve.fixed else grows


def _residuals(title: str, growths: Growths, names: CellNames) -> Iterator[str]:
    found = {key: growth for key, growth in growths.items() if isinstance(growth, Growth)}
    lengths = sorted({point.n_samples for g in found.values() for point in g.points})
    rows = [
        [names.model(key), names.setting(key), *_residual_cells(growth, lengths)]
        for key, growth in found.items()
    ]
    if rows:
        yield markdown_table([title, "Setting", *map(describe_samples, lengths)], rows, 2)


def _residual_cells(growth: Growth, lengths: Iterable[int]) -> Iterator[str]:
    residuals = {
        point.n_samples: (point, residual)
        for point, residual in zip(growth.points, growth.residuals, strict=True)
    }
    for length in lengths:
        yield _residual(growth, *residuals[length]) if length in residuals else ""


def _residual(growth: Growth, point: CostPoint, residual: float) -> str:
    text = f"{100 * residual:+.1f} %"
    text = f"**{text}**" if is_far(point, growth.curve) else text
    return f"({text})" if point in growth.omitted else text


def _counts(sweep: SweepSummary, names: CellNames) -> Iterator[str]:
    """Whether multiply-adds lie on a line is said of integers, without tolerance."""
    rows = [
        [names.model(key), names.setting(key, ("device", "threads")), *_count_cells(line)]
        for key, line in sweep.counts.items()
        if line
    ]
    if rows:
        yield "### Multiply-adds"
        yield markdown_table(
            ["Model", "Setting", "On a line", "Fixed part", "For a second of audio"], rows, 2
        )
        yield (
            "The line through the counts of the shortest and the longest audio; yes: every count "
            "in between is on it to the last multiply-add."
        )


def _count_cells(line: CountLine) -> list[str]:
    off = f"no, off by {_percent(line.largest_error)} at most"
    return [
        "yes" if line.is_exact else off,
        format_si(line.fixed, ""),
        format_si(line.per_sample * SAMPLE_RATE, ""),
    ]


def _percent(share: float) -> str:
    return f"{format_significant(100 * share, 2)} %"
