"""Times and ratios as text: a number with its interval, or a range, and never both."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.render.columns import LATENCY
from bench.render.estimates import (
    as_value,
    format_ratio,
    format_span,
    format_time,
    plus_minus,
)
from bench.results.record import Status
from bench.results.statistics import Interval, estimate
from bench.results.summary import Value
from bench.results.timing import Doubt, DoubtKind

TRUSTED = estimate([[0.117, 0.117]] * 2 + [[0.1171, 0.1171]])
WIDE = estimate([[0.09], [0.13], [0.2]] * 2)


@pytest.mark.parametrize(
    ("half_width", "text"),
    [
        (0.001, " ± 0.1 %"),
        (0.0074, " ± 0.7 %"),
        (0.03, " ± 3 %"),
        (0.0996, " ± 9.9 %"),
        (0.249, " ± 24.9 %"),
        (0.3, " ± 30 %"),
    ],
)
def test_an_interval_is_half_its_width_over_the_value(half_width: float, text: str) -> None:
    interval = Interval(0.2 * (1 - half_width), 0.2 * (1 + half_width), 0.95)
    assert plus_minus(interval, 0.2) == text


def test_without_an_interval_nothing_is_said_of_it() -> None:
    assert plus_minus(None, 1.0) == ""


def test_what_is_trusted_is_a_number_and_what_is_not_a_range() -> None:
    assert format_time(TRUSTED) == "117 ms ± 0.1 %"
    assert format_ratio(TRUSTED) == "0.117 ± 0.1 %"
    assert format_time(WIDE) == "90 to 200 ms, noisy"
    assert format_ratio(WIDE) == "0.09 to 0.20, noisy"


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8))
def test_a_number_and_a_range_are_never_taken_for_each_other(times_s: list[float]) -> None:
    found = estimate([[time_s] for time_s in times_s])
    for text in (format_time(found), format_ratio(found)):
        assert ("±" in text) == found.is_trusted
        assert text.endswith(", noisy") != found.is_trusted
        assert bool(re.search(" to |about ", text)) != found.is_trusted


INFERENCE = LATENCY[0]
DOUBTS = (Doubt(DoubtKind.WIDE_INTERVAL, share=0.12),)


@pytest.mark.parametrize(
    ("value", "under_a_heading", "alone"),
    [
        (Value(0.117), "0.117", "117 ms"),
        (Value(0.117, interval=Interval(0.114, 0.120, 0.95)), "0.117", "117 ms ± 3 %"),
        (
            Value(0.117, doubts=DOUBTS, interval=Interval(0.103, 0.131, 0.95)),
            "0.117†",
            "117 ms† ± 12 %",
        ),
        (
            Value(None, span=(0.09, 0.2), doubts=DOUBTS),
            "0.09 to 0.20, noisy",
            "90 to 200 ms, noisy",
        ),
        (Value(None, span=(2e-6, 3e-6)), "2.0 to 3.0 µs, noisy", "2.0 to 3.0 µs, noisy"),
        (Value(27.1e-6), "27.1 µs", "27.1 µs"),
        (Value(None, Status.OOM, "Full."), "oom", "oom"),
    ],
)
def test_a_value_in_a_column_and_alone(value: Value, under_a_heading: str, alone: str) -> None:
    assert INFERENCE.format(value) == under_a_heading
    assert INFERENCE.format_alone(value) == alone


def test_a_range_says_that_it_is_one() -> None:
    assert format_span((1.2, 2.1)) == "1.2 to 2.1, noisy"


def test_as_a_value_it_is_a_number_with_its_interval_or_a_range_with_its_doubts() -> None:
    assert as_value(TRUSTED) == Value(TRUSTED.value, interval=TRUSTED.interval)
    assert as_value(WIDE) == Value(None, doubts=(Doubt(DoubtKind.WIDE_INTERVAL),), span=WIDE.span)
    few = as_value(estimate([[1.0], [2.0]]))
    assert few.span == (1.0, 2.0)
    assert {doubt.kind for doubt in few.doubts} == {
        DoubtKind.FEW_PROCESSES,
        DoubtKind.FEW_CALLS,
    }
