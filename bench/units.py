"""Numbers with units for people: the only place that scales or rounds."""

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
    decimals = max(0, digits - 1 - int(f"{abs(rounded):e}".partition("e")[2]))
    return f"{rounded:.{decimals}f}" if decimals else f"{value:.0f}"


def format_si(value: float, unit: str, digits: int = 3) -> str:
    """A quantity with the prefix that leaves 1 to 1000 before it.

    >>> format_si(2.2921e9, "MAC"), format_si(0.0123, "s"), format_si(0, "B")
    ('2.29 GMAC', '12.3 ms', '0 B')
    """
    if value == 0:
        return f"0 {unit}".strip()
    rounded = float(f"{value:.{digits}g}")  # first, so that 999.96 is 1.00 k and not 1000
    factor, prefix = next(
        (pair for pair in SI_PREFIXES if abs(rounded) >= pair[0]), SI_PREFIXES[-1]
    )
    return f"{format_significant(value / factor, digits)} {prefix}{unit}".strip()
