"""Times and ratios with their intervals, in words: a number, or a range where it is no number."""

import math

from bench.results.statistics import WIDEST, Estimate, Interval
from bench.results.summary import Value
from bench.results.timing import NOISY_WIDTH, Doubt, estimate_doubts
from bench.units import format_range, format_si, format_significant

NOISY = "noisy"
"""Behind a range: nothing in it can be quoted."""


def plus_minus(interval: Interval | None, value: float) -> str:
    """Half the interval as a share of the value, as `` ± 3 %``; empty without one.

    One that would be rounded up to a limit that it is below has a decimal: marks follow the limits.
    """
    if interval is None:
        return ""
    percent = 100 * interval.relative_width(value)
    is_below = any(percent < 100 * limit <= round(percent) for limit in (NOISY_WIDTH, WIDEST))
    shown = math.floor(10 * percent) / 10 if is_below else percent
    return f" ± {shown:.1f} %" if percent < 1 or is_below else f" ± {percent:.0f} %"


def format_span(span: tuple[float, float], unit: str | None = None) -> str:
    """The range in the place of a number."""
    return f"{format_range(*span, unit)}, {NOISY}"


def format_time(estimate: Estimate) -> str:
    """Seconds in the unit that fits, with the interval; or the range."""
    if not estimate.is_trusted:
        return format_span(estimate.span, "s")
    return format_si(estimate.value, "s") + plus_minus(estimate.interval, estimate.value)


def format_ratio(estimate: Estimate) -> str:
    """A number without a unit with its interval; or the range."""
    if not estimate.is_trusted:
        return format_span(estimate.span)
    return format_significant(estimate.value) + plus_minus(estimate.interval, estimate.value)


def as_value(estimate: Estimate) -> Value:
    """A number with its interval, or a range in its place; with the kinds of its doubts."""
    doubts = tuple(Doubt(kind) for kind in estimate_doubts(estimate))
    if not estimate.is_trusted:
        return Value(None, doubts=doubts, span=estimate.span)
    return Value(estimate.value, doubts=doubts, interval=estimate.interval)
