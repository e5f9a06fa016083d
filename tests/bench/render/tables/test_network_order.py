"""comparison.md: whether networks keep their order from one run to another."""

from bench.registry import TABLE1
from bench.results.summary import Value, summarize
from tests.bench.made_up_runs import (
    NETWORKS,
    make_run,
    with_values,
)
from tests.bench.render.tables.test_side_by_side import (
    TIME,
    A,
    B,
    column,
    elsewhere,
    render,
    table_below,
)
from tests.bench.render.tables.test_table1 import tables


def test_the_order_of_networks_is_compared_by_every_time_and_memory() -> None:
    slow = with_values(B, TIME, [Value(3.0), Value(2.0), Value(2.5)])
    table = table_below(render(A, slow), "Whether networks keep their order")
    assert column(table, "Metric") == ["Memory I", "Memory B on cpu", "Time I", "Time B on cpu"]
    assert set(column(table, "Runs")) == {"A and B"}
    first, second, third = (entry.display_name for entry in NETWORKS)
    swapped = f"{first} and {second}; {first} and {third}"
    assert column(table, "Pairs in another order") == ["none", "none", swapped, "none"]
    assert column(table, "Kendall's τ") == ["1.00", "1.00", "-0.33", "1.00"]
    assert column(table, "Networks") == ["3"] * 4


def test_of_three_runs_every_pair_says_how_stable_the_order_is() -> None:
    """B and C agree least, and the first table has neither of their pairs."""
    usual, one, two = (
        with_values(
            elsewhere(make_run(TABLE1[:4]), cpu), TIME, [Value(float(cost)) for cost in costs]
        )
        for cpu, costs in (("A", (1, 2, 3, 4)), ("B", (2, 1, 3, 4)), ("C", (1, 2, 4, 3)))
    )
    text = render(usual, one, two)
    table = list(tables(text.partition("# Whether networks keep their order\n\n")[2]))[1]
    assert table[0] == [
        "Metric",
        "Runs that agree least",
        "Pairs of runs",
        "Mean τ",
        "Smallest τ",
    ]
    (row,) = [row for row in table[1:] if row[0] == "Time I"]
    assert row[1:] == ["B and C", "3", "0.56", "0.33"]
    assert "Runs that agree least" not in render(usual, one)


def test_of_many_pairs_in_another_order_some_are_named_and_the_others_counted() -> None:
    run = summarize(make_run(TABLE1))
    backwards = with_values(run, TIME, [Value(float(cost)) for cost in range(7, 0, -1)])
    table = table_below(render(run, backwards), "Whether networks keep their order")
    (pairs,) = [text for text in column(table, "Pairs in another order") if text != "none"]
    assert pairs.split("; ") == [
        "Conv-TasNet and Demucs",
        "Conv-TasNet and DPRNN",
        "Conv-TasNet and Two-Step TDCN",
        "18 more",
    ]
