"""What differs, in words: signs, marks and digits that tell values apart."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.render.differences import (
    WITHIN_NOISE,
    format_change,
    format_difference,
    format_mean,
    format_quotient,
    format_times,
    name_line,
)
from bench.results.difference import NO_TIME, Difference, MeanTime
from bench.results.lined_up import REST, WHOLE, LinedUpLine, Profiled, Where, line_up_sections
from tests.bench.made_up_profiles import make_profile, make_row

means = st.builds(MeanTime, st.floats(1e-6, 1e2), st.floats(0, 2) | st.just(inf))
differences = st.builds(Difference, means, means)


@given(differences)
def test_what_is_no_difference_is_marked_and_nothing_else(found: Difference) -> None:
    text = format_difference(found)
    is_marked = WITHIN_NOISE in text or "noisy" in text
    assert is_marked == found.is_within_noise


@given(differences)
def test_the_sign_says_who_takes_more(found: Difference) -> None:
    sign = {1: "+", -1: "-", 0: "0"}[(found.value_s > 0) - (found.value_s < 0)]
    assert format_difference(found).startswith(sign)


@pytest.mark.parametrize(
    ("base", "head", "difference", "quotient"),
    [
        (
            MeanTime(10e-3, 0.01),
            MeanTime(13.1e-3, 0.01),
            "+3.10 ms ± 165 µs",
            "1.31 (1.29 to 1.33)",
        ),
        (
            MeanTime(13.1e-3, 0.01),
            MeanTime(10e-3, 0.01),
            "-3.10 ms ± 165 µs",
            "0.763 (0.753 to 0.774)",
        ),
        (
            MeanTime(10e-3, 0.1),
            MeanTime(10.1e-3, 0.1),
            "+100 µs ± 1.4 ms, within noise",
            "1.01 (0.876 to 1.16)",
        ),
        (MeanTime(1e-3, 0.0), MeanTime(2e-3, 0.0), "+1.00 ms", "2.00"),
        (MeanTime(1e-3, inf), MeanTime(2e-3, 0.0), "+1.00 ms, noisy", "noisy"),
        (NO_TIME, MeanTime(2e-3, 0.0), "+2.00 ms", "none"),
    ],
)
def test_differences_and_ratios(
    base: MeanTime, head: MeanTime, difference: str, quotient: str
) -> None:
    found = Difference(base, head)
    assert (format_difference(found), format_quotient(found)) == (difference, quotient)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (MeanTime(12.3e-3, 0.03), "12.3 ms ± 3 %"),
        (MeanTime(10e-3, 0.5), "5 to 15 ms, noisy"),
        (MeanTime(10e-3, inf), "noisy"),
        (NO_TIME, "0 s"),
    ],
)
def test_times(time: MeanTime, text: str) -> None:
    assert format_mean(time) == text


@pytest.mark.parametrize(
    ("base", "head", "text"),
    [
        (1_000_000, 1_000_000, "1.00 M"),
        (1_000_000, 1_000_100, "1.0000 M → 1.0001 M"),
        (1_000_000, 2_000_000_000, "1.00 M → 2.00 G"),
        (None, 5, "none → 5"),
        (None, None, "none"),
    ],
)
def test_changes_of_counts(base: int | None, head: int | None, text: str) -> None:
    assert format_change(base, head, "") == text


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (WHOLE, "the whole step"),
        (Where(REST, ""), "not attributed"),
        (Where("forward", "blocks"), "blocks"),
        (Where("forward", ""), "outside of modules"),
        (Where("backward", "blocks"), "blocks, backward"),
        (Where("zero_grad", ""), "zero grad"),
        (Where("optimiser", "blocks"), "blocks, optimiser"),
    ],
)
def test_names_of_places(where: Where, text: str) -> None:
    (line, *_) = line_up_sections(*[Profiled("", make_profile([ENCODER]))] * 2).lines
    assert name_line(LinedUpLine(where, line.base, line.head), ("old", "new")) == text


ENCODER = make_row("encoder", "convolution", [0.5] * 3)


def test_what_one_side_alone_has_is_named_so_and_has_no_time_on_the_other() -> None:
    old = Profiled("v1", make_profile([ENCODER]))
    new = Profiled("v2", make_profile([ENCODER, make_row("decoder", "mm", [0.25] * 3)]))
    for sides, difference in (((old, new), "+250 ms"), ((new, old), "-250 ms")):
        found = line_up_sections(*sides)
        line = next(line for line in found.lines if line.where.name == "decoder")
        assert name_line(line, found.labels) == "decoder, only in v2"
        assert sorted(format_times(line)) == sorted(("none", "250 ms ± 0.0 %", difference))
