"""Differences by module: they sum to the whole, and each has the cause that its numbers show."""

from hypothesis import given
from hypothesis import strategies as st

from bench.counting.attribution import Attribution, find_causes, take_away_inner
from bench.results.measurements import Cause, ModuleRow

COUNTS = st.integers(0, 10**12)
TYPES = st.sampled_from(("Conv1d", "Linear", "LSTM", "GroupNorm", "Own"))


def make_row(path: str, type_name: str, macs: int, more_flops: int = 0) -> ModuleRow:
    flops = 2 * macs + more_flops
    return ModuleRow(path, type_name, "other", 0, macs, flops, macs, flops, 0)


def causes_in(type_name: str, ours: int, theirs: float, more_flops: int = 0) -> tuple[Cause, ...]:
    """Of a network of one module."""
    return find_causes(
        Attribution({"layer": theirs}), [make_row("layer", type_name, ours, more_flops)]
    )


@given(
    modules=st.lists(st.tuples(TYPES, COUNTS, COUNTS, COUNTS)),
    beside=st.dictionaries(st.sampled_from(("relu", "add", "mul")), COUNTS),
)
def test_causes_sum_to_the_whole_difference(
    modules: list[tuple[str, int, int, int]], beside: dict[str, float]
) -> None:
    rows = [make_row(str(n), kind, ours, more) for n, (kind, ours, _, more) in enumerate(modules)]
    theirs = {str(n): float(count) for n, (_, _, count, _) in enumerate(modules)}
    causes = find_causes(Attribution(theirs, beside), rows)
    difference = sum(theirs.values()) + sum(beside.values()) - sum(row.own_macs for row in rows)
    assert sum(cause.macs for cause in causes) == difference
    assert len({(cause.kind, cause.where) for cause in causes}) == len(causes)


def test_the_same_count_needs_no_cause() -> None:
    assert causes_in("Conv1d", 100, 100.0, more_flops=7) == ()


def test_biases_are_named_where_the_surplus_is_exactly_theirs() -> None:
    assert causes_in("Conv1d", 100, 107.0, more_flops=7) == (Cause("bias", "Conv1d", 7.0),)
    assert causes_in("Conv1d", 100, 108.0, more_flops=7) == (Cause("more", "Conv1d", 8.0),)
    assert causes_in("LSTM", 100, 107.0, more_flops=7) == (Cause("more", "LSTM", 7.0),)


def test_a_layer_without_matmuls_has_none_that_could_be_biased() -> None:
    assert causes_in("Linear", 0, 5.0, more_flops=5) == (Cause("no matmul", "Linear", 5.0),)


def test_missed_matmuls_are_all_or_some() -> None:
    assert causes_in("Own", 100, 0.0) == (Cause("none", "Own", -100.0),)
    assert causes_in("Own", 100, 40.0) == (Cause("less", "Own", -60.0),)


def test_an_operator_without_a_formula_is_the_cause_only_where_something_is_missing() -> None:
    rows = [make_row("rnn", "LSTM", 100), make_row("out", "Linear", 10, more_flops=3)]
    both = {"rnn": "aten::lstm", "out": "aten::mv"}
    found = Attribution({"out": 13.0}, without_formula=both)
    assert find_causes(found, rows) == (
        Cause("no formula", "aten::lstm", -100.0),
        Cause("bias", "Linear", 3.0),
    )


def test_sums_less_what_is_inside() -> None:
    sums = {"": 100.0, "a": 70.0, "a.b": 20.0, "a.c": 50.0, "d": 30.0}
    assert take_away_inner(sums) == {"": 0.0, "a": 0.0, "a.b": 20.0, "a.c": 50.0, "d": 30.0}
