"""The row of a counter: only what was computed is said, with its share, and what is left."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bench.render.tables.counter_causes import PHRASES, cause_row
from bench.results.measurements import Cause, CounterResult

OURS = CounterResult(1e9)
CAUSES = st.builds(
    Cause, st.sampled_from(sorted(PHRASES)), st.sampled_from("ab"), st.integers(-(10**9), 10**9)
)


def row_of(theirs: CounterResult | None, ours: CounterResult | None = OURS) -> list[str]:
    """What is said, and the whole difference."""
    return cause_row("a counter", "A network", theirs, ours)[2:]


def test_the_same_count_is_equal() -> None:
    assert row_of(CounterResult(1e9)) == ["equal to ours", ""]


def test_no_count_is_neither_equal_nor_different() -> None:
    expected = ["not counted (the reason is at the end)", ""]
    assert row_of(None) == row_of(CounterResult(reason="why")) == expected
    assert row_of(CounterResult(1e9), CounterResult(reason="why")) == expected
    assert row_of(CounterResult(1e9), None) == expected


def test_where_nobody_looked_nothing_is_said() -> None:
    assert row_of(CounterResult(0.024e9)) == ["not explained in these records", "-97.6%"]


def test_causes_are_said_with_their_shares_and_the_rest_is_not_explained() -> None:
    causes = (
        Cause("none", "Own", -0.5e9),
        Cause("no matmul", "PReLU", 0.06e9),
        Cause("no matmul", "prelu", 0.04e9),
    )
    assert row_of(CounterResult(0.7e9, causes=causes)) == [
        "some matmuls are not counted (`Own`) -50.0%; "
        "work without matmuls is counted (`PReLU`, `prelu`) +10.0%; not explained +10.0%",
        "-30.0%",
    ]


def test_nothing_is_left_where_the_causes_are_the_difference() -> None:
    (text, _) = row_of(CounterResult(1.1e9, causes=(Cause("bias", "Conv1d", 0.1e9),)))
    assert text == "biases are counted (`Conv1d`) +10.0%"


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    assert row_of(CounterResult(1e9 + 11_000, causes=(Cause("positions", "x", 11_000.0),))) == [
        "transposed convolutions are counted at their output positions +0.001%",
        "+0.001%",
    ]


def test_a_difference_from_no_matmuls_has_no_share() -> None:
    causes = (Cause("no matmul", "ReLU", 2e6),)
    text, difference = row_of(CounterResult(2e6, causes=causes), CounterResult(0.0))
    assert text == "work without matmuls is counted (`ReLU`) +2.00 MMAC"
    assert difference == "+2.00 MMAC"


@given(causes=st.lists(CAUSES, max_size=8).map(tuple), theirs=st.integers(0, 3 * 10**9))
def test_shares_sum_to_the_difference(causes: tuple[Cause, ...], theirs: int) -> None:
    text, difference = row_of(CounterResult(theirs, causes=causes))
    if difference:
        shares = [float(share) for share in re.findall(r"([-+]?[\d.]+)%", text)]
        assert abs(sum(shares) - float(difference.rstrip("%"))) <= 0.05 * (len(shares) + 1) + 1e-9
