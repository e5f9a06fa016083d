"""Lines of two profiles in words: what a line is about, its times, their difference."""

from math import isinf

from bench.render.estimates import NOISY, format_span, plus_minus
from bench.results.difference import Difference, MeanTime
from bench.results.lined_up import REST, WHOLE, LinedUpLine, Where
from bench.results.statistics import LEVEL, WIDEST, Interval
from bench.units import digits_apart, format_si, format_significant

WITHIN_NOISE = "within noise"
NONE = "none"
OUTSIDE = "outside of modules"
"""What the network itself does, and what is differentiated of no module."""


def name_line(line: LinedUpLine, labels: tuple[str, str]) -> str:
    """What a line is about, and which side alone has it."""
    base, head = labels
    if line.base is None:
        return f"{name_where(line.where)}, only in {head}"
    if line.head is None:
        return f"{name_where(line.where)}, only in {base}"
    return name_where(line.where)


def name_where(where: Where) -> str:
    """A place in the words of a reader; of the forward only where in the network it is."""
    if where == WHOLE:
        return "the whole step"
    if where.part == REST:
        return "not attributed"
    if where.part == "forward":
        return where.name or OUTSIDE
    if where.part == "backward":
        return f"{where.name or OUTSIDE}, backward"
    part = where.part.replace("_", " ")
    return f"{where.name}, {part}" if where.name else part


def format_mean(time: MeanTime) -> str:
    """Seconds in the unit that fits, with half the interval; a range where it is no number."""
    low, high = time.value_s - time.half_width_s, time.value_s + time.half_width_s
    if time.half_width < WIDEST:
        interval = Interval(low, high, LEVEL) if time.value_s > 0 else None
        return format_si(time.value_s, "s") + plus_minus(interval, time.value_s)
    return format_span((low, high), "s") if low > 0 else NOISY


def format_times(line: LinedUpLine) -> tuple[str, str, str]:
    """The time of each side, none where it has no such place, and the difference."""
    time = line.time
    return (
        NONE if line.base is None else format_mean(time.base),
        NONE if line.head is None else format_mean(time.head),
        format_difference(time),
    )


def format_difference(difference: Difference) -> str:
    """With its sign and half its interval in seconds, and whether it is any."""
    sign = "-" if difference.value_s < 0 else "+" if difference.value_s > 0 else ""
    text = sign + format_si(abs(difference.value_s), "s")
    half_s = difference.half_width_s
    if isinf(half_s):
        return f"{text}, {NOISY}"
    if half_s:
        text += f" ± {format_si(half_s, 's', 2)}"
    return f"{text}, {WITHIN_NOISE}" if difference.is_within_noise else text


def format_quotient(difference: Difference) -> str:
    """The ratio with its interval; a range alone where one of the times is no number."""
    ratio, span = difference.ratio, difference.ratio_span
    if ratio is None:
        return NONE
    if span is None:
        return NOISY
    is_trusted = max(difference.base.half_width, difference.head.half_width) < WIDEST
    if not is_trusted:
        return format_span(span)
    if span[0] == span[1]:
        return format_significant(ratio)
    low, high = (format_significant(end) for end in span)
    return f"{format_significant(ratio)} ({low} to {high})"


def format_change(base: int | None, head: int | None, unit: str) -> str:
    """A count of either side, once where they are equal; with digits that tell them apart."""
    below_1 = 10.0 ** -len(str(max(base or 0, head or 0)))  # where no digit is shown for nothing
    digits = digits_apart((value or 0) * below_1 for value in (base, head))
    texts = [NONE if value is None else format_si(value, unit, digits) for value in (base, head)]
    return texts[0] if base == head else " → ".join(texts)
