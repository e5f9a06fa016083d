"""Numbers with units for people: the only place that scales or rounds."""

import math
from collections.abc import Iterable

WHOLE_UNITS = ("", "B")
SI_PREFIXES = (
    (1e18, "E"),
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
)


def format_significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent.

    >>> format_significant(2.2921), format_significant(0.0123456), format_significant(1234.5)
    ('2.29', '0.0123', '1234')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    decimals = _decimals(value, digits)
    return f"{rounded:.{decimals}f}" if decimals else f"{value:.0f}"


def _decimals(value: float, digits: int) -> int:
    """How many of the significant digits stand behind the point."""
    return max(0, digits - 1 - int(f"{abs(value):.{digits - 1}e}".partition("e")[2]))


def format_si(value: float, unit: str, digits: int = 3) -> str:
    """A quantity with the prefix that leaves 1 to 1000 before it.

    Counts and bytes below 1000 are whole.

    >>> format_si(2.2921e9, "MAC"), format_si(0.0123, "s"), format_si(8, ""), format_si(0, "B")
    ('2.29 GMAC', '12.3 ms', '8', '0 B')
    """
    if value == 0:
        return f"0 {unit}".strip()
    if unit in WHOLE_UNITS and abs(value) < 1000 and value == int(value):
        return f"{value:.0f} {unit}".strip()
    rounded = float(f"{value:.{digits}g}")  # first, so that 999.96 is 1.00 k and not 1000
    factor, prefixed = find_prefix(rounded, unit)
    return f"{format_significant(value / factor, digits)} {prefixed}".strip()


def find_prefix(value: float, unit: str) -> tuple[float, str]:
    """What a value is divided by, and its unit then.

    >>> find_prefix(2.2921e9, "B")
    (1000000000.0, 'GB')
    """
    factor, prefix = next((pair for pair in SI_PREFIXES if abs(value) >= pair[0]), SI_PREFIXES[-1])
    return factor, prefix + unit


def format_range(low: float, high: float, unit: str | None = None) -> str:
    """Two values above zero and what lies between, to two digits, in the unit of the larger.

    Without a ``unit`` they are as they are. Ends that look the same have a third digit, and are
    one "about" so much if they still do.

    >>> format_range(0.0912, 0.2), format_range(0.0912, 0.2, "s"), format_range(1.001, 1.002, "s")
    ('0.09 to 0.20', '91 to 200 ms', 'about 1.00 s')
    """
    factor, name = (1.0, "") if unit is None else find_prefix(float(f"{high:.2g}"), unit)
    first, last = format_ends(low / factor, high / factor)
    return f"about {last} {name}".strip() if first == last else f"{first} to {last} {name}".strip()


def format_ends(low: float, high: float) -> tuple[str, str]:
    """Both ends of a range above zero to two digits, or to three where two would hide it.

    >>> format_ends(0.0912, 0.2), format_ends(1.001, 1.002)
    (('0.09', '0.20'), ('1.00', '1.00'))
    """
    digits = digits_apart((low, high), 2)
    decimals = max(_decimals(high, min(digits, 3)), _decimals(low, 1))
    return f"{low:.{decimals}f}", f"{high:.{decimals}f}"


def format_with_uncertainty(value: float, half_width: float) -> tuple[str, str]:
    """A number to three digits and half its interval, with the same decimals.

    They are fewer where more than two digits of the half would show, up to two more where none
    would; a smaller half is zero.

    >>> format_with_uncertainty(0.3474, 0.0172), format_with_uncertainty(0.09, 0.0166)
    (('0.347', '0.017'), ('0.090', '0.017'))
    >>> format_with_uncertainty(415.2, 0.4)
    ('415.2', '0.4')
    """
    decimals = _decimals(value, 3)
    if half_width and _decimals(half_width, 1) <= decimals + 2:
        decimals = min(max(decimals, _decimals(half_width, 1)), _decimals(half_width, 2))
    return f"{value:.{decimals}f}", f"{half_width:.{decimals}f}"


def format_duration(seconds: float) -> str:
    """A length of time as one says it: in tens of seconds, or in minutes.

    >>> format_duration(3), format_duration(38), format_duration(100), format_duration(250)
    ('10 s', '40 s', '2 min', '4 min')
    """
    tens = max(1, round(seconds / 10))
    return f"{10 * tens} s" if tens < 9 else f"{round(seconds / 60)} min"


def format_length(seconds: float) -> str:
    """A length of audio, in seconds, minutes or hours, to three digits.

    >>> format_length(0.5), format_length(32), format_length(200), format_length(9000)
    ('0.5 s', '32 s', '3.33 min', '2.5 h')
    """
    sizes = ((3600.0, "h"), (60.0, "min"))
    size, unit = next((pair for pair in sizes if seconds >= 2 * pair[0]), (1.0, "s"))
    number = format_significant(seconds / size)
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def digits_apart(values: Iterable[float], digits: int = 3) -> int:
    """The fewest significant digits, from ``digits`` on, with which different values look it.

    >>> digits_apart([0.10004, 0.1, 0.2]), digits_apart([1.0, 1.0]), digits_apart([1.0, 2.0])
    (5, 3, 3)
    """
    finite = sorted({value for value in values if math.isfinite(value)})
    while digits < 17:
        if len({format_significant(value, digits) for value in finite}) == len(finite):
            break
        digits += 1
    return digits
