"""Numbers for people: the right digits, and the right prefix."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.units import (
    digits_apart,
    format_ends,
    format_range,
    format_si,
    format_significant,
    format_with_uncertainty,
)

positive = st.floats(min_value=1e-9, max_value=1e15)
n_digits = st.integers(min_value=1, max_value=6)


def half_a_unit(value: float, digits: int) -> Decimal:
    """Of the last significant digit, or of the whole number where that is finer."""
    exponent = min(0, Decimal(value).adjusted() - digits + 1)
    return Decimal(5).scaleb(exponent - 1)


@given(positive, n_digits)
@example(9.996, 3)
@example(999.5, 3)
@example(0.00099996, 3)
def test_what_is_printed_is_within_half_a_unit_of_the_last_digit(value: float, digits: int) -> None:
    printed = Decimal(format_significant(value, digits))
    assert abs(printed - Decimal(value)) <= half_a_unit(value, digits)


@given(positive, n_digits)
def test_it_has_the_digits_and_no_exponent(value: float, digits: int) -> None:
    text = format_significant(value, digits)
    assert "e" not in text
    assert not text.endswith(".")
    n_significant = len(text.replace(".", "").lstrip("0"))
    assert n_significant == digits if "." in text else n_significant >= digits


@given(positive)
def test_the_sign_is_kept(value: float) -> None:
    assert format_significant(-value) == "-" + format_significant(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0, "0"), (7, "7.00"), (0.13, "0.130"), (48.89, "48.9"), (415.09, "415")],
)
def test_examples_worked_out_by_hand(value: float, text: str) -> None:
    assert format_significant(value) == text


POWERS = {"T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "µ": -6}
ONES = st.floats(min_value=1e-6, max_value=0.999e15)


def mantissa_and_prefix(value: float) -> tuple[Decimal, str]:
    number, _, unit = format_si(value, "B").partition(" ")
    assert unit.endswith("B")
    return Decimal(number), unit.removesuffix("B")


@given(ONES)
@example(999.96)
@example(999_960.0)
@example(0.99996)
def test_a_prefix_leaves_1_to_1000_before_it(value: float) -> None:
    mantissa, _ = mantissa_and_prefix(value)
    assert 1 <= mantissa < 1000


@given(ONES)
def test_mantissa_times_prefix_is_the_value(value: float) -> None:
    mantissa, prefix = mantissa_and_prefix(value)
    assert abs(mantissa.scaleb(POWERS[prefix]) - Decimal(value)) <= Decimal("0.00501") * Decimal(
        value
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1.5, "1.50 B"),
        (1000, "1.00 kB"),
        (8e9, "8.00 GB"),
        (2.5e-7, "0.250 µB"),
    ],
)
def test_prefixes(value: float, text: str) -> None:
    assert format_si(value, "B") == text


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=5))
def test_different_values_look_different_and_no_digit_is_wasted(values: list[float]) -> None:
    digits = digits_apart(values)
    shown = {format_significant(value, digits) for value in set(values)}
    assert len(shown) == len(set(values)) or digits == 17
    if digits > 3:
        fewer = {format_significant(value, digits - 1) for value in set(values)}
        assert len(fewer) < len(set(values))


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.09, 0.2, None, "0.09 to 0.20"),
        (0.09, 0.2, "s", "90 to 200 ms"),
        (1.2, 2.1, None, "1.2 to 2.1"),
        (0.09, 1.2, "s", "0.09 to 1.20 s"),
        (0.0005, 0.02, "s", "0.5 to 20.0 ms"),
        (8.6, 11.3, "s", "9 to 11 s"),
        (1.01, 1.04, "s", "1.01 to 1.04 s"),
        (1.001, 1.002, "s", "about 1.00 s"),
        (0.5, 0.5, None, "about 0.50"),
        (0.9996, 0.9998, "s", "about 1.00 s"),
        (2e-6, 3e-6, "s", "2.0 to 3.0 µs"),
    ],
)
def test_ranges(low: float, high: float, unit: str | None, text: str) -> None:
    assert format_range(low, high, unit) == text


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e4))
def test_the_ends_of_a_range_are_within_half_a_unit_of_their_last_digit(
    low: float, factor: float
) -> None:
    """The upper end has two digits or more; the lower at least one, and as many decimals."""
    text = format_range(low, low * factor)
    first, _, last = text.removeprefix("about ").partition(" to ")
    assert Decimal(last or first) == pytest.approx(Decimal(low * factor), rel=Decimal("0.0501"))
    assert Decimal(first) == pytest.approx(Decimal(low), rel=Decimal("0.501"))
    assert first != last


@given(st.floats(1e-3, 1e4), st.floats(1e-3, 0.25))
@example(0.3474, 0.05)
@example(415.2, 0.001)
@example(9.996, 0.1)
def test_a_value_and_its_uncertainty_have_the_same_decimals(value: float, share: float) -> None:
    """Both are within half a unit of the last, which shows something of the uncertainty."""
    printed = [Decimal(text) for text in format_with_uncertainty(value, share * value)]
    unit = Decimal(1).scaleb(int(printed[0].as_tuple().exponent))
    assert printed[0].as_tuple().exponent == printed[1].as_tuple().exponent
    for text, exact in zip(printed, (value, share * value), strict=True):
        assert abs(text - Decimal(exact)) <= unit / 2
    assert printed[1] > 0


def test_an_uncertainty_that_is_far_too_small_to_be_seen_is_zero() -> None:
    assert format_with_uncertainty(0.4, 1e-16) == ("0.400", "0.000")
    assert format_with_uncertainty(0.4, 0.0) == ("0.400", "0.000")


@given(st.floats(1e-3, 1e4), st.floats(1.0, 10.0))
def test_a_range_in_words_has_the_ends_that_it_has_apart(low: float, factor: float) -> None:
    first, last = format_ends(low, low * factor)
    expected = f"about {last}" if first == last else f"{first} to {last}"
    assert format_range(low, low * factor) == expected
